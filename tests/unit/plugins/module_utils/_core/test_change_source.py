# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What change_master decides, without a server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import change_source as wishes
from ansible_collections.replicaops.mysql.plugins.module_utils._core import change_source_plan as plans
from ansible_collections.replicaops.mysql.plugins.module_utils._core import change_source_rules as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core import glance, normalise
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_plan import Verbs, running
from ansible_collections.replicaops.mysql.plugins.module_utils._core.dialect import choose
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.flavour import MYSQL, Flavour
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidBinlogState, GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    CONNECTING,
    GTID,
    POSITION,
    RUNNING,
    STOPPED,
    Coordinates,
    Fault,
    Peer,
)
from unit import judging
from unit.made import MARIADB_1011, MYSQL_56, MYSQL_97, U1, channel, server, verbs

HERE = Coordinates("binlog.000003", 500)
BASE = {"host": "db1", "port": 3306, "user": "repl", "heartbeat_period": "11.5", "connect_retry": 60, "delay": 0}
MY = {**BASE, "auto_position": 1, "ssl": 1, "get_public_key": 0, "require_table_primary_key_check": "STREAM"}
MARIA = {**BASE, "use_gtid": "slave_pos", "ssl": 0}


def replica(flavour=MYSQL_97, variables=None, **changes):
    """A replica with one channel, by default in GTID mode and with nothing left in its relay logs."""
    mode = changes.get("mode", GTID)
    settings = dict(MARIA if flavour.is_mariadb else MY)
    if flavour.is_mariadb:
        settings["use_gtid"] = "slave_pos" if mode == GTID else "no"
    else:
        settings["auto_position"] = int(mode == GTID)
    settings.update(changes.pop("settings", {}))
    found = channel(**{"read": HERE, "executed": HERE, "settings": settings, "retrieved": GtidSet.parse(""), **changes})
    return server(
        found,
        flavour=flavour,
        variables={"gtid_mode": "ON", **(variables or {})},
        executed=None if flavour.is_mariadb else GtidSet.parse(U1 + ":1-9"),
        replica_position=GtidPosition.parse("0-1-9") if flavour.is_mariadb else None,
        binlog_state=GtidBinlogState.parse("0-1-9") if flavour.is_mariadb else None,
    )


def source(flavour=MYSQL_97, **changes):
    """The source of `replica`, as it is asked."""
    values = {
        "server_id": 1,
        "uuid": "" if flavour.is_mariadb else U1,
        "executed": GtidSet.parse(U1 + ":1-20"),
        "purged": GtidSet.parse(""),
        "binlogs": (("binlog.000003", 900),),
        "variables": {"gtid_mode": "ON"},
        **changes,
    }
    return Peer("db1:3306", server(flavour=flavour, **values))


def decided(now, peer=None, furthest=None, prepared=(), creating=False, plugin=None, allow=None, **given):
    found = now.channels[0] if now.channels else wishes.blank("")
    options = {
        name: given.pop(name) for name in ("state", "rewind", "leave_stopped", "update_password") if name in given
    }
    wish = wishes.Wish(given=given, **options, **(allow or {}))
    made = verbs(now.flavour if now.flavour in (MYSQL_97, MYSQL_56, MARIADB_1011) else MYSQL_97)
    around = wishes.Around(made, "s", creating, running(found), peer, None, furthest, prepared, plugin)
    return plans.decide(wish, now, found, around)


def shown(decision):
    return [step.statement.display() for step in decision.plan.steps]


# -- what differs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", ["mysql-9.7", "mysql-5.6", "mariadb-10.11", "mariadb-11.8"])
def test_a_channel_that_was_read_from_a_real_server_has_its_own_settings(flavour):
    now = normalise.server(judging.load(judging.FIXTURES / flavour / "delayed.json")["replica"])
    found = now.channels[0]
    settings = found.settings
    given = {
        "source_host": settings["host"],
        "source_port": settings["port"],
        "source_user": settings["user"],
        "source_password": "whatever",
        "source_connect_retry": settings["connect_retry"],
        "source_heartbeat_period": settings.get("heartbeat_period"),
        "source_delay": found.delay,
        "source_ssl": bool(settings["ssl"]),
    }
    if now.flavour.is_mariadb:
        given["use_gtid"] = settings["use_gtid"]
    else:
        given.update(auto_position=bool(settings["auto_position"]), source_retry_count=settings["retry_count"])
    assert found.delay and wishes.differences(wishes.Wish(given=given), now, found, False) == ()
    around = wishes.Around(Verbs(choose(now.flavour, now.features), now.features.channels, ""), "s", False)
    wish = wishes.Wish(given={**given, "source_connect_retry": 9}, allow_unverified=True)
    other = plans.decide(wish, now, found, around)
    names = [change.option.name for change in other.changes]
    assert names == ["source_connect_retry"]


def test_nothing_given_or_nothing_different_is_no_change():
    assert shown(decided(replica())) == []
    same = decided(replica(), source_host="db1", source_port=3306, auto_position=True, source_password="x")
    assert shown(same) == [] and "already" in same.message


def test_only_what_differs_is_in_the_statement():
    found = decided(replica(), source_host="db1", source_connect_retry=7, source_ssl=True)
    assert shown(found) == [
        "STOP REPLICA IO_THREAD FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_CONNECT_RETRY = 7 FOR CHANNEL ''",
        "START REPLICA IO_THREAD FOR CHANNEL ''",
    ]
    assert not found.drops and not found.late and found.plan.risk == "none"


def test_a_password_is_set_on_creation_on_another_account_or_when_told_so():
    def names(**given):
        return [change.option.name for change in decided(replica(), source(), source_password="p", **given).changes]

    assert names() == []
    assert names(update_password="always") == ["source_password"]
    assert names(source_user="other") == ["source_user", "source_password"]
    assert names(source_connect_retry=5) == ["source_connect_retry"]


def test_another_account_without_a_password_is_said():
    assert "keeps its password" in decided(replica(), source(), source_user="other").message
    assert "keeps its password" not in decided(replica(), source(), source_user="other", source_password="p").message


def test_no_secret_is_in_a_plan_that_is_shown():
    made = decided(replica(), source(), source_password="hunter2", update_password="always")
    assert "hunter2" not in str(made.plan.as_dict()) and "hunter2" not in made.message


# -- which threads stand still --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, stopped",
    [
        ({"source_connect_retry": 7}, ["IO_THREAD"]),
        ({"source_host": "db9"}, ["IO_THREAD"]),
        ({"source_delay": 7}, ["SQL_THREAD"]),
        ({"privilege_checks_user": "a@b"}, ["SQL_THREAD"]),
        ({"source_delay": 7, "source_connect_retry": 7}, ["SQL_THREAD", "IO_THREAD"]),
        ({"require_row_format": True}, ["SQL_THREAD", "IO_THREAD"]),
    ],
)
def test_mysql_stops_only_the_threads_of_the_option(given, stopped):
    made = shown(decided(replica(), source(), **given))
    assert [query.split()[2] for query in made if query.startswith("STOP")] == stopped


@pytest.mark.parametrize("flavour", [MYSQL_56, MARIADB_1011])
def test_the_others_want_both_stopped_and_lose_the_heartbeat_period(flavour):
    made = shown(decided(replica(flavour), source(flavour), source_delay=7))
    assert [query.split()[0] for query in made] == ["STOP", "STOP", "CHANGE", "START"]
    assert made[2].endswith("MASTER_DELAY = 7, MASTER_HEARTBEAT_PERIOD = 11.5")


def test_mysql_loses_the_heartbeat_period_with_the_host():
    assert "SOURCE_HEARTBEAT_PERIOD = 11.5" in shown(decided(replica(), source(), source_host="db9"))[1]
    given = decided(replica(), source(), source_host="db9", source_heartbeat_period=3)
    assert "SOURCE_HEARTBEAT_PERIOD = 3.0" in shown(given)[1] and shown(given)[1].count("HEARTBEAT") == 1


@pytest.mark.parametrize(
    "receiver, applier, started",
    [
        (RUNNING, RUNNING, ["START REPLICA FOR CHANNEL ''"]),
        (CONNECTING, STOPPED, ["START REPLICA IO_THREAD FOR CHANNEL ''"]),
        (STOPPED, RUNNING, ["START REPLICA SQL_THREAD FOR CHANNEL ''"]),
        (STOPPED, STOPPED, []),
    ],
)
def test_threads_are_put_back_as_they_were_found(receiver, applier, started):
    now = replica(receiver=receiver, applier=applier)
    made = decided(now, source(), require_row_format=True)
    assert [query for query in shown(made) if query.startswith("START")] == started
    left = decided(now, source(), require_row_format=True, leave_stopped=True)
    assert not [query for query in shown(left) if query.startswith("START")] and left.end == frozenset()


def test_a_receiver_that_was_not_connected_is_waited_for_only_if_the_change_is_about_it():
    now = replica(MARIADB_1011, receiver=CONNECTING)
    assert decided(now, source(MARIADB_1011), source_delay=7).plan.steps[-1].wait == "applier_running"
    assert "receiver_running" in decided(now, source(MARIADB_1011), source_port=3307).plan.steps[-1].wait


def test_a_receiver_that_an_error_had_stopped_is_left_and_named():
    now = replica(receiver=STOPPED, receiver_fault=Fault(13117, "equal server ids"))
    assert "13117" in decided(now, source(), source_host="db9").message
    assert "13117" not in decided(now, source(), source_delay=5).message


# -- relay logs may be the only copy --------------------------------------------------------------------


def behind(flavour=MYSQL_97, **changes):
    values = {"read": Coordinates("binlog.000003", 900), "retrieved": GtidSet.parse(U1 + ":1-12"), **changes}
    return replica(flavour, **values)


def test_relay_logs_with_something_unapplied_go_only_when_the_source_has_it():
    unasked = Peer("db1:3306", None, "no answer")
    with pytest.raises(RefusedError, match="no answer"):
        decided(behind(MYSQL_56), unasked, source_delay=5)
    assert decided(behind(MYSQL_56), source(MYSQL_56), source_delay=5).plan.risk == "none"
    lost = source(MYSQL_56, purged=GtidSet.parse(U1 + ":1-10"))
    for allow in ({}, {"allow_unverified": True}):
        with pytest.raises(RefusedError, match="purged"):
            decided(behind(MYSQL_56), lost, source_delay=5, allow=allow)
    allowed = decided(behind(MYSQL_56), unasked, source_delay=5, allow={"allow_unverified": True})
    assert allowed.plan.risk == "replica_history" and "no answer" in allowed.plan.loses[0]


def test_relay_logs_in_which_all_is_applied_are_the_only_copy_of_nothing():
    unasked = Peer("db1:3306", None, "no answer")
    assert decided(replica(MYSQL_56), unasked, source_delay=5).plan.risk == "none"
    assert decided(replica(MARIADB_1011, mode=POSITION), unasked, source_delay=5).plan.risk == "none"


def test_mysql_keeps_the_relay_logs_while_a_thread_runs_and_needs_no_source():
    found = decided(behind(), None, source_connect_retry=5)
    assert not found.drops and found.plan.risk == "none"
    with pytest.raises(RefusedError):
        decided(behind(applier=STOPPED), None, source_connect_retry=5)


def test_temporary_tables_and_prepared_transactions_hold_it_up_only_where_relay_logs_go():
    now = replace(replica(), status={"Replica_open_temp_tables": "1"})
    assert shown(decided(now, None, source_connect_retry=5))
    with pytest.raises(RefusedError, match="temporary tables"):
        decided(now, source(), require_row_format=True)
    with pytest.raises(RefusedError, match="XA"):
        decided(replica(), source(), prepared=("x",), require_row_format=True)


def test_a_new_source_must_have_what_is_still_missing_here():
    other = source(uuid="11111111-aaaa-bbbb-cccc-000000000003", purged=GtidSet.parse(U1 + ":1-15"), server_id=3)
    with pytest.raises(RefusedError, match="purged"):
        decided(replica(), other, source_host="db3")


def test_a_skip_counter_that_waits_forbids_starting_the_applier():
    now = replace(replica(), variables={"gtid_mode": "ON", "sql_replica_skip_counter": "1"})
    with pytest.raises(RefusedError, match="sql_replica_skip_counter"):
        decided(now, None, source_delay=5)
    assert shown(decided(now, None, source_connect_retry=5))


# -- coordinates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", [MYSQL_97, MYSQL_56, MARIADB_1011])
def test_another_name_of_the_same_source_keeps_the_coordinates(flavour):
    now = replica(flavour, mode=POSITION)
    made = decided(now, source(flavour), source_host="db1.example.com")
    change = next(query for query in shown(made) if query.startswith("CHANGE"))
    assert "_LOG_FILE = 'binlog.000003'" in change and "_LOG_POS = 500" in change and made.late
    other = source(flavour, uuid="" if flavour.is_mariadb else U1.replace("1", "3"), server_id=3)
    with pytest.raises(BadInputError, match="coordinates"):
        decided(now, other, source_host="db3")
    with pytest.raises(BadInputError, match="coordinates"):
        decided(now, Peer("db3:3306", None, "no answer"), source_host="db3")


def test_a_source_that_lost_its_tail_is_followed_only_where_that_is_settled():
    now = replica(mode=POSITION, applier=STOPPED, receiver=STOPPED, read=Coordinates("binlog.000003", 900))
    crashed = source(binlogs=(("binlog.000003", 450),))
    place = {"source_log_file": "binlog.000003", "source_log_pos": 400, "rewind": True}
    with pytest.raises(RefusedError, match="its binlogs end at"):
        decided(now, crashed, **place)
    with pytest.raises(RefusedError, match="its binlogs end at"):
        decided(now, crashed, allow={"allow_lost_tail": True}, **{**place, "rewind": False, "source_log_pos": 950})
    made = decided(now, crashed, allow={"allow_lost_tail": True}, **place)
    assert "SOURCE_LOG_POS = 400" in shown(made)[0]
    assert made.plan.loses == ("What was fetched behind binlog.000003:500 and is not applied, up to binlog.000003:900",)
    drained = replica(mode=POSITION, applier=STOPPED, receiver=STOPPED, read=Coordinates("binlog.000003", 500))
    assert decided(drained, crashed, allow={"allow_lost_tail": True}, **place).plan.loses == ()


def test_coordinates_that_are_reached_stay_and_those_ahead_are_set():
    now = replica(mode=POSITION, applier=STOPPED)
    assert shown(decided(now, source(), source_log_file="binlog.000003", source_log_pos=500)) == []
    passed = decided(now, source(), source_log_file="binlog.000003", source_log_pos=400)
    assert shown(passed) == [] and "beyond binlog.000003:400" in passed.message
    back = decided(now, source(), source_log_file="binlog.000003", source_log_pos=400, rewind=True)
    assert "SOURCE_LOG_POS = 400" in shown(back)[1]
    ahead = decided(now, source(), source_log_file="binlog.000003", source_log_pos=800)
    assert "SOURCE_LOG_FILE = 'binlog.000003', SOURCE_LOG_POS = 800" in shown(ahead)[1]
    with pytest.raises(RefusedError, match="its binlogs end at"):
        decided(now, source(), source_log_file="binlog.000003", source_log_pos=1000)


@pytest.mark.parametrize(
    "given, part",
    [
        ({"source_log_file": "binlog.000003"}, "file and a position"),
        ({"source_log_pos": 4}, "file and a position"),
        ({"source_log_file": "binlog", "source_log_pos": 4}, "not the name of a binlog"),
        ({"source_log_file": "binlog.000003", "source_log_pos": 3}, "first position is 4"),
        ({"source_log_file": "binlog.000003", "source_log_pos": 4, "auto_position": True}, "leave the coordinates"),
        ({"source_log_file": "binlog.000003", "source_log_pos": 4}, "auto_position: false"),
    ],
)
def test_coordinates_that_make_no_sense_are_named(given, part):
    with pytest.raises(BadInputError, match=part):
        decided(replica(), source(), **given)


def test_gtids_are_left_with_the_applied_coordinates_in_one_statement():
    made = decided(replica(), source(), auto_position=False)
    assert "SOURCE_AUTO_POSITION = 0, SOURCE_LOG_FILE = 'binlog.000003', SOURCE_LOG_POS = 500" in shown(made)[2]
    assert made.mode == POSITION and made.late
    with pytest.raises(BadInputError, match="not known"):
        decided(replica(executed=None, read=None), source(), auto_position=False)


@pytest.mark.parametrize(
    "flavour, given, words",
    [
        (MYSQL_97, {"auto_position": True}, "SOURCE_AUTO_POSITION = 1"),
        (MARIADB_1011, {"use_gtid": "replica_pos"}, "MASTER_USE_GTID = slave_pos"),
    ],
)
def test_coordinates_are_left_for_gtids(flavour, given, words):
    made = decided(replica(flavour, mode=POSITION), source(flavour), **given)
    change = next(query for query in shown(made) if query.startswith("CHANGE"))
    assert words in change and "LOG_FILE" not in change and made.mode == GTID


@pytest.mark.parametrize(
    "flavour, given", [(MYSQL_97, {"auto_position": True}), (MARIADB_1011, {"use_gtid": "slave_pos"})]
)
def test_gtids_are_not_taken_up_where_all_would_be_applied_again(flavour, given):
    now = replica(flavour, mode=POSITION)
    if flavour.is_mariadb:
        now = replace(now, replica_position=GtidPosition.parse(""))
    else:
        now = replace(now, executed=GtidSet.parse("11111111-aaaa-bbbb-cccc-000000000002:1-4"))
    with pytest.raises(RefusedError, match="applied again"):
        decided(now, source(flavour), **given)


# -- gaps of parallel workers ---------------------------------------------------------------------------


def test_gaps_are_closed_first_where_the_server_wants_it():
    now = replica(mode=POSITION, applier=STOPPED, position_gaps=True, parallel=4)
    made = decided(now, source(), Coordinates("binlog.000003", 800), source_connect_retry=5)
    assert shown(made) == [
        "START REPLICA SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS FOR CHANNEL ''",
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "STOP REPLICA IO_THREAD FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_CONNECT_RETRY = 5 FOR CHANNEL ''",
        "START REPLICA IO_THREAD FOR CHANNEL ''",
    ]
    assert made.plan.steps[0].wait == "gaps_closed=binlog.000003:800"


def test_gaps_are_left_behind_for_coordinates_that_cover_them():
    there = {"source_log_file": "binlog.000003", "source_log_pos": 800}
    known = {"allow": {"discard_gaps": True}, "furthest": Coordinates("binlog.000003", 800)}
    now = replica(MYSQL_56, mode=POSITION, applier=STOPPED, position_gaps=True, parallel=4, delay=60)
    made = decided(now, source(MYSQL_56), **known, **there)
    queries = [query.split(" /*")[0] for query in shown(made)]
    assert queries[1] == "RESET SLAVE" and queries[2].startswith("CHANGE MASTER TO MASTER_LOG_FILE = 'binlog.000003'")
    assert "MASTER_LOG_POS = 800" in queries[2] and "MASTER_DELAY = 60" in queries[2]
    assert queries[2].count("MASTER_LOG_POS") == queries[2].count("MASTER_HEARTBEAT_PERIOD") == 1
    assert "refused with 1802: START SLAVE SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS" in shown(made)[2]
    assert made.plan.risk == "replica_history" and "binlog.000003:800" in made.plan.loses[-1]
    assert "RELOAD" in made.plan.privileges
    unknown = replica(mode=POSITION, applier=STOPPED, position_gaps=None, parallel=4)
    assert "RESET REPLICA FOR CHANNEL ''" in shown(decided(unknown, source(), **known, **there))


@pytest.mark.parametrize("case", ["no gaps", "by gtid", "mariadb", "passed"])
def test_without_gaps_nothing_is_left_behind(case):
    there = {"source_log_file": "binlog.000003", "source_log_pos": 450 if case == "passed" else 800}
    flavour = MARIADB_1011 if case == "mariadb" else MYSQL_97
    now = replica(flavour, mode=POSITION, applier=STOPPED, position_gaps=False, parallel=4)
    if case == "by gtid":
        now, there = replica(applier=STOPPED, position_gaps=True), {"source_delay": 9}
        there.update(auto_position=False, source_log_file="binlog.000003", source_log_pos=800)
    made = decided(now, source(flavour), allow={"discard_gaps": True}, **there)
    assert not any(query.startswith("RESET") for query in shown(made)) and made.plan.risk == "none"


def test_the_workers_records_are_believed_where_they_know_better():
    there = {"source_log_file": "binlog.000003", "source_log_pos": 800}
    stopped = replica(mode=POSITION, applier=STOPPED, position_gaps=True, parallel=4)
    with pytest.raises(RefusedError, match=r"applied up to binlog\.000003:850, beyond"):
        decided(stopped, source(), allow={"discard_gaps": True}, furthest=Coordinates("binlog.000003", 850), **there)
    with pytest.raises(RefusedError, match="its applier runs"):
        decided(replica(mode=POSITION, parallel=4), source(), allow={"discard_gaps": True}, **there)
    with pytest.raises(BadInputError, match="source_log_file and source_log_pos"):
        decided(stopped, source(), allow={"discard_gaps": True}, source_delay=9)


def test_no_gap_is_closed_by_gtid_or_while_the_applier_runs():
    for now in (replica(applier=STOPPED, position_gaps=True), replica(mode=POSITION, position_gaps=None, parallel=4)):
        made = decided(now, source(), Coordinates("binlog.000003", 800), source_connect_retry=5)
        assert not any("GAPS" in query for query in shown(made))


def test_coordinates_of_a_checkpoint_are_never_given_again():
    now = replica(mode=POSITION, applier=STOPPED, position_gaps=True, parallel=4)
    with pytest.raises(RefusedError, match="SQL_AFTER_MTS_GAPS"):
        decided(now, source(), Coordinates("binlog.000003", 800), source_host="db1.example.com")


# -- making and removing --------------------------------------------------------------------------------


def test_a_channel_is_made_with_what_is_given():
    made = decided(
        server(variables={"gtid_mode": "ON"}), creating=True, source_host="db1", source_user="repl",
        source_password="p", auto_position=True, source_ssl=True,
    )  # fmt: skip
    assert shown(made) == [
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'db1', SOURCE_USER = 'repl', SOURCE_PASSWORD = '********', "
        "SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1 FOR CHANNEL ''"
    ]
    with pytest.raises(BadInputError, match="source_host"):
        decided(server(), creating=True, source_user="repl")


def test_a_source_that_has_purged_what_a_new_channel_needs_is_a_note():
    now = server(variables={"gtid_mode": "ON"}, executed=GtidSet.parse(""))
    purged = source(purged=GtidSet.parse(U1 + ":1-3"))
    made = decided(now, purged, creating=True, source_host="db1", auto_position=True, source_ssl=True)
    assert made.plan.steps and "purged %s:1-3" % U1 in made.message


@pytest.mark.parametrize(
    "flavour, query",
    [
        (MYSQL_97, "RESET REPLICA ALL FOR CHANNEL ''"),
        (MYSQL_56, "RESET SLAVE ALL"),
        (MARIADB_1011, "RESET SLAVE '' ALL"),
    ],
)
def test_absent_stops_and_removes_and_names_what_is_lost(flavour, query):
    by_gtid = decided(replica(flavour), source(flavour), state="absent")
    assert shown(by_gtid)[-1] == query and len(by_gtid.plan.steps) == 3 and by_gtid.plan.risk == "none"
    by_position = decided(replica(flavour, mode=POSITION), source(flavour), state="absent")
    assert by_position.plan.risk == "replica_history" and "binlog.000003:500" in by_position.plan.loses[-1]
    with pytest.raises(RefusedError, match="no answer"):
        decided(behind(flavour), Peer("db1:3306", None, "no answer"), state="absent")


def test_absent_twice_is_no_change():
    assert shown(decided(server(), creating=True, state="absent")) == []


# -- what excludes each other ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flavour, now, given, part",
    [
        (MYSQL_97, {"mode": POSITION, "variables": {"gtid_mode": "OFF"}}, {"auto_position": True}, "1777"),
        (MYSQL_97, {"settings": {"gtid_only": 1, "require_row_format": 1}}, {"auto_position": False}, "4067"),
        (MYSQL_97, {"settings": {"gtid_only": 1, "require_row_format": 1}}, {"require_row_format": False}, "4066"),
        (MYSQL_97, {}, {"assign_gtids_to_anonymous_transactions": "local"}, "4014"),
        (MYSQL_97, {}, {"ignore_server_ids": [7]}, "3139"),
        (MARIADB_1011, {"mode": POSITION}, {"do_domain_ids": [1]}, "1201"),
        (MARIADB_1011, {}, {"do_domain_ids": [1], "ignore_domain_ids": [2]}, "1201"),
        (MARIADB_1011, {"settings": {"do_domain_ids": "0, 3"}}, {"use_gtid": "no"}, "1201"),
    ],
)
def test_settings_that_exclude_each_other_are_named_before_the_server_does(flavour, now, given, part):
    with pytest.raises(BadInputError, match=part):
        decided(replica(flavour, **now), source(flavour), **given)


def test_both_of_such_settings_together_are_taken():
    now = replica(settings={"gtid_only": 1, "require_row_format": 1})
    assert "GTID_ONLY = 0" in shown(decided(now, source(), auto_position=False, gtid_only=False))[2]


def test_demoting_is_needed_only_while_the_binlog_has_more():
    written = replace(replica(MARIADB_1011), binlog_state=GtidBinlogState.parse("0-1-9,0-2-12"))
    made = decided(written, source(MARIADB_1011), demote_to_replica=True)
    assert "MASTER_DEMOTE_TO_SLAVE = 1" in shown(made)[2]
    assert shown(decided(replica(MARIADB_1011), source(MARIADB_1011), demote_to_replica=True)) == []


# -- the source -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "peer, part",
    [
        (source(server_id=2), "server_id 2"),
        (source(flavour=MARIADB_1011, server_id=5), "MariaDB"),
        (source(variables={"gtid_mode": "OFF"}), "gtid_mode is OFF"),
    ],
)
def test_a_source_that_cannot_be_followed_is_refused(peer, part):
    with pytest.raises(RefusedError, match=part):
        decided(replica(), peer, source_host="db9")


def test_a_source_of_a_later_series_is_refused_unless_told_so():
    found = source()
    later = replace(found, server=replace(found.server, flavour=Flavour(MYSQL, (26, 7, 0), "26.7.0")))
    with pytest.raises(RefusedError, match="MySQL 26"):
        decided(replica(), later, source_host="db9")
    assert decided(replica(), later, source_host="db9", allow={"allow_newer_source": True}).plan.steps
    patch = replace(found, server=replace(found.server, flavour=Flavour(MYSQL, (9, 7, 9), "9.7.9")))
    assert decided(replica(), patch, source_host="db9").plan.steps
    assert decided(replica(), later, source_connect_retry=9).plan.steps


@pytest.mark.parametrize(
    "settings, plugin, warned",
    [
        ({"ssl": 0}, "caching_sha2_password", True),
        ({"ssl": 0}, "mysql_native_password", False),
        ({"ssl": 0}, None, True),
        ({"ssl": 1}, "caching_sha2_password", False),
        ({"ssl": 0, "get_public_key": 1}, "caching_sha2_password", False),
        ({"ssl": 0, "public_key_path": "/k"}, "caching_sha2_password", False),
    ],
)
def test_an_account_that_cannot_get_in_is_warned_of(settings, plugin, warned):
    made = decided(replica(settings=settings), source(), plugin=plugin, source_user="other")
    assert ("caching_sha2_password" in made.message) == warned


def test_old_servers_know_no_public_key_and_are_not_warned():
    now = replica(MYSQL_56)
    del now.channels[0].settings["get_public_key"]
    assert "caching" not in decided(now, source(MYSQL_56), plugin="caching_sha2_password", source_user="x").message


# -- what is foretold -----------------------------------------------------------------------------------


def test_the_state_afterwards_is_foretold():
    now = replica()
    made = decided(now, source(), source_host="db9", source_delay=7, ignore_server_ids=[])
    before = {"source_host": "db1", "delay": 0, "settings": dict(now.channels[0].settings)}
    after = wishes.predicted(before, now.channels[0], made.changes, made.mode)
    assert after["source_host"] == "db9" and after["delay"] == 7 and after["settings"]["delay"] == 7
    assert after["settings"]["host"] == "db9" and "ignore_server_ids" not in after["settings"]


def test_what_the_server_took_otherwise_is_named():
    found = replica(settings={"connect_retry": 7}).channels[0]
    wish = wishes.Wish(given={"source_connect_retry": 9, "source_ssl": True, "source_password": "p"})
    assert "source_connect_retry is 7" in wishes.unfulfilled(wish, found)
    assert "source_ssl" not in wishes.unfulfilled(wish, found)
    assert wishes.unfulfilled(wishes.Wish(given={"source_connect_retry": 7}), found) == ""


def test_must_demote_when_it_cannot_be_told():
    assert rules.must_demote(server(flavour=MARIADB_1011))


@pytest.mark.parametrize(
    "applier, fault, executed, state, expected",
    [
        ("No", None, HERE, "", True),
        ("No", Fault(1062, "x"), HERE, "", False),
        ("Yes", None, HERE, "", False),
        ("Yes", None, Coordinates("binlog.000003", 800), "", True),
        ("Yes", None, HERE, "Replica has read all relay log", True),
    ],
)
def test_gaps_are_closed_when_the_applier_is_past_them_and_not_when_it_failed(
    applier, fault, executed, state, expected
):
    now = glance.Glance("Yes", applier, state, executed, executed, None, fault, None)
    watch = glance.Watch(now, glance.SETTLED_LOOKS, HERE, None, Coordinates("binlog.000003", 800))
    assert glance.CONDITIONS["gaps_closed"](watch) is expected
    assert glance.fault_of("gaps_closed", now) is fault
