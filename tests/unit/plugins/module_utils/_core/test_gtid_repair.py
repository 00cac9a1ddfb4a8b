# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_mariadb as mariadb
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_plan as plans
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_report as report
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_reset as resets
from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_repair_steps as steps
from ansible_collections.replicaops.mysql.plugins.module_utils._core import record as schema
from ansible_collections.replicaops.mysql.plugins.module_utils._core import restore
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_plan import (
    may_restart,
    warning_of_break,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    BadInputError,
    RefusedError,
    ReplicaError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_repair import Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_repair_around import Around, below
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
    Fault,
    Peer,
    Process,
    Worker,
)
from hypothesis import given
from hypothesis import strategies as st
from unit.made import MARIADB_1011, MYSQL_56, U1, U2, channel, server, verbs

U3 = "11111111-aaaa-bbbb-cccc-000000000003"
ON = {"gtid_mode": "ON", "log_bin": "ON"}
PURGED_ERROR = Fault(13114, "Cannot replicate because the source purged required binary logs.")
LOST_ERROR = Fault(13114, "Replica has more GTIDs than the source has, using the source's SERVER_UUID.")
MISMATCH = Fault(13113, "Query caused different errors on source and replica. Error on source: ...")


def gtids(text):
    return GtidSet.parse(text.replace("1:", U1 + ":", 1) if text.startswith("1:") else text)


def replica(*channels, executed=f"{U1}:1-3", **changes):
    values = {"executed": GtidSet.parse(executed), "purged": GtidSet(), "variables": ON, **changes}
    return server(*(channels or (channel(),)), **values)


def source(executed=f"{U1}:1-9", purged="", **changes):
    values = {"uuid": U1, "server_id": 1, "address": "db1:3306"}
    return replica(executed=executed, purged=GtidSet.parse(purged), **{**values, **changes})


def top(**changes):
    return replace(source(**changes), channels=())


def around(*members, **changes):
    return Around(Peer("db1", top(**changes)), None, tuple(members))


def third(executed=f"{U1}:1-9", **changes):
    return Peer("db3", replica(executed=executed, **{"uuid": U3, "server_id": 3, "address": "db3:3306", **changes}))


def plan(wish, here, there, found=None, record_dir="/r"):
    one = found or here.channels[0]
    return plans.plan(wish, verbs(here.flavour, one.name), here, one, there, "s", record_dir)


# -- options and what is wanted ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", [Wish(max_transactions=0), Wish("reset"), Wish(gtids=" ")])
def test_options_that_make_no_sense(wish):
    with pytest.raises(BadInputError):
        rules.check_options(wish)


def test_a_set_that_cannot_be_read_is_quoted():
    with pytest.raises(BadInputError, match="nonsense"):
        plan(Wish(gtids="nonsense"), replica(), around())


def test_what_the_source_has_purged_and_nobody_fetched_is_wanted():
    here = replica(channel(retrieved=GtidSet.parse(f"{U1}:4")))
    found = rules.wanted(Wish(), here, here.channels[0], around(purged=f"{U1}:1-6"))
    assert str(found.gtids) == f"{U1}:5-6"
    assert found.note == ""


def test_what_another_member_can_still_send_is_left_out_and_told():
    here = replica()
    sends = third(executed=f"{U1}:1-5", purged=GtidSet.parse(f"{U1}:1-4"))
    found = rules.wanted(Wish(), here, here.channels[0], around(sends, purged=f"{U1}:1-6"))
    assert str(found.gtids) == f"{U1}:4:6"
    assert "db3 can still send 1 transaction" in found.note


def test_without_the_source_nothing_is_computed():
    here = replica()
    with pytest.raises(RefusedError, match="no route"):
        rules.wanted(Wish(), here, here.channels[0], Around(Peer("db1", None, "no route")))
    assert rules.wanted(Wish(), here, here.channels[0], Around()).gtids.is_empty


@pytest.mark.parametrize(
    "changes", [{"variables": {"gtid_mode": "OFF"}}, {"variables": {}}, {"executed": None}, {"purged": None}]
)
def test_a_server_without_gtids_is_refused(changes):
    with pytest.raises(RefusedError, match="gtid_"):
        rules.check_gtids(replace(replica(), **changes), "x")


# -- the method --------------------------------------------------------------------------------------------------


def test_auto_appends_where_it_can_and_injects_elsewhere():
    missing = gtids("1:4-5")
    assert rules.choose(Wish(), replica(), missing, around()) == "append"
    assert rules.choose(Wish(), replica(flavour=MYSQL_56), missing, around()) == "inject"
    below = replica(replicas_below=("db3:3306 (server id 3)",))
    assert rules.choose(Wish(), below, missing, around(third())) == "inject"


def test_an_old_server_refuses_append_and_names_the_others():
    with pytest.raises(RefusedError, match=r"method inject.*method reset"):
        rules.choose(Wish("append"), replica(flavour=MYSQL_56), gtids("1:4"), around())


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas_below": ("db3:3306 (server id 3)",)},
        {"processes": (Process(9, "tool", "db9:1", "", "Binlog Dump GTID", 1, "", ""),)},
        {"unreadable": {"replicas": Fault(1227, "Access denied")}},
    ],
)
def test_nothing_is_appended_with_a_server_below(changes):
    here = replica(**changes)
    with pytest.raises(RefusedError, match=r"db3:3306|tool from db9|Access denied"):
        rules.choose(Wish("append", allow_withheld=True), here, gtids("1:4"), around(third()))
    without = replace(here, variables={**ON, "log_bin": "OFF"})
    assert rules.choose(Wish("append"), without, gtids("1:4"), around(third())) == "append"


def test_a_member_that_is_not_connected_now_is_below_all_the_same():
    cut = Peer("db4", replica(channel(source_uuid=U2, receiver=STOPPED), uuid=U3, server_id=4))
    with pytest.raises(RefusedError, match="member db4"):
        rules.choose(Wish("append"), replica(), gtids("1:1"), around(cut))
    known = replica(replicas_below=("db4:3306 (server id 4)",))
    assert below(known, around(cut)) == ("db4:3306 (server id 4)",)


def test_injecting_with_an_unknown_reader_below_is_refused():
    here = replica(replicas_below=("db3:3306 (server id 3)", "db4 (dump thread of x)"))
    with pytest.raises(RefusedError, match="db4") as refused:
        rules.choose(Wish("inject"), here, gtids("1:4"), around(third()))
    assert "db3:3306" not in str(refused.value)
    assert rules.choose(Wish("inject", allow_withheld=True), here, gtids("1:4"), around(third())) == "inject"


def test_too_many_empty_transactions_are_refused():
    wish = Wish("inject", max_transactions=2)
    assert rules.choose(wish, replica(), gtids("1:4-5"), around()) == "inject"
    with pytest.raises(RefusedError, match="3 empty transactions are needed"):
        rules.choose(wish, replica(), gtids("1:4-6"), around())
    with pytest.raises(RefusedError, match=r"append: .*inject: .*never chosen"):
        rules.choose(replace(wish, method="auto"), replica(flavour=MYSQL_56), gtids("1:4-6"), around())


# -- who would lose it -------------------------------------------------------------------------------------------


def test_who_has_not_executed_it_is_named():
    told = rules.withheld(replica(), gtids("1:4-5"), around(third(executed=f"{U1}:1-4")))
    assert len(told) == 1
    assert told[0].startswith("db3 has not executed 1 transaction")
    with pytest.raises(RefusedError) as refused:
        rules.check_withheld(Wish(), replica(), told, "append")
    assert refused.value.context["withheld"] == list(told)
    rules.check_withheld(Wish(allow_withheld=True), replica(), told, "append")


def test_everybody_has_it():
    assert rules.withheld(replica(), gtids("1:4-5"), around(third())) == ()


@pytest.mark.parametrize("there", [Around(), Around(Peer("db1", None, "no route"))])
def test_nobody_was_asked(there):
    with pytest.raises(RefusedError, match=r"no route|no other server was asked"):
        plan(Wish(gtids=f"{U1}:4"), replica(), there)


# -- what is on its way ------------------------------------------------------------------------------------------


def test_a_gap_is_no_hole():
    busy = channel(retrieved=gtids("1:1-9"))
    with pytest.raises(RefusedError, match="about to be applied"):
        rules.check_pending(replica(busy), busy, gtids("1:4"), "inject")
    rules.check_pending(replica(busy), busy, gtids("1:10"), "inject")
    idle = replace(busy, executed=busy.read)
    rules.check_pending(replica(idle), idle, gtids("1:4"), "inject")
    stopped = replace(busy, applier=STOPPED)
    rules.check_pending(replica(stopped), stopped, gtids("1:4"), "inject")


def test_another_channel_that_applies_it_counts():
    one, other = channel(name="a"), channel(name="b", retrieved=gtids("1:4"))
    with pytest.raises(RefusedError, match="channel 'b'"):
        rules.check_pending(replica(one, other), one, gtids("1:4"), "append")


# -- statements --------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(0, 60), st.sampled_from(["", "app"])), max_size=9),
    st.integers(1, 50),
)
def test_portions_are_the_set_in_parts(runs, size):
    intervals = {}
    for start, length, tag in runs:
        intervals.setdefault((U1, tag), []).append((start, start + length + 1))
    whole = GtidSet.from_intervals(intervals)
    parts = steps.portions(whole, size)
    union = GtidSet()
    for part in parts:
        assert part.isdisjoint(union)
        union = union | part
    assert union == whole
    assert all(part.count() == size for part in parts[:-1])


def test_batches_show_few_transactions_in_full_and_many_by_their_first():
    few, many = steps.inject(gtids("1:4-5"))[0], steps.inject(gtids("1:4-9"))[0]
    assert few.display() == (
        f"SET SESSION gtid_next = '{U1}:4'; BEGIN; COMMIT; SET SESSION gtid_next = '{U1}:5'; BEGIN; COMMIT; "
        "SET SESSION gtid_next = 'AUTOMATIC'"
    )
    assert f"'{U1}:4'; BEGIN; COMMIT" in many.display()
    assert f"the rest of {U1}:4-9 */" in many.display()
    assert few.purpose == "write empty transactions"


def words(planned):
    return [query.split(" FOR ")[0][:34] for query in planned.plan.queries()]


def test_the_applier_stands_still_meanwhile_and_is_as_it_was_afterwards():
    planned = plan(Wish(gtids=f"{U1}:3-5"), replica(), around())
    assert planned.plan.queries() == (
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        f"SET GLOBAL gtid_purged = '+{U1}:4-5'",
        "START REPLICA SQL_THREAD FOR CHANNEL ''",
    )
    assert (planned.plan.risk, planned.gtids, planned.looks_again) == ("replica_history", f"{U1}:4-5", True)
    quiet = channel(applier=STOPPED)
    planned = plan(Wish(gtids=f"{U1}:3-5"), replica(quiet), around())
    assert planned.plan.queries() == (f"SET GLOBAL gtid_purged = '+{U1}:4-5'",)
    assert not planned.looks_again


def test_a_receiver_is_started_when_its_error_is_gone_and_only_then():
    wish = Wish()
    stuck = channel(receiver=STOPPED, receiver_fault=PURGED_ERROR)
    planned = plan(wish, replica(stuck), around(purged=f"{U1}:1-5"))
    assert planned.plan.queries()[-1] == "START REPLICA FOR CHANNEL ''"
    rest = plan(Wish(gtids=f"{U1}:4"), replica(stuck), around(purged=f"{U1}:1-5"))
    assert rest.plan.queries()[-1] == "START REPLICA SQL_THREAD FOR CHANNEL ''"
    lost = channel(receiver=STOPPED, receiver_fault=LOST_ERROR)
    planned = plan(wish, replica(lost), around(purged=f"{U1}:1-5"))
    assert planned.plan.queries()[-1] == "START REPLICA SQL_THREAD FOR CHANNEL ''"


def test_an_applier_is_started_when_it_stopped_at_one_of_them():
    at = Worker(1, False, Fault(1062, "Duplicate entry"), f"{U1}:4")
    stuck = channel(applier=STOPPED, applier_fault=Fault(1062, "Coordinator stopped"), workers=(at,))
    planned = plan(Wish("inject", gtids=f"{U1}:4"), replica(stuck), around())
    assert [query.split()[0] for query in planned.plan.queries()] == ["SET", "START"]
    planned = plan(Wish("inject", gtids=f"{U1}:5"), replica(stuck), around())
    assert [query.split()[0] for query in planned.plan.queries()] == ["SET"]


def test_the_first_fetched_one_is_taken_for_failing_where_the_server_names_none():
    stuck = channel(applier=STOPPED, applier_fault=Fault(1062, "Duplicate entry"), retrieved=gtids("1:1-9"))
    assert steps.failing(stuck, gtids("1:1-3")) == gtids("1:4")
    assert steps.failing(channel(), gtids("1:1-3")) is None


def test_a_run_that_died_before_its_start_is_finished_without_a_record():
    at = Worker(1, False, Fault(1062, "Duplicate entry"), f"{U1}:3")
    stuck = channel(applier=STOPPED, applier_fault=Fault(1062, "Coordinator stopped"), workers=(at,))
    planned = plan(Wish(gtids=f"{U1}:3"), replica(stuck), around(), record_dir=None)
    assert planned.plan.queries() == ("START REPLICA SQL_THREAD FOR CHANNEL ''",)
    assert (planned.plan.risk, planned.count, planned.gtids) == ("none", "", "")


def test_relay_logs_with_an_expected_error_go_after_the_work():
    at = Worker(1, False, MISMATCH, f"{U1}:4")
    stuck = channel(applier=STOPPED, applier_fault=MISMATCH, workers=(at,), retrieved=gtids("1:1-6"))
    planned = plan(Wish("inject", gtids=f"{U1}:4"), replica(stuck), around())
    assert [query.split()[0] for query in planned.plan.queries()] == ["STOP", "SET", "RESET", "START"]
    assert planned.plan.queries()[-1] == "START REPLICA FOR CHANNEL ''"
    # What the source could not send again is not thrown away.
    with pytest.raises(RefusedError, match="does not have it"):
        plan(Wish("inject", gtids=f"{U1}:4"), replica(stuck), around(executed=f"{U1}:1-4"))
    by_position = replace(stuck, mode=POSITION)
    assert not steps.must_refetch(by_position, gtids("1:4"), gtids("1:1-3"))
    unnamed = replace(stuck, workers=())
    assert steps.must_refetch(unnamed, gtids("1:4"), gtids("1:1-4"))
    assert not steps.must_refetch(unnamed, gtids("1:7"), gtids("1:1-4"))


def test_made_again_it_leaves_out_what_was_applied_meanwhile():
    here = replica()
    planned = plan(Wish("inject", gtids=f"{U1}:4-6"), here, around())
    now = replace(here, executed=gtids("1:1-5"), channels=(channel(applier=STOPPED),))
    final = plans.again(Wish("inject"), planned, verbs(), now, now.channels[0], around())
    assert final.gtids == f"{U1}:6"
    assert [query.split(";")[0] for query in final.plan.queries()] == [
        f"SET SESSION gtid_next = '{U1}:6'",
        "START REPLICA SQL_THREAD FOR CHANNEL ''",
    ]


def test_nothing_to_do():
    planned = plan(Wish(gtids=f"{U1}:1-2"), replica(), Around(), record_dir=None)
    assert planned.plan.steps == ()
    assert report.sentence("auto", planned.count, planned.note, False, ()).startswith("Nothing has to be added")


def test_history_is_not_changed_without_a_record():
    with pytest.raises(RefusedError, match="record_dir"):
        plan(Wish(gtids=f"{U1}:4"), replica(), around(), record_dir=None)


def test_a_waiting_skip_counter_is_refused():
    here = replica(channel(skip_counter=1))
    with pytest.raises(RefusedError, match="skip_counter"):
        plan(Wish(gtids=f"{U1}:4"), here, around())


def test_the_state_afterwards():
    here = replica()
    planned = plan(Wish(gtids=f"{U1}:4"), here, around())
    after = plans.predicted(planned, report.picture(here, here.channels[0]))
    assert after == {"executed": f"{U1}:1-4", "purged": f"{U1}:4", "receiver": RUNNING, "applier": RUNNING}
    plans.check_done(planned, replace(here, executed=gtids("1:1-4")), ())
    with pytest.raises(ReplicaError, match="still not in gtid_executed"):
        plans.check_done(planned, here, ())


def test_privileges_for_tags():
    assert "TRANSACTION_GTID_TAG" in steps.privileges("inject", verbs(), GtidSet.parse(f"{U3}:app:1"))
    assert "TRANSACTION_GTID_TAG" not in steps.privileges("inject", verbs(), gtids("1:1"))
    assert steps.privileges("reset", verbs(MYSQL_56), gtids("1:1")) == ("SUPER", "RELOAD")


# -- reset -------------------------------------------------------------------------------------------------------

ERRANT = f"{U1}:1-3,{U2}:1-2"


def test_a_reset_stops_first_and_sets_exactly_the_set():
    planned = plan(Wish("reset", gtids=f"{U1}:1-3"), replica(executed=ERRANT), around())
    assert [query.split(" FOR ")[0] for query in planned.plan.queries()] == [
        "STOP REPLICA SQL_THREAD", "STOP REPLICA IO_THREAD", "RESET BINARY LOGS AND GTIDS",
        f"SET GLOBAL gtid_purged = '{U1}:1-3'", "RESET REPLICA", "START REPLICA",
    ]  # fmt: skip
    assert planned.plan.risk == "replica_history"
    assert any("binlogs" in text for text in planned.plan.loses)
    assert any(U2 in text for text in planned.plan.loses)
    assert planned.details["wanted"] == f"{U1}:1-3"


def test_a_reset_that_died_half_way_is_finished():
    planned = plan(Wish("reset", gtids=f"{U1}:1-3"), replica(channel(applier=STOPPED), executed=""), around())
    assert not any(query.startswith("RESET BINARY") for query in planned.plan.queries())
    assert f"SET GLOBAL gtid_purged = '{U1}:1-3'" in planned.plan.queries()


def test_a_reset_is_called_off_when_something_was_executed_meanwhile():
    here = replica(executed=ERRANT)
    wish = Wish("reset", gtids=f"{U1}:1-3")
    planned = plan(wish, here, around())
    assert planned.looks_again
    assert plans.again(wish, planned, verbs(), here, here.channels[0], around()) == planned
    with pytest.raises(RefusedError, match="was executed while"):
        plans.again(wish, planned, verbs(), replica(executed=ERRANT + f",{U1}:4"), here.channels[0], around())


def test_a_reset_that_was_done_is_not_done_again():
    done = replica(executed=f"{U1}:1-7", purged=gtids("1:1-3"))
    assert resets.is_done(done, gtids("1:1-3"), around())
    assert not resets.is_done(replace(done, executed=GtidSet.parse(ERRANT)), gtids("1:1-3"), around())
    assert not resets.is_done(done, gtids("1:1-3"), Around())
    assert plan(Wish("reset", gtids=f"{U1}:1-3"), done, around()).plan.steps == ()


@pytest.mark.parametrize(
    ("changes", "there", "says"),
    [
        ({"replicas_below": ("db3 (server id 3)",)}, around(), "db3"),
        ({"unreadable": {"processlist": Fault(1227, "denied")}}, around(), "denied"),
        ({}, Around(Peer("db1", source())), None),
        ({"channels": (channel(),)}, around(executed=f"{U1}:1-9,{U2}:1"), "send it again"),
        ({"channels": (channel(applier=STOPPED),)}, around(executed=f"{U1}:1-9,{U2}:1"), None),
        ({}, Around(Peer("db1", replace(source(), channels=(channel(source_uuid=U2),)))), "member db1"),
        ({}, Around(Peer("db1", None, "no route")), "no route"),
        ({}, around(purged=f"{U1}:1-5"), "purged"),
        ({}, around(executed=f"{U1}:1-2"), "does not have it"),
        ({"channels": (channel(name="a"), channel(name="b"))}, around(), "several channels"),
        ({"status": {"Replica_open_temp_tables": "2"}}, around(), "temporary tables"),
    ],
)
def test_a_reset_that_would_break_others_is_refused(changes, there, says):
    here = replace(replica(executed=ERRANT), **changes)
    wish = Wish("reset", gtids=f"{U1}:1-3")
    if says is None:
        assert plan(wish, here, there).plan.steps
        return
    with pytest.raises(RefusedError, match=says):
        plan(wish, here, there)


def test_nothing_is_started_between_reset_and_set():
    planned = plan(Wish("reset", gtids=f"{U1}:1-3"), replica(executed=ERRANT), around())
    every = [step.statement for step in planned.plan.steps]
    at = next(n for n, one in enumerate(every) if one.sql.startswith("RESET BINARY"))
    assert may_restart(every[:at], every[at:])
    assert not may_restart(every[: at + 1], every[at + 1 :])
    assert f"SET GLOBAL gtid_purged = '{U1}:1-3'" in warning_of_break(every[: at + 1], every[at + 1 :], "/r")
    assert may_restart(every[: at + 2], every[at + 2 :])


# -- MariaDB -----------------------------------------------------------------------------------------------------


def maria(*channels, position="0-1-3,7-2-9", **changes):
    values = {"replica_position": GtidPosition.parse(position), "binlog_state": GtidBinlogState(), **changes}
    return server(*(channels or (channel(using_gtid="Slave_Pos"),)), flavour=MARIADB_1011, **values)


def maria_around(*members, state="0-1-9", oldest="0-1-5"):
    there = replace(maria(position=""), server_id=1, channels=(), binlog_state=GtidBinlogState.parse(state))
    return Around(Peer("db1", there), GtidPosition.parse(oldest) if oldest else None, tuple(members))


def test_the_position_moves_to_the_oldest_binlog_and_keeps_every_domain():
    planned = plan(Wish(), maria(), maria_around())
    assert planned.plan.queries() == (
        "STOP SLAVE '' SQL_THREAD", "STOP SLAVE '' IO_THREAD", "SET GLOBAL gtid_slave_pos = '0-1-5,7-2-9'",
        "START SLAVE ''",
    )  # fmt: skip
    assert (planned.method, planned.gtids) == ("append", "0-1-5")
    assert plan(Wish(gtids="0-1-2,7-2-9"), maria(), maria_around(), record_dir=None).plan.steps == ()
    done = replace(maria(), replica_position=GtidPosition.parse("0-1-6,7-2-9"))
    plans.check_done(planned, done, ())
    with pytest.raises(ReplicaError, match="gtid_slave_pos"):
        plans.check_done(planned, maria(), ())


def test_other_connections_that_ran_are_stopped_and_started_and_no_others():
    here = maria(
        channel(name="a"), channel(name="b"), channel(name="c", applier=STOPPED, receiver=STOPPED),
        channel(name="d", applier=STOPPED),
    )  # fmt: skip
    planned = plan(Wish(), here, maria_around())
    queries = planned.plan.queries()
    assert queries[:5] == (
        "STOP SLAVE 'a' SQL_THREAD", "STOP SLAVE 'a' IO_THREAD",
        "STOP SLAVE 'b' SQL_THREAD", "STOP SLAVE 'b' IO_THREAD", "STOP SLAVE 'd' IO_THREAD",
    )  # fmt: skip
    assert queries[-3:] == ("START SLAVE 'a'", "START SLAVE 'b'", "START SLAVE 'd' IO_THREAD")
    assert [other.name for other in planned.others] == ["b", "d"]
    stopped = channel(name="b", applier=STOPPED, receiver=STOPPED)
    back = mariadb.missing(verbs(MARIADB_1011, "a"), channel(name="b"), stopped)
    assert [step.statement.display() for step in back] == ["START SLAVE 'b'"]


def test_no_domain_goes_back_to_where_it_was_before_the_appliers_were_stopped() -> None:
    here = maria(channel(name="a"), channel(name="b"), position="0-1-4,2-9-5")
    planned = plan(Wish(gtids="0-1-9"), here, maria_around())
    assert planned.looks_again and "SET GLOBAL gtid_slave_pos = '0-1-9,2-9-5'" in planned.plan.queries()
    later = replace(here, replica_position=maria(position="0-1-6,2-9-8").replica_position)
    final = plans.again(
        Wish(gtids="0-1-9"), planned, verbs(MARIADB_1011, "a"), later, later.channels[0], maria_around()
    )
    assert "SET GLOBAL gtid_slave_pos = '0-1-9,2-9-8'" in final.plan.queries()
    assert len(final.plan.steps) == len(planned.plan.steps)


@pytest.mark.parametrize(
    ("wish", "here", "there", "says"),
    [
        (Wish("inject"), maria(), maria_around(), "no empty transactions"),
        (Wish(gtids="0-1-10"), maria(), maria_around(), "1236"),
        (Wish(gtids="0-5-3"), maria(), maria_around(), "diverged"),
        (Wish(), maria(replicas_below=("db3 (server id 3)",)), maria_around(), "db3"),
        (Wish(), maria(), maria_around(oldest=""), "oldest binlog"),
        (Wish(gtids="0-1-5"), maria(), maria_around(Peer("db3", maria(position="0-1-4"))), "db3 has not come to 0-1-5"),
        (Wish(), replace(maria(), replica_position=None), maria_around(), "gtid_slave_pos"),
    ],
)
def test_positions_that_are_refused(wish, here, there, says):
    with pytest.raises(RefusedError, match=says):
        plan(wish, here, there)


def test_a_position_that_is_none():
    with pytest.raises(BadInputError, match="0-1"):
        plan(Wish(gtids="0-1"), maria(), maria_around())


def test_a_receiver_of_mariadb_is_started_when_its_error_is_gone_and_only_then():
    purged = Fault(1236, "Could not find GTID state requested by slave in any binlog files.")
    stuck = channel(using_gtid="Slave_Pos", receiver=STOPPED, receiver_fault=purged)
    assert plan(Wish(), maria(stuck), maria_around()).plan.queries()[-1] == "START SLAVE ''"
    again = plan(Wish(), maria(stuck, position="0-1-5"), maria_around(), record_dir=None)
    assert again.plan.queries() == ("START SLAVE '' IO_THREAD",)
    assert again.plan.risk == "none"
    short = plan(Wish(gtids="0-1-4"), maria(stuck), maria_around())
    assert short.plan.queries()[-1] == "START SLAVE '' SQL_THREAD"
    by_coordinates = plan(Wish(), maria(replace(stuck, mode=POSITION)), maria_around())
    assert by_coordinates.plan.queries()[-1] == "START SLAVE '' SQL_THREAD"
    assert "coordinates" in by_coordinates.note


def test_a_reset_to_a_position_that_the_source_has_purged_is_refused():
    with pytest.raises(RefusedError, match="purged domain 0"):
        plan(Wish("reset", gtids="0-1-4"), maria(), maria_around())


def test_a_reset_gives_mariadb_exactly_the_position():
    planned = plan(Wish("reset", gtids="0-1-6"), maria(), maria_around())
    assert planned.plan.queries()[2:4] == ("RESET MASTER", "SET GLOBAL gtid_slave_pos = '0-1-6'")
    here = replace(maria(), replica_position=GtidPosition.parse("0-1-2"))
    assert plan(Wish("reset", gtids="0-1-2"), here, maria_around()).plan.steps == ()


# -- what the sets show ------------------------------------------------------------------------------------------


def judged(*peers, later=None, allowed=()):
    found, unknown = report.candidates(peers)
    known = {peer.name: peer.server.executed for peer in peers if peer.server is not None}
    return report.verdict(peers, {**known, **(later or {})}, found, unknown, allowed)


HERE = Peer("db2", replica(executed=f"{U1}:1-12,{U2}:1-2,{U2}:app:1"))
TOP = Peer("db1", top())


def test_errant_and_lost_transactions_are_told_apart():
    found = judged(HERE, TOP)
    assert found.errant == (("db2", f"{U2}:1-2:app:1"),)
    assert found.lost == (("db2", f"{U1}:10-12"),)
    assert found.unknown == ()
    assert judged(HERE, TOP, allowed=(U2,)).errant == ()
    assert judged(HERE, TOP, allowed=("app",)).errant == (("db2", f"{U2}:1-2"),)
    assert found.as_dict()["lost"] == [{"server": "db2", "gtids": f"{U1}:10-12"}]


def test_a_candidate_that_the_source_has_by_now_was_none():
    assert judged(HERE, TOP, later={"db1": gtids("1:1-12")}).lost == ()
    gone = judged(HERE, TOP, later={"db1": None})
    assert (gone.errant, gone.lost) == ((), ())
    assert "not confirmed" in gone.unknown[0]


def test_the_source_s_own_newest_transactions_are_no_news():
    assert judged(Peer("db2", replica()), TOP).errant == ()


def test_only_servers_above_count():
    below = Peer("db3", replica(channel(source_uuid=U2), executed=f"{U1}:1-3,{U2}:1,{U3}:1", uuid=U3, server_id=3))
    middle = Peer("db2", replica(executed=f"{U1}:1-3,{U2}:1"))
    found = judged(middle, below, TOP)
    assert found.errant == (("db2", f"{U2}:1"), ("db3", f"{U3}:1"))
    hidden = judged(below, TOP)
    assert hidden.errant == ()
    assert "was not read" in hidden.unknown[0]


def test_a_ring_s_own_transactions_are_on_their_way():
    left = Peer("db1", replica(channel(source_uuid=U2), executed=f"{U1}:1-5,{U2}:1-2", uuid=U1, server_id=1))
    right = Peer("db2", replica(channel(source_uuid=U1), executed=f"{U1}:1-4,{U2}:1-4"))
    assert judged(left, right).errant == ()
    ahead = replace(right, server=replace(right.server, executed=GtidSet.parse(f"{U1}:1-6,{U2}:1-4")))
    assert judged(left, ahead).lost == (("db2", f"{U1}:6"),)


def test_a_hole_is_told_and_a_gap_is_not():
    idle = channel(retrieved=gtids("1:1-2"), read=Coordinates("b.000001", 9), executed=Coordinates("b.000001", 9))
    assert judged(Peer("db2", replica(idle, executed=f"{U1}:1-2:4")), TOP).holes == (("db2", f"{U1}:3"),)
    busy = channel(retrieved=gtids("1:1-9"))
    assert judged(Peer("db2", replica(busy, executed=f"{U1}:1-2:4")), TOP).holes == ()


def test_a_member_that_could_not_be_read_leaves_it_unknown():
    found = judged(HERE, Peer("db1", None, "no route"))
    assert found.errant == ()
    assert any("no route" in text for text in found.unknown)


def test_mariadb_local_writes_lost_ends_and_collisions():
    own = GtidBinlogState.parse("0-1-3,0-2-4,9-2-1")
    there = maria_around(state="0-1-9").peers()
    found = report.mariadb(Peer("db2", maria(binlog_state=own)), there, ())
    assert found.errant == (("db2", "0-2-4"),)
    assert report.mariadb(Peer("db2", maria(binlog_state=own)), there, ("2",)).errant == ()
    ahead = report.mariadb(Peer("db2", maria(position="0-1-12")), there, ())
    assert ahead.lost == (("db2", "0-1-12"),)
    collided = report.mariadb(Peer("db2", maria(position="0-5-9")), there, ())
    assert collided.collisions == (("db2", "0-5-9 and 0-1-9"),)
    assert report.mariadb(Peer("db2", maria()), (Peer("db1", None, "no route"),), ()).unknown == (
        "db1 could not be read: no route",
    )


def test_what_is_said():
    told = report.sentence("append", "3 transactions", "Note.", True, ("db3 lacks it",))
    assert told.startswith("Would append 3 transactions. Knowingly withheld: db3 lacks it.")
    assert told.endswith("Note.")
    assert report.sentence("inject", "3 transactions", "", False, ()).startswith("Wrote empty transactions for 3")


# -- undo --------------------------------------------------------------------------------------------------------


def record_of(planned, here):
    return schema.build("gtid_repair", here, here.channels[0], planned.plan, "now", details=planned.details)


def put_back(record, now):
    name = verbs(now.flavour)
    return restore.restoration(name, record, now, now.channels[0], "s")


def test_a_history_that_a_reset_left_empty_is_put_back():
    here = replica(executed=ERRANT)
    record = record_of(plan(Wish("reset", gtids=f"{U1}:1-3"), here, around()), here)
    now = replica(channel(applier=STOPPED, receiver=STOPPED), executed="")
    found = put_back(record, now)
    assert found.plan.queries() == (f"SET GLOBAL gtid_purged = '{ERRANT}'", "START REPLICA FOR CHANNEL ''")
    assert any("gtid_executed" in text for text in found.restored)
    done = put_back(record, replica(executed=f"{U1}:1-3"))
    assert done.plan.steps == ()
    assert any("gtid_executed has lost" in text for text in done.not_restorable)


def test_what_was_appended_stays_and_that_is_said():
    here = replica()
    record = record_of(plan(Wish(gtids=f"{U1}:4"), here, around()), here)
    found = put_back(record, replica(executed=f"{U1}:1-4"))
    assert found.plan.steps == ()
    assert any("stay in gtid_executed" in text for text in found.not_restorable)


def test_a_position_comes_back_while_nothing_was_applied_since():
    here = maria()
    record = record_of(plan(Wish(), here, maria_around()), here)
    found = put_back(record, maria(position="0-1-5,7-2-9"))
    assert "SET GLOBAL gtid_slave_pos = '0-1-3,7-2-9'" in found.plan.queries()
    assert [query.split()[0] for query in found.plan.queries()] == ["STOP", "STOP", "SET", "START"]
    assert put_back(record, maria(position="0-1-6,7-2-9")).plan.steps == ()
    two = maria(channel(), channel(name="b"), position="0-1-5,7-2-9")
    assert put_back(record, two).plan.steps == ()
