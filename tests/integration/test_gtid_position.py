# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source that lost the end of its binlog, and a replica that goes by coordinates: no number tells what is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from integration.conftest import SEED
from integration.test_gtid import FULL, LOST, NEW, full_matrix, gtid, picture, receiver_error, settle
from integration.test_repair import result
from lab import faults
from lab.compare import compare
from lab.load import Writer
from lab.topology import Lab

ALLOWED = {"repair_max_risk": "replica_history", "repair_allow_source_write": "true"}


def lost_tail(lab_of: Callable[..., Lab], flavour: str, then: Any = (), **options: Any) -> Lab:
    """A source that forgot its last transactions, and a replica by coordinates that has them."""
    lab = lab_of(flavour, "pair", gtid=False, seed=SEED, **options)
    lab.source.execute("INSERT INTO shop.t (v) VALUES ('before')")
    faults.lose_tail(lab, lambda: lab.source.execute(*LOST))
    receiver_error(lab, lab.replica)
    if then:
        lab.source.execute(*then)
    return lab


def rows(lab: Lab, winner: str) -> Any:
    return (lab.replica if winner == "replica" else lab.source).query("SELECT * FROM shop.t ORDER BY id")


def undone(lab: Lab) -> List[str]:
    return ["roll_back_reset" if lab.flavour.is_mariadb else "roll_back_lost"]


@pytest.mark.parametrize("winner", [pytest.param("replica", marks=full_matrix), "source"])
def test_a_lost_tail_is_kept_or_undone_by_choice(
    lab_of: Callable[..., Lab], flavour: str, winner: str, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour)
    wanted = rows(lab, winner)
    switches = {"repair_winner": winner, **ALLOWED}
    if FULL:
        before = picture(lab)
        refused = gtid(lab, tmp_path / "refused")
        assert refused.code != 0 and picture(lab) == before, refused.output
        asked = str(result(refused)["would_allow"])
        assert "repair_winner=replica" in asked and "repair_winner=source" in asked
        assert "2 rows of shop.t" in refused.output and "lost_tail" in result(refused)["line"], result(refused)
        planned = gtid(lab, tmp_path / "refused", "--check", **switches)
        assert planned.code == 0 and picture(lab) == before and not (tmp_path / "refused").exists(), planned.output
    settle(lab, tmp_path, ["replay", "repoint"] if winner == "replica" else undone(lab), **switches)
    assert rows(lab, "source") == wanted


@full_matrix
def test_what_the_source_wrote_over_the_lost_tail_is_found_and_kept(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    """Its file has grown beyond the replica's position: a plain start would go on in the middle of it."""
    lab = lost_tail(lab_of, flavour, then=NEW + tuple(_more(20)))
    file, position = lab.source.coordinates()
    row = lab.replica.replica_status() or {}
    assert (file, position) > (row[lab.flavour.words.source_file], int(row[lab.flavour.words.read_pos])), row
    wanted = rows(lab, "source")
    before = picture(lab)
    for some in ({}, {"repair_winner": "replica", **ALLOWED}):
        refused = gtid(lab, tmp_path / "refused", **some)
        assert refused.code != 0 and picture(lab) == before, refused.output
        assert "gtid_collision" in result(refused)["line"], result(refused)
    assert "repair_winner=source" in str(result(refused)["would_allow"]), result(refused)
    settle(lab, tmp_path, undone(lab), repair_winner="source", **ALLOWED)
    assert rows(lab, "source") == wanted


@full_matrix
def test_a_source_that_lost_a_whole_binlog_is_no_source_that_purged_it(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, "pair", gtid=False, seed=SEED)
    lab.source.execute("INSERT INTO shop.t (v) VALUES ('before')")
    faults.lose_tail(lab, lambda: lab.source.execute(LOST[0], "FLUSH LOCAL BINARY LOGS", *LOST[1:]))
    receiver_error(lab, lab.replica)
    wanted = rows(lab, "source")
    before = picture(lab)
    refused = gtid(lab, tmp_path / "refused")
    assert refused.code != 0 and picture(lab) == before and "lost_tail" in result(refused)["line"], refused.output
    settle(lab, tmp_path, undone(lab), repair_winner="source", **ALLOWED)
    assert rows(lab, "source") == wanted


@full_matrix
def test_a_start_in_the_middle_of_what_the_source_wrote_since_is_found_too(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour, then=NEW + tuple(_more(20)))
    words = lab.flavour.words
    lab.replica.stop_replica()
    lab.replica.start_replica()

    def refused_anew() -> bool:
        text = str((lab.replica.replica_status() or {})[words.io_error])
        return bool(text) and "file size" not in text and "impossible position" not in text

    lab.replica.wait_until(refused_anew, what="the receiver's new error")
    wanted = rows(lab, "source")
    before = picture(lab)
    refused = gtid(lab, tmp_path / "refused")
    assert refused.code != 0 and picture(lab) == before, refused.output
    assert "gtid_collision" in result(refused)["line"], result(refused)
    settle(lab, tmp_path, undone(lab), repair_winner="source", **ALLOWED)
    assert rows(lab, "source") == wanted


@full_matrix
def test_a_replica_that_logs_nothing_cannot_tell_what_is_lost(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour, options={"log_replica_updates": "0"})
    before = picture(lab)
    for winner in ("", "source", "replica"):
        refused = gtid(lab, tmp_path / "refused", repair_winner=winner, **ALLOWED)
        assert refused.code != 0 and picture(lab) == before, refused.output
        assert "own binlogs hold nothing of the source" in refused.output, result(refused)
        assert "holds 3 transactions that the source lacks" in refused.output, result(refused)
    assert "repair_max_risk=rebuild" in str(result(refused)["would_allow"]), result(refused)


@full_matrix
@pytest.mark.parametrize(("winner", "then"), [("replica", ()), ("source", ()), ("source", NEW)])
def test_a_source_that_lost_its_binlog_alone_keeps_its_rows(
    lab_of: Callable[..., Lab], flavour: str, winner: str, then: Any, tmp_path: Path
) -> None:
    """The rows are durable and the binlog was not: undoing them on the replica would make the two differ."""
    lab = lost_tail(lab_of, flavour)
    lab.source.execute_unlogged(*LOST)
    assert compare(lab.source, lab.replica) == []
    lab.source.execute(*then)
    wanted = rows(lab, "source")
    if winner == "replica" and lab.flavour.is_mariadb:
        refused = gtid(lab, tmp_path / "refused", repair_winner=winner, **ALLOWED)
        assert refused.code != 0 and "nothing to replay" in refused.output, refused.output
        winner = "source"
    first = {"source": undone(lab), "replica": ["replay"]}[winner]
    settle(lab, tmp_path, first, repair_winner=winner, **ALLOWED)
    assert rows(lab, "source") == rows(lab, "replica") == wanted


@full_matrix
def test_a_source_that_kept_some_of_the_rows_is_left_alone(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour)
    lab.source.execute_unlogged("INSERT INTO shop.t (id, v) VALUES (100, 'lost')")
    before = [rows(lab, "source"), rows(lab, "replica"), picture(lab)]
    for winner in ("replica", "source"):
        refused = gtid(lab, tmp_path / "refused", repair_winner=winner, **ALLOWED)
        assert refused.code != 0 and "some of their rows" in refused.output, refused.output
        assert [rows(lab, "source"), rows(lab, "replica"), picture(lab)] == before


@full_matrix
def test_a_replay_that_was_cut_short_is_finished_by_the_next_run(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lost_tail(lab_of, flavour)
    wanted = rows(lab, "replica")
    lab.source.execute(LOST[0])
    settle(lab, tmp_path, ["replay", "repoint"], repair_winner="replica", **ALLOWED)
    assert rows(lab, "source") == wanted


@full_matrix
@pytest.mark.parametrize("workers", [1, 4])
def test_the_source_may_go_on_writing_while_what_it_lost_is_undone(
    lab_of: Callable[..., Lab], flavour: str, workers: int, tmp_path: Path
) -> None:
    strict = {"gtid_strict_mode": "1"} if flavour.startswith("mariadb") else {}
    lab = lost_tail(lab_of, flavour, workers=workers, options=strict)
    with Writer(lab.source, rate=20) as writer:
        lab.source.wait_until(lambda: writer.committed > 20, what="the source to write again")
        done = gtid(lab, tmp_path, repair_winner="source", **ALLOWED)
    assert done.code == 0 and result(done)["applied"] == undone(lab), done.output
    assert result(done)["proof"] == "rows_proven", result(done)
    lab.wait_all_in_sync()
    assert compare(lab.source, lab.replica) == []
    assert lab.source.value("SELECT COUNT(*) FROM shop.t WHERE v IN ('lost', 'changed')") == 0


@full_matrix
def test_nothing_is_undone_above_a_server_that_keeps_it(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, "chain", gtid=False, seed=SEED)
    lab.source.execute("INSERT INTO shop.t (v) VALUES ('before')")
    faults.lose_tail(lab, lambda: lab.source.execute(*LOST))
    middle = lab.servers[1]
    receiver_error(lab, middle)
    before = [picture(lab), *(server.query("SELECT * FROM shop.t") for server in lab.servers)]
    refused = gtid(lab, tmp_path / "refused", target=middle.name, repair_winner="source", **ALLOWED)
    assert refused.code != 0 and "server id 3" in refused.output, refused.output
    assert [picture(lab), *(server.query("SELECT * FROM shop.t") for server in lab.servers)] == before
    done = gtid(lab, tmp_path / "done", target=middle.name, repair_winner="replica", **ALLOWED)
    assert done.code == 0 and result(done)["applied"] == ["replay", "repoint"], done.output
    lab.wait_all_in_sync()
    assert all(compare(lab.source, replica) == [] for replica in lab.replicas)


@full_matrix
def test_half_a_transaction_in_the_relay_log_does_not_stand_in_the_way(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    """The source crashed while it sent: the applier has the beginning of a transaction, and waits for ever."""
    lab = lab_of(flavour, "pair", gtid=False, seed=SEED, options={"max_allowed_packet": "64M"})
    source, replica = lab.source, lab.replica
    source.execute("CREATE TABLE shop.b (id INT PRIMARY KEY, v LONGBLOB)", "INSERT INTO shop.t (v) VALUES ('before')")
    lab.wait_all_in_sync()
    source.stop()
    source.save("before_tail")
    source.start()
    faults.reconnect(lab)
    source.execute(*LOST)
    lab.wait_all_in_sync()
    end = source.coordinates()
    blobs = ["INSERT INTO shop.b VALUES (%d, REPEAT('x', 1000000))" % number for number in range(200)]
    large = threading.Thread(target=source.execute, args=("BEGIN", *blobs, "COMMIT"))
    large.start()
    # wait_until looks too seldom: the rest must not arrive before the receiver is stopped. (MariaDB 11.8 begins a
    # binlog of its own for a transaction this large.)
    limit = time.monotonic() + 60
    while _read(lab) <= end and time.monotonic() < limit:
        pass
    replica.stop_replica("IO_THREAD")
    large.join()
    assert end < _read(lab) < source.coordinates(), "all of it has arrived: make it larger"
    source.kill()
    source.restore("before_tail")
    source.start()
    replica.start_replica("IO_THREAD")
    receiver_error(lab, replica)
    replica.wait_until(lambda: "has read all relay log" in str(replica.replica_status()), what="the applier to wait")
    wanted = rows(lab, "source")
    # MySQL 9.7 takes a minute to stop an applier amid a transaction.
    settle(lab, tmp_path, undone(lab), repair_winner="source", repair_timeout="150", **ALLOWED)
    assert rows(lab, "source") == wanted


def _read(lab: Lab) -> Tuple[str, int]:
    row, words = lab.replica.replica_status() or {}, lab.flavour.words
    return str(row[words.source_file]), int(row[words.read_pos])


def _more(count: int) -> List[str]:
    return ["INSERT INTO shop.t (id, v) VALUES (%d, '%s')" % (400 + number, "more" * 9) for number in range(count)]
