# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a replica's data is: found on real servers for random histories, or said honestly why not; never wrong."""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import nullcontext
from typing import Any, Callable, Dict, List, Tuple
from typing import Counter as CounterType

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login
from lab import faults
from lab.accounts import ACCOUNTS, REPL
from lab.load import Writer
from lab.topology import Lab

from .locate_history import History, tables
from .locate_ways import in_process
from .locating import (
    SEQUENCE,
    TABLES,
    apply_until,
    checked,
    ends_of,
    go_on,
    move_back,
    position,
    stopped,
    true_position,
)
from .playbook import run_module

SEEDS = int(os.environ.get("REPLICA_LOCATE_SEEDS", "2"))
# The first of them, so that many can be spread over several runs.
FIRST_SEED = int(os.environ.get("REPLICA_LOCATE_FIRST", "0"))
# So many transactions a history has at most; few by default, for the sake of time.
MOST = 500 if SEEDS > 2 else 100
NAMES = {"single": "boundary", "range": "range", "refused": "undecided", "WRONG": "WRONG"}


@pytest.mark.every_flavour
def test_k_of_n(lab_of: Callable[..., Lab], flavour: str) -> None:
    """The recorded position is old, the data is K transactions further: K, or a range that holds it."""
    lab = lab_of(flavour, gtid=False)
    seen: CounterType[str] = Counter()
    more: CounterType[str] = Counter()
    widths: List[int] = []
    wrong: List[str] = []
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        rng = random.Random(seed)
        schema = "w%d" % seed
        lab.source.execute(*tables(lab.source, schema))
        start = stopped(lab)
        history = History(lab.source, seed, schema)
        # Every third one is written beside somebody else, who goes on while the position is looked for.
        with Writer(lab.source, rate=60.0) if seed % 3 == 2 else nullcontext():
            count = rng.randrange(20, MOST)
            ends = [start, *history.run(count)]
            number = rng.randrange(len(ends))
            if number:
                apply_until(lab, ends[number])
            true = true_position(lab) if number else start
            lab.configure(lab.links[0], start)
            result = run_module("binlog_locate", lab.replica)
            others = _otherwise(lab, seed, start)
        try:
            kind = checked(result, true)
            for name, other in others.items():
                more[name + " " + checked(other, true)] += 1
                assert name == "unknown" or other["kind"] == kind, other["msg"]
        except AssertionError as error:
            kind = "WRONG"
            wrong.append("seed %d, %d of %d, true %s: %s" % (seed, number, count, true, error))
        seen[kind] += 1
        if kind == "range":
            ends_at = [result["range"][name]["transactions_after_recorded"] for name in ("first", "last")]
            widths.append(ends_at[1] - ends_at[0])
        if kind != "boundary":
            print("seed %d: %d of %d: %s: %s" % (seed, number, count, kind, result["msg"]), flush=True)
        go_on(lab, true)
    told = [(name, seen[kind]) for name, kind in NAMES.items()]
    print("%s, %d histories: %s" % (flavour, SEEDS, ", ".join("%d %s" % (many, name) for name, many in told)))
    print("widths of ranges", sorted(widths), "and in other ways:", dict(more))
    assert not wrong, "\n".join(wrong)
    assert seen["boundary"] or SEEDS < 10


def _otherwise(lab: Lab, seed: int, start: Tuple[str, int]) -> Dict[str, Dict[str, Any]]:
    """What is said when the position is unknown, and with a second process that reads ahead, where there is time."""
    found = {}
    if SEEDS > 2 and seed % 2:
        found["unknown"] = run_module("binlog_locate", lab.replica, {"start": "unknown"})
    if SEEDS > 2 and seed % 5 == 4:
        replica, source = (
            Login(server.host, server.port, "root", ACCOUNTS["root"].password) for server in (lab.replica, lab.source)
        )
        both = in_process(replica, source, "%s:%d" % start)
        assert both["started"][1] and not both["started"][0], both["started"]
        found.update({name: {"failed": False, **both[name]} for name in ("alone", "helped")})
    return found


@pytest.mark.every_flavour
@pytest.mark.parametrize("workers", [1, 4])
def test_data_ahead(lab_of: Callable[..., Lab], flavour: str, workers: int) -> None:
    """The position is found, replication goes on from it, and the rows are the source's."""
    lab = lab_of(flavour, gtid=False, workers=workers, seed=TABLES)
    start, ends = move_back(lab)
    result = run_module("binlog_locate", lab.replica)
    # On MySQL 5.6 with workers too: they keep the order within a schema, which decides about what gives no evidence.
    assert result["kind"] == "boundary", result["msg"]
    assert position(result["coordinates"]) == ends[9]
    assert result["transactions_after_recorded"] == 10
    assert result["recorded"] == "%s:%d" % start
    assert result["evidence"]["votes_against"] == 0 and result["evidence"]["votes_for"] > 10
    assert not result["changed"] and result["bytes_read"] > 1000
    searched = run_module("binlog_locate", lab.replica, {"start": "unknown"})
    assert position(searched["coordinates"]) == ends[9], searched["msg"]
    go_on(lab, ends[9])
    statement = "SELECT id, n, v, extra FROM d.t1 ORDER BY id"
    assert lab.replica.query(statement) == lab.source.query(statement)
    assert lab.replica.query("SELECT * FROM d.cnt") == lab.source.query("SELECT * FROM d.cnt")


def test_statements(lab_of: Callable[..., Lab], flavour: str) -> None:
    """In STATEMENT format there are no images; definitions still tell in which range the data is."""
    lab = lab_of(flavour, gtid=False, binlog_format="STATEMENT", seed=TABLES)
    _start, ends = move_back(lab)
    result = run_module("binlog_locate", lab.replica)
    assert checked(result, ends[9]) == "range", result["msg"]
    assert ends[6] <= position(result["range"]["first"]) and position(result["range"]["last"]) <= ends[11]


def test_a_source_without_binlog(lab_of: Callable[..., Lab], flavour: str) -> None:
    """It is said, and nothing is guessed."""
    options = (
        {"source": {"skip_log_bin": True}} if not flavour.startswith("mariadb") else {"source": {"skip_log_bin": 1}}
    )
    lab = lab_of(flavour, gtid=False, replicate=False, server_options=options)
    result = run_module("binlog_locate", lab.replica, {"source": {"login_host": lab.source.host}})
    assert result["failed"] and "log_bin is off" in result["msg"], result["msg"]


def test_rows_moved_back(lab_of: Callable[..., Lab], flavour: str) -> None:
    """Somebody started it at the old position: updates went in again without an error, until an insert met its row."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    start = stopped(lab)
    ends = ends_of(
        lab,
        (
            "UPDATE d.cnt SET n = n + 1",
            "UPDATE d.t1 SET v = 'x' WHERE id = 1",
            "INSERT INTO d.t1 VALUES (7, 7, 'g')",
            "UPDATE d.cnt SET n = n + 1 WHERE id = 2",
            "UPDATE d.t1 SET v = 'y' WHERE id IN (1, 2)",
            "INSERT INTO d.t1 VALUES (8, 8, 'h')",
            "UPDATE d.t1 SET n = 0",
            "INSERT INTO d.t1 VALUES (9, 9, 'i')",
        ),
    )
    apply_until(lab, ends[5])
    lab.configure(lab.links[0], start)
    lab.replica.start_replica()
    words = lab.flavour.words
    lab.replica.wait_until(lambda: str(lab.status(lab.links[0])[words.sql_running]) == "No", 30, "the duplicate")
    result = run_module("binlog_locate", lab.replica, {"show_rows": "full"})
    assert result["kind"] == "mixed", result["msg"]
    assert position(result["mixed"]["last"]) == ends[5], result["mixed"]
    wanted = {(row["table"], row["key"]["id"]): row["expected"] for row in result["mixed"]["rows"]}
    assert wanted == {
        ("d.cnt", 2): {"id": 2, "n": 102},
        ("d.t1", 1): {"id": 1, "n": 1, "v": "y"},
    }
    assert run_module("binlog_locate", lab.replica)["mixed"]["rows"] == [
        {"table": "d.cnt", "key": {"id": 2}},
        {"table": "d.t1", "key": {"id": 1}},
    ]


def test_local_rows(lab_of: Callable[..., Lab], flavour: str) -> None:
    """A row that was never like that is shown, and no position is given."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    _start, ends = move_back(lab)
    lab.replica.execute("UPDATE d.cnt SET n = 4711 WHERE id = 1")
    result = run_module("binlog_locate", lab.replica)
    assert result["kind"] == "not_at_any_boundary", result["msg"]
    assert result["coordinates"] is None and result["gtid_set"] == ""
    assert position(result["diverged"]["closest"]) == ends[9]
    assert result["diverged"]["rows"] == [{"table": "d.cnt", "key": {"id": 1}}]
    hidden = run_module("binlog_locate", lab.replica, {"show_rows": "none"})
    assert hidden["diverged"]["rows"] == []


def test_gtid_set_to_append(lab_of: Callable[..., Lab], flavour: str) -> None:
    """With GTIDs the answer is the set that the replica's own lacks, or MariaDB's position."""
    lab = lab_of(flavour, gtid=True, seed=TABLES)
    stopped(lab)
    before = lab.source.gtid_position()
    ends = ends_of(lab, SEQUENCE[:9])
    at_nine = lab.source.gtid_position()
    ends += ends_of(lab, SEQUENCE[9:10])
    true = lab.source.gtid_position()
    ends += ends_of(lab, SEQUENCE[10:])
    apply_until(lab, ends[9])
    if lab.flavour.is_mariadb:
        lab.replica.execute("RESET MASTER", "SET GLOBAL gtid_slave_pos = '%s'" % before)
    else:
        lab.replica.execute(lab.flavour.words.reset_binlog, "SET GLOBAL gtid_purged = '%s'" % before)
    result = run_module("binlog_locate", lab.replica)
    assert result["kind"] == "boundary", result["msg"]
    assert position(result["coordinates"]) == ends[9]
    assert result["gtid_set"] == true and result["gtid_set"] != at_nine
    assert result["recorded"] == before
    if not lab.flavour.is_mariadb:
        uuid, _colon, last = true.rpartition("-")
        assert result["gtids_to_append"] == "%s:%d-%s" % (uuid.split(":")[0], int(last) - 9, last)


def test_transactions_left_out(lab_of: Callable[..., Lab], flavour: str) -> None:
    """Parallel appliers were stopped with a gap: which transactions are applied, exactly."""
    lab = lab_of(flavour, gtid=True, seed=TABLES)
    start = stopped(lab)
    statements = ["INSERT INTO d.t1 VALUES (%d, %d, 'p')" % (number, number) for number in range(10, 16)]
    ends = ends_of(lab, statements)
    lab.replica.execute_unlogged(*[statements[number] for number in (0, 1, 3, 5)])
    result = run_module("binlog_locate", lab.replica)
    assert result["kind"] == "applied_set", result["msg"]
    applied = [(row["file"], row["position"]) for row in result["applied"]["applied"]]
    missing = [(row["file"], row["position"]) for row in result["applied"]["missing"]]
    assert applied == [ends[2], ends[4]] and missing == [ends[1], ends[3]]
    assert position(result["applied"]["all_before"]) == ends[1] and start < ends[0]
    if not lab.flavour.is_mariadb:
        uuid, _colon, last = lab.source.gtid_position().rpartition("-")
        first = int(last) - 5
        assert result["gtids_to_append"] == "%s:%d-%d:%d:%d" % (
            uuid.split(":")[0], first, first + 1, first + 3, first + 5,
        )  # fmt: skip


def test_bad_input(lab_of: Callable[..., Lab], flavour: str) -> None:
    """Each says what is wrong and changes nothing."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    result = run_module("binlog_locate", lab.replica)
    assert result["failed"] and "applier is running" in result["msg"]
    start, ends = move_back(lab)
    result = run_module("binlog_locate", lab.replica, {"start": "here"})
    assert result["failed"] and "Option start" in result["msg"]
    result = run_module("binlog_locate", lab.replica, {"start": "%s:%d" % (start[0], start[1] + 1)})
    assert checked(result, ends[9]) == "boundary", result["msg"]
    result = run_module("binlog_locate", lab.replica, {"start": "binlog.000099:4"})
    assert result["failed"] and "purged" in result["msg"]
    result = run_module("binlog_locate", lab.replica, source_account=REPL)
    assert result["failed"] and result["code"] == "privilege", result["msg"]
    result = run_module("binlog_locate", lab.replica, {"source": {"login_host": lab.replica.host}})
    assert result["failed"] and result["code"] == "identity", result["msg"]
    assert faults.purge_binlogs(lab.source) != start[0]
    result = run_module("binlog_locate", lab.replica)
    assert result["failed"] and "purged" in result["msg"] and "unknown" in result["msg"]


def test_a_source_that_goes_on_writing(lab_of: Callable[..., Lab], flavour: str) -> None:
    """The end is fixed when the search begins; what is written later does not matter."""
    lab = lab_of(flavour, gtid=False, seed=TABLES)
    start = stopped(lab)
    with Writer(lab.source, rate=100.0) as writer:
        writer.wait_for(20)
        lab.source.execute("INSERT INTO d.t1 VALUES (10, 10, 'w')")
        middle = lab.source.coordinates()
        writer.wait_for(writer.committed + 20)
        apply_until(lab, middle)
        words, row = lab.flavour.words, lab.status(lab.links[0])
        true = (str(row[words.applied_file]), int(row[words.applied_pos]))
        lab.configure(lab.links[0], start)
        result = run_module("binlog_locate", lab.replica)
        assert checked(result, true) == "boundary", result["msg"]
        before = writer.committed
        writer.wait_for(before + 1)
