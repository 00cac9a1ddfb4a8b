# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction that the source logged with an error: which one it is, what both sides did, and how it is passed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import mismatch, mismatch_plan
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.query import QueryEvent
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transaction import Transaction
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skip_plan import Broken
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, STOPPED, Coordinates
from unit import made

SQL = "INSERT INTO m VALUES (3), (4)"
NEW = (
    "Worker 1 failed executing transaction '%s' at source log , end_log_pos 700; Query caused different errors on"
    " source and replica. Error on source: message (format)='Duplicate entry' error code=1062; Error on replica:actual"
    " message='no error', error code=0. Default database:'shop'. Query:'%s'" % ("ANONYMOUS", SQL)
)
OLD = (
    "Query caused different errors on master and slave.     Error on master: message (format)='Duplicate entry' error"
    " code=1062 ; Error on slave: actual message='Table 'd.m' doesn't exist', error code=1146. Default database: ''."
    " Query: '%s'" % SQL
)
PARTIAL = "Query partially completed on the master (error on master: 1317) and was aborted. Query: '%s'" % SQL
START = Coordinates("binlog.000003", 500)


def statement(text: str = SQL, error: int = 1062) -> QueryEvent:
    return QueryEvent("shop", text, 560, 700, 0, 1, 9, error, b"")


def transaction(first: int = 500, last: int = 800, gtid: str = "", **changes: Any) -> Transaction:
    values: dict[str, Any] = {"statements": (statement(),), **changes}
    return Transaction("binlog.000003", first, last, gtid, "commit", 0, 1, 9, **values)


def found(fault: Broken, gtid: str = "", executed: bool = False) -> mismatch.Mismatch:
    return mismatch.Mismatch(transaction(gtid=gtid), fault, executed)


def stopped(**changes: Any) -> Any:
    return made.channel(applier=STOPPED, **changes)


def test_it_is_found_by_its_gtid_else_by_its_end_else_it_is_the_first() -> None:
    ours, other = transaction(gtid=made.U1 + ":4"), transaction(800, 900, gtid=made.U1 + ":5")
    server, channel = made.server(), stopped()
    by_gtid = mismatch.finder(server, channel, Broken(13113, NEW, made.U1 + ":4"))
    assert by_gtid(ours) is True and by_gtid(other) is False
    by_end = mismatch.finder(server, channel, Broken(13113, NEW, ""))
    assert by_end(transaction()) is True and by_end(transaction(700, 800)) is False
    serial = mismatch.finder(made.server(flavour=made.MYSQL_56), channel, Broken(0, OLD, ""))
    assert serial(transaction(statements=(statement(error=0),))) is True
    hidden = mismatch.finder(made.server(flavour=made.MYSQL_56), stopped(parallel=4), Broken(1756, "...", ""))
    assert hidden(transaction()) is None and hidden(transaction(statements=(statement(error=0),))) is False


def test_only_one_that_was_logged_with_an_error_and_is_quoted_is_taken() -> None:
    server, channel, fault = made.server(flavour=made.MYSQL_56), stopped(), Broken(1146, "Query: '%s'" % SQL, "")
    assert mismatch.chosen(server, channel, fault, transaction(), ()).expected[0].error_code == 1062
    for wrong, why in (
        (transaction(statements=(statement(error=0),)), "without any error"),
        (transaction(statements=(statement("DELETE FROM x"),)), "not the one"),
        (None, "not in the source's binlog"),
    ):
        with pytest.raises(RefusedError, match=why):
            mismatch.chosen(server, channel, fault, wrong, ())
    hidden = Broken(1756, "...", "")
    assert mismatch.chosen(server, channel, hidden, None, (transaction(),)).transaction == transaction()
    with pytest.raises(RefusedError, match="2 transactions"):
        mismatch.chosen(server, channel, hidden, None, (transaction(), transaction()))


@pytest.mark.parametrize(
    ("number", "text", "gtid", "executed", "did"),
    [
        (13113, NEW, "", False, ("succeeded", 0)),
        (0, OLD, "", False, ("failed", 1146)),
        (1317, PARTIAL, "", False, ("not_run", 0)),
        (1146, "Table 'd.m' doesn't exist", "", False, ("failed", 1146)),
        (1756, "...", made.U1 + ":4", True, ("succeeded", 0)),
        (1756, "...", made.U1 + ":4", False, ("failed", 0)),
        (1756, "...", "", False, ("unknown", 0)),
    ],
)
def test_what_the_replica_did(number: int, text: str, gtid: str, executed: bool, did: Any) -> None:
    assert mismatch.replica_did(found(Broken(number, text, ""), gtid, executed)) == did


def plan(flavour: Any, gtid: str, done: bool = False, **changes: Any) -> Any:
    channel = stopped(**changes)
    server = made.server(channel, flavour=flavour, executed=GtidSet(), replica_position=GtidPosition.parse("0-1-3"))
    ours = found(Broken(13113, NEW, ""), gtid, done)
    how = mismatch_plan.method(server, channel, ours)
    mismatch_plan.check(how, server, channel, ours)
    made_plan = mismatch_plan.plan(how, made.verbs(flavour), server, channel, ours, "id", "none")
    return how, [query.split(" FOR CHANNEL")[0] for query in made_plan.queries()], made_plan


def test_with_gtids_it_counts_as_executed_before_the_relay_logs_go() -> None:
    gtid = made.U1 + ":4"
    how, queries, _plan = plan(made.MYSQL_97, gtid)
    assert how == "gtid" and [query.split(" ")[0] for query in queries] == ["STOP", "SET", "RESET", "START"]
    _how, queries, _plan = plan(made.MYSQL_97, gtid, done=True)
    assert [query.split(" ")[0] for query in queries] == ["STOP", "RESET", "START"]
    how, queries, _plan = plan(made.MYSQL_97, gtid, mode=POSITION)
    assert how == "position" and "SOURCE_LOG_POS = 800" in queries[3]


def test_elsewhere_the_skip_counter_passes_what_the_applier_stands_before() -> None:
    how, queries, _plan = plan(made.MYSQL_56, "", mode=POSITION)
    assert how == "counter" and queries == ["SET GLOBAL sql_slave_skip_counter = 1", "START SLAVE SQL_THREAD"]
    _how, queries, _plan = plan(made.MYSQL_97, "", mode=POSITION, parallel=4, executed=Coordinates("binlog.000003", 4))
    assert queries[0] == "START REPLICA SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS"
    how, queries, _plan = plan(made.MARIADB_1011, "0-1-4")
    assert how == "counter" and queries[0] == "SET SESSION default_master_connection = ''"


def test_nothing_is_passed_while_later_transactions_may_be_done() -> None:
    for gaps in (True, None):
        with pytest.raises(RefusedError, match="later transactions"):
            plan(made.MYSQL_97, "", mode=POSITION, parallel=4, position_gaps=gaps)
    end = Coordinates("binlog.000003", 800)
    assert plan(made.MYSQL_56, "", mode=POSITION, parallel=4, position_gaps=None, read=end)[0] == "counter"
    with pytest.raises(RefusedError, match="skip"):
        plan(made.MYSQL_56, "", mode=POSITION, skip_counter=2)


def test_several_domains_of_mariadb_are_moved_by_their_position() -> None:
    channel = stopped(parallel=4)
    server = made.server(channel, flavour=made.MARIADB_1011, replica_position=GtidPosition.parse("0-1-3,7-1-1"))
    ours = found(Broken(0, OLD, ""), "0-1-4")
    how = mismatch_plan.method(server, channel, ours)
    queries = mismatch_plan.plan(how, made.verbs(made.MARIADB_1011), server, channel, ours, "id", "none").queries()
    assert how == "gtid_slave_pos" and "SET GLOBAL gtid_slave_pos = '0-1-4,7-1-1'" in queries
    running = made.channel(name="other")
    with pytest.raises(RefusedError, match="other"):
        mismatch_plan.check(how, made.server(channel, running, flavour=made.MARIADB_1011), channel, ours)


def test_a_run_that_was_cut_off_behind_its_reset_is_finished() -> None:
    _how, _queries, whole = plan(made.MYSQL_97, made.U1 + ":4", delay=60)
    kept = mismatch_plan.finishing(whole.steps)
    assert [one["sql"].split(" ")[0] for one in kept] == ["CHANGE", "START"]
    record = {
        "server": {"identity": made.U2}, "channel": "", "outcome": "running",
        "details": {"finish": kept, "passed": [{"gtid": made.U1 + ":4"}]},
    }  # fmt: skip
    channel = stopped(receiver=STOPPED)
    server = made.server(channel, executed=GtidSet.parse(made.U1 + ":1-4"))
    assert mismatch_plan.cut_short(record, server, channel)
    assert not mismatch_plan.cut_short({**record, "outcome": "done"}, server, channel)
    assert not mismatch_plan.cut_short({**record, "details": {}}, server, channel)
    assert not mismatch_plan.cut_short(record, made.server(executed=GtidSet()), channel)
    assert not mismatch_plan.cut_short(record, server, made.channel())
    queries = mismatch_plan.finish(record, made.verbs(), channel, "id").queries()
    assert [query.split(" ")[0] for query in queries] == ["CHANGE", "START"] and "60" in queries[0]
