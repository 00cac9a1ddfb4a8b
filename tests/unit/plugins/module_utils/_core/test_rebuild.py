# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may be the donor, what is refused before anything is dropped, and which statements do it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import (
    binlog_expiry,
    nowhere,
    rebuild,
    rebuild_donor,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.case import Case
from ansible_collections.replicaops.mysql.plugins.module_utils._core.commit_point import CommitPoint
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose_rebuild import unfinished
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.rebuild_donor import Candidate
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, STOPPED, Coordinates
from unit import made
from unit.made import MARIADB_1011, MYSQL_56, U1, U2

END = Coordinates("binlog.000009", 77)
ON = {"log_bin": "ON", "gtid_mode": "ON", "log_replica_updates": "ON"}
POINT = CommitPoint(Coordinates("binlog.000005", 40), U1 + ":1-9")


def source(**changes):
    values = {"uuid": U1, "server_id": 1, "address": "db1:3306", "variables": ON, "binlog_end": END}
    return made.server(**{**values, "executed": GtidSet.parse(U1 + ":1-20"), "purged": GtidSet(), **changes})


def donor(executed=U1 + ":1-19", variables=None, **channel):
    mine = made.channel(**{"seconds_behind": 0, **channel})
    return made.server(mine, uuid="33333333-aaaa-bbbb-cccc-000000000003", server_id=3, address="db3:3306",
                       variables=variables or ON, binlog_end=END, executed=GtidSet.parse(executed))  # fmt: skip


TARGET = made.server(made.channel(), variables=ON, executed=GtidSet.parse(U1 + ":1-5," + U2 + ":1"))


def test_a_replica_that_has_all_can_be_the_donor():
    assert rebuild_donor.against(donor(), TARGET, made.channel(), source(), False) == ""
    assert rebuild_donor.against(source(), TARGET, made.channel(), None, True) == ""


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (donor(applier=STOPPED), "does not replicate"),
        (donor(seconds_behind=None), "behind"),
        (donor(seconds_behind=9999), "behind"),
        (donor(source_uuid=U2), "same source"),
        (donor(executed=U1 + ":2-19"), "lacks transactions"),
        (donor(executed=U1 + ":1-19," + U2 + ":1"), "does not have"),
        (donor(variables={**ON, "log_replica_updates": "OFF"}), "does not log"),
        (donor(filters={"Replicate_Do_DB": "x"}), "filters"),
        (replace(donor(), binlog_end=None), "no binlog"),
        (replace(donor(), flavour=MARIADB_1011), "MariaDB"),
        (replace(donor(), uuid=U2), "replica itself"),
    ],
)
def test_why_a_member_is_no_donor(one, expected):
    asked = source(purged=GtidSet.parse(U1 + ":1"))
    assert expected in rebuild_donor.against(one, TARGET, made.channel(), asked, False)


def test_coordinates_of_another_replica_mean_nothing():
    assert "coordinates" in rebuild_donor.against(donor(), TARGET, made.channel(mode=POSITION), source(), False)


def test_a_later_version_is_no_donor():
    later = replace(source(), flavour=replace(made.MYSQL_97, version=(9, 8, 0)))
    assert "later than" in rebuild_donor.against(later, TARGET, made.channel(), None, True)


def test_the_first_that_can_be_it_is_the_donor_and_a_named_one_is_never_replaced():
    bad, good = Candidate("db3", "db3:3306", "it is behind"), Candidate("source", "db1:3306")
    assert rebuild_donor.choose([bad, good], "auto", "db2:3306") is good
    assert rebuild_donor.reasons([bad, good], good) == (
        "The donor is source (db1:3306). Not db3 (db3:3306): it is behind."
    )
    with pytest.raises(RefusedError, match="it is behind"):
        rebuild_donor.choose([bad, good], "db3", "db2:3306")
    with pytest.raises(BadInputError, match="auto or one of: db3, source"):
        rebuild_donor.choose([bad, good], "db9", "db2:3306")


def test_servers_below_several_channels_and_filters_are_refused():
    for wrong in (
        replace(TARGET, replicas_below=("db4",)),
        replace(TARGET, channels=(made.channel(name="a"), made.channel(name="b"))),
    ):
        with pytest.raises(RefusedError):
            rebuild.check_target(wrong, made.channel())
    with pytest.raises(RefusedError, match="filters"):
        rebuild.check_target(TARGET, made.channel(filters={"Replicate_Do_DB": "x"}))
    rebuild.check_target(TARGET, made.channel())


def texts(steps):
    return [step.statement.display().partition(" /*")[0] for step in steps]


def test_a_channel_is_turned_away_and_gets_its_mode_back():
    away = texts(rebuild.turn_away(made.verbs(), TARGET, made.channel(delay=60)))
    assert away[:2] == ["STOP REPLICA SQL_THREAD FOR CHANNEL ''", "STOP REPLICA IO_THREAD FOR CHANNEL ''"]
    assert "SOURCE_LOG_FILE = 'rebuild-unfinished.000001'" in away[-1] and "SOURCE_AUTO_POSITION = 0" in away[-1]
    now = made.channel(mode=POSITION, read=nowhere.NOWHERE, executed=nowhere.NOWHERE)
    back = texts(rebuild.point_at(made.verbs(), TARGET, made.channel(delay=60), now, POINT))
    assert back[-1] == "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 60, SOURCE_AUTO_POSITION = 1 FOR CHANNEL ''"
    assert nowhere.is_unfinished(now) and not nowhere.is_unfinished(made.channel())


def test_mariadb_is_turned_away_and_gets_its_gtids_back():
    verbs = made.verbs(MARIADB_1011)
    target = made.server(made.channel(using_gtid="Slave_Pos"), flavour=MARIADB_1011)
    away = texts(rebuild.turn_away(verbs, target, target.channels[0]))
    assert away[-1].endswith("MASTER_USE_GTID = no")
    kept = {"mode": "gtid", "using_gtid": "Slave_Pos"}
    meant = rebuild.intended(made.channel(mode=POSITION, using_gtid="No"), kept)
    back = texts(rebuild.point_at(verbs, target, meant, made.channel(mode=POSITION, using_gtid="No"), POINT))
    assert back[-1].endswith("MASTER_USE_GTID = slave_pos") and "LOG_FILE" not in back[-1]


def test_coordinates_are_those_of_the_copy():
    verbs, channel = made.verbs(MYSQL_56), made.channel(mode=POSITION, relay_space=10)
    target = made.server(channel, flavour=MYSQL_56)
    assert texts(rebuild.point_at(verbs, target, channel, channel, POINT))[-1] == (
        "CHANGE MASTER TO MASTER_LOG_FILE = 'binlog.000005', MASTER_LOG_POS = 40"
    )
    assert rebuild.history(verbs, target, POINT) == ()


def test_the_history_becomes_that_of_the_copy():
    assert texts(rebuild.history(made.verbs(), TARGET, POINT)) == [
        "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged = '%s:1-9'" % U1,
    ]  # fmt: skip
    maria = made.server(made.channel(), flavour=MARIADB_1011, variables={"log_bin": "OFF"})
    assert texts(rebuild.history(made.verbs(MARIADB_1011), maria, CommitPoint(END, "0-1-5"))) == [
        "SET GLOBAL gtid_slave_pos = '0-1-5'"
    ]


def test_nothing_is_started_from_where_the_source_cannot_send():
    rebuild.check_source_has(source(purged=GtidSet.parse(U1 + ":1-9")), made.channel(), POINT, True)
    with pytest.raises(RefusedError, match="has purged"):
        rebuild.check_source_has(source(purged=GtidSet.parse(U1 + ":1-10")), made.channel(), POINT, True)
    by_position = made.channel(mode=POSITION)
    with pytest.raises(RefusedError, match=r"binlog\.000005:40"):
        rebuild.check_source_has(source(binlogs=(("binlog.000009", 77),)), by_position, POINT, True)


def test_binlogs_must_be_kept_for_twice_as_long_as_it_may_take():
    hour = source(variables={"binlog_expire_logs_seconds": "3600"})
    assert "3600 s" in rebuild.check_expiry(hour, 1000)
    with pytest.raises(RefusedError, match="3600 s only"):
        rebuild.check_expiry(hour, 2000)
    assert binlog_expiry.kept_seconds(source(variables={"expire_logs_days": "2.5"})) == 216000
    assert "until somebody purges" in rebuild.check_expiry(source(), 10**9)
    by_hand = {"binlog_expire_logs_seconds": "1", "binlog_expire_logs_auto_purge": "OFF"}
    assert "until somebody purges" in rebuild.check_expiry(source(variables=by_hand), 10**9)


def test_what_only_the_replica_has_is_named():
    assert str(rebuild.own_gtids(TARGET, source(), ())) == U2 + ":1"
    assert rebuild.own_gtids(replace(TARGET, variables={"gtid_mode": "OFF"}), source(), ()) is None
    assert "1 transactions" in rebuild.loses(["a"], ["x:1"], True)[-1]


def test_binlogs_that_are_kept_are_not_called_lost():
    assert rebuild.drops_binlogs(made.verbs(), TARGET)
    by_position = replace(TARGET, variables={"gtid_mode": "OFF"})
    assert not rebuild.drops_binlogs(made.verbs(), by_position)
    assert rebuild.loses(["a"], [], False) == ("All data of a here.",)
    for logs in ("ON", "OFF"):
        maria = made.server(made.channel(), flavour=MARIADB_1011, variables={"log_bin": logs})
        assert rebuild.drops_binlogs(made.verbs(MARIADB_1011), maria) == (logs == "ON")


def test_accounts_that_are_not_here_are_named():
    assert rebuild.missing_accounts([]) == ""
    assert "'app'@'%'. Make them" in rebuild.missing_accounts([("app", "%")])
    assert "and 2 more" in rebuild.missing_accounts([("app%d" % number, "%") for number in range(12)])


def test_progress_has_a_line_for_people():
    told = rebuild.progress("copying", 10, 1000, tables=1, of=4, rows=500, bytes=2000000, table="shop.t")
    assert told["line"] == "copying: 1 of 4 tables, 500 rows, 2.0 MB in 10 s, now shop.t, about 10 s left"
    assert rebuild.progress("emptying the replica", 1, 0)["line"] == "emptying the replica"


def test_an_unfinished_rebuild_is_a_finding():
    channel = made.channel(read=nowhere.NOWHERE)
    case = Case(made.server(channel), channel, None, ())
    assert [finding.code for finding in unfinished(case)] == ["rebuild_unfinished"]
    assert list(unfinished(replace(case, channel=made.channel()))) == []
