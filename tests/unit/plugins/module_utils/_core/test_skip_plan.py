# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import (
    skip_method,
    skip_plan,
    skip_report,
    skip_steps,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.channel_plan import Verbs
from ansible_collections.replicaops.mysql.plugins.module_utils._core.dialect import MARIADB, MASTER, SOURCE
from ansible_collections.replicaops.mysql.plugins.module_utils._core.effect import Verdict
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.event_group import Failing, Group
from ansible_collections.replicaops.mysql.plugins.module_utils._core.flavour import Features, Flavour
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mariadb import GtidPosition
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skip_plan import Broken, Wish
from ansible_collections.replicaops.mysql.plugins.module_utils._core.skip_steps import Run
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import (
    Channel,
    Coordinates,
    Fault,
    Server,
    Worker,
)

U = "11111111-aaaa-bbbb-cccc-000000000001"
TEXT = "Error 'Duplicate column name 'c'' on query. Default database: 'd'. Query: 'ALTER TABLE t ADD c INT'"
FAULT = Broken(1060, TEXT, f"{U}:4")
WISH = Wish((1060,))
PRESENT = Verdict((), ("it is there",))
LACKING = Verdict(("column c is not there",))


def channel(**changes):
    made = Channel(
        "", "db1", 3306, "repl", U, 1, "gtid", "running", "stopped", "", "", None, Fault(1060, "Coordinator stopped"),
        Coordinates("binlog.000001", 900), Coordinates("binlog.000001", 500), Coordinates("relay.000002", 700),
        workers=(Worker(1, False, Fault(1060, TEXT), f"{U}:4"),), parallel=1, position_gaps=False,
    )  # fmt: skip
    return replace(made, **changes)


def server(engine="mysql", **changes):
    made = Server(
        Flavour(engine, (9, 7, 0), "9.7"), Features(), "db2:3306", "u2", 2, 3306, "db2", "/d", {}, {},
        GtidSet.parse(f"{U}:1-3"), None, None, None, None, (), (channel(),), (), (), (), (), "", "", {}, 0.0,
    )  # fmt: skip
    return replace(made, **changes)


def failing(gtid=f"{U}:4", first=True, statement="ALTER TABLE t ADD c INT"):
    group = Group("relay.000002", 700, 900, "binlog.000001", 700, gtid, (("Query", "x"),))
    return Failing(group, statement, "d", first)


def test_the_workers_error_comes_before_the_coordinators():
    assert skip_plan.broken(channel()) == FAULT
    assert skip_plan.broken(channel(workers=())) == Broken(1060, "Coordinator stopped", "")
    assert skip_plan.broken(channel(workers=(Worker(1, False, Fault(1060, TEXT), "ANONYMOUS"),))).gtid == ""


def test_a_worker_that_only_followed_is_not_the_cause():
    followed = Worker(1, False, Fault(3030, "stopped"), f"{U}:5")
    assert skip_plan.broken(channel(workers=(followed, *channel().workers))) == FAULT
    assert skip_plan.broken(channel(workers=(followed,))).number == 3030


def test_nothing_is_broken():
    assert skip_plan.broken(channel(applier="running")) is None
    assert skip_plan.broken(channel(workers=(), applier_fault=None)) is None


def test_an_error_with_number_0_is_one():
    found = skip_plan.broken(channel(workers=(), applier_fault=Fault(0, "Query caused different errors")))
    with pytest.raises(RefusedError):
        skip_plan.check_allowed(Wish((0, 1060)), server(), channel(), found)


@pytest.mark.parametrize(
    ("wish", "fault", "changes", "word"),
    [
        (Wish((1061,)), FAULT, {}, "not in option errors"),
        (Wish((1452,)), Broken(1452, "x", ""), {}, "would lose it"),
        (Wish((1060,), "idempotent"), FAULT, {}, "1060"),
        (Wish((1146,)), Broken(1146, "x", ""), {}, "missing"),
    ],
)
def test_refusals(wish, fault, changes, word):
    with pytest.raises(RefusedError, match=word):
        skip_plan.check_allowed(wish, server(**changes), channel(), fault)


def test_allowed():
    skip_plan.check_allowed(WISH, server(), channel(), FAULT)


def test_what_is_not_there_below_is_never_passed():
    skip_plan.check_below(server(), channel(), server(address="db3:3306"), ())
    with pytest.raises(RefusedError, match=r"replicate from it \(db3:3306.*row 5 is missing"):
        skip_plan.check_below(server(), channel(), server(address="db3:3306"), ["row 5 is missing"])


def test_the_counter_is_taken_back_for_its_own_channel():
    shown = [statement.display() for statement in skip_steps.reset_counter(Verbs(MARIADB, True, "c2"))]
    assert shown == ["SET SESSION default_master_connection = 'c2'", "SET GLOBAL sql_slave_skip_counter = 0"]
    (only,) = skip_steps.reset_counter(Verbs(SOURCE, True, ""))
    assert only.display() == "SET GLOBAL sql_replica_skip_counter = 0"


def test_refusal_masks_passwords():
    text = "Error 'x' on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED BY 'geheim''"
    with pytest.raises(RefusedError) as caught:
        skip_plan.check_allowed(WISH, server(), channel(), Broken(1396, text, ""))
    assert "geheim" not in str(caught.value) + str(caught.value.context)


def test_methods():
    assert skip_method.choose(WISH, server(), channel(), failing()) == "gtid"
    assert skip_method.choose(WISH, server(), channel(), failing(gtid="")) == "counter"
    assert skip_method.choose(WISH, server("mariadb"), channel(), failing("0-1-4")) == "counter"
    assert skip_method.choose(Wish((1060,), "gtid"), server(), channel(), failing()) == "gtid"


@pytest.mark.parametrize(
    ("method", "engine", "gtid", "word"),
    [
        ("counter", "mysql", f"{U}:4", "no effect"),
        ("gtid", "mysql", "", "has none"),
        ("gtid", "mariadb", "0-1-4", "MySQL GTID"),
    ],
)
def test_a_method_that_does_not_work(method, engine, gtid, word):
    with pytest.raises(RefusedError, match=word):
        skip_method.choose(Wish((1060,), method), server(engine), channel(), failing(gtid))


def test_a_gtid_that_is_used_already():
    with pytest.raises(RefusedError, match="already"):
        skip_method.choose(replace(WISH, proven=False), server(), channel(), failing(f"{U}:3"))
    assert skip_method.choose(WISH, server(), channel(), failing(f"{U}:app:3")) == "gtid"


def test_what_a_killed_run_has_passed_is_only_started():
    assert skip_method.choose(WISH, server(), channel(), failing(f"{U}:3")) == "gtid"
    assert skip_method.is_used("pass it", server(), f"{U}:3") and not skip_method.is_used(
        "pass it", server(), f"{U}:app:3"
    )
    with pytest.raises(RefusedError, match="cannot be read"):
        skip_method.is_used("pass it", replace(server(), executed=None), f"{U}:3")
    verbs = Verbs(SOURCE, True, "")
    run = Run((f"{U}:3",), None, used=True)
    assert list(skip_steps.plan("gtid", verbs, run, server(), channel(), "s").queries()) == [
        "START REPLICA SQL_THREAD FOR CHANNEL ''"
    ]


def test_a_counter_that_a_killed_run_left_is_set_again():
    here = channel(skip_counter=1)
    assert skip_method.choose(WISH, server(channels=(here,)), here, failing("")) == "counter"
    more = channel(skip_counter=2)
    with pytest.raises(RefusedError, match="somebody else"):
        skip_method.choose(WISH, server(channels=(more,)), more, failing(""))


def test_mariadb_with_parallel_appliers_and_domains():
    some = server("mariadb", replica_position=GtidPosition.parse("0-1-3,7-1-1"))
    assert skip_method.choose(WISH, some, channel(parallel=4), failing("0-1-4")) == "position"
    with pytest.raises(RefusedError, match="1966"):
        skip_method.choose(Wish((1060,), "counter"), some, channel(parallel=4), failing("0-1-4"))
    assert skip_method.choose(WISH, some, channel(parallel=0), failing("0-1-4")) == "counter"


@pytest.mark.parametrize(
    ("engine", "first", "parallel", "gaps", "fine"),
    [
        ("mysql", True, 1, False, True),
        ("mysql", True, 0, None, True),
        ("mysql", False, 1, False, True),
        ("mysql", False, 4, False, True),
        ("mysql", True, 4, None, False),
        ("mysql", True, 4, True, False),
        ("mysql", False, 1, None, False),
        ("mysql", False, 4, True, False),
        ("mariadb", True, 4, None, True),
        ("mariadb", False, 4, None, False),
    ],
)
def test_the_counter_needs_the_failing_transaction_to_be_next(engine, first, parallel, gaps, fine):
    arguments = WISH, server(engine), channel(parallel=parallel, position_gaps=gaps), failing("", first)
    if fine:
        assert skip_method.choose(*arguments) == "counter"
    else:
        with pytest.raises(RefusedError, match="run again"):
            skip_method.choose(*arguments)


def test_somebody_elses_counter():
    other = server(channels=(channel(skip_counter=1),))
    with pytest.raises(RefusedError, match="somebody else"):
        skip_method.choose(WISH, other, channel(), failing(""))


def queries(method, dialect, channels, name, transaction):
    engine = "mariadb" if dialect is MARIADB else "mysql"
    plan = skip_steps.plan(method, Verbs(dialect, channels, name), transaction, server(engine), channel(name=name), "s")
    return list(plan.queries())


def test_statements():
    assert queries("gtid", SOURCE, True, "c1", Run((f"{U}:app:4",), None)) == [
        f"SET SESSION gtid_next = '{U}:app:4'",
        "BEGIN",
        "COMMIT",
        "SET SESSION gtid_next = 'AUTOMATIC'",
        "START REPLICA SQL_THREAD FOR CHANNEL 'c1'",
    ]
    assert queries("counter", MASTER, False, "", Run((), None)) == [
        "SET GLOBAL sql_slave_skip_counter = 1",
        "START SLAVE SQL_THREAD",
    ]
    assert queries("counter", MARIADB, True, "c2", Run(("0-1-4",), None)) == [
        "SET SESSION default_master_connection = 'c2'",
        "SET GLOBAL sql_slave_skip_counter = 1",
        "START SLAVE 'c2' SQL_THREAD",
    ]
    assert queries("counter", SOURCE, True, "", Run((), None, first=False))[0] == (
        "START REPLICA SQL_THREAD UNTIL SQL_AFTER_MTS_GAPS FOR CHANNEL ''"
    )


def test_where_the_applier_must_stand():
    skip_plan.check_at(failing(), server(), channel())
    for other in (channel(relay=Coordinates("relay.000002", 600)), channel(applier="running"), channel(relay=None)):
        with pytest.raises(RefusedError):
            skip_plan.check_at(failing(), server(), other)


def test_the_error_must_still_be_there():
    skip_plan.check_still(FAULT, server(), channel())
    for other in (channel(applier="running"), channel(workers=(), applier_fault=None), channel(workers=())):
        with pytest.raises(RefusedError):
            skip_plan.check_still(FAULT, server(), other)


def test_what_is_lacking_is_only_given_up_knowingly():
    skip_plan.check_effect(WISH, server(), channel(), FAULT, PRESENT)
    skip_plan.check_effect(Wish((1060,), proven=False), server(), channel(), FAULT, LACKING)
    with pytest.raises(RefusedError, match="column c is not there"):
        skip_plan.check_effect(WISH, server(), channel(), FAULT, LACKING)


def test_risk_and_what_is_lost():
    verbs = Verbs(SOURCE, True, "")
    kept = skip_steps.plan("gtid", verbs, Run((f"{U}:4",), None), server(), channel(), "s")
    lost = skip_steps.plan("gtid", verbs, Run((f"{U}:4",), None, lost=("the statement x",)), server(), channel(), "s")
    assert (kept.risk, kept.loses) == ("replica_rows", ())
    assert (lost.risk, lost.loses) == ("replica_history", ("the statement x",))


def test_entries_and_sentences():
    entry = skip_report.passed(failing(), FAULT, PRESENT, "gtid")
    assert (entry["effect"], entry["given_up"], entry["gtid"]) == ("present", None, f"{U}:4")
    lost = skip_report.passed(failing(""), FAULT, LACKING, "counter")
    assert (lost["effect"], lost["given_up"], lost["gtid"]) == ("not_verified", "ALTER TABLE t ADD c INT", None)
    assert "Would pass" in skip_report.sentence([entry], channel(), True)
    assert "then stopped at error 1060" in skip_report.sentence([entry], channel(), False)
    assert "The applier runs" in skip_report.sentence([lost], channel(applier="running"), False)


def test_the_next_error_is_told_by_its_cause_without_secrets():
    text = "Worker 1 failed executing transaction 'x:7' at source log b.000002, end_log_pos 9; Error 'Operation CREATE"
    text += " USER failed for 'a'@'%'' on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED BY 'geheim''"
    after = channel(workers=(Worker(1, False, Fault(1396, text), ""),))
    entry = skip_report.passed(failing(), FAULT, PRESENT, "gtid")
    assert skip_report.sentence([entry], after, False).endswith(
        "The applier then stopped at error 1396: Operation CREATE USER failed for 'a'@'%'"
    )


def test_masked_channel():
    text = "Error 'x' on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED BY 'geheim''"
    some = channel(workers=(Worker(1, False, Fault(1396, text), ""),), applier_fault=Fault(1396, text))
    assert "geheim" in str(some)
    assert "geheim" not in str(skip_report.masked(some))


@pytest.mark.parametrize("wish", [Wish(()), Wish((1060,), limit=0)])
def test_bad_options(wish):
    with pytest.raises(BadInputError):
        skip_plan.check_options(wish)


END = Coordinates("binlog.000001", 900)


def test_many_empty_transactions_are_one_step():
    run = Run((f"{U}:4", f"{U}:5", f"{U}:app:1"), END)
    shown = skip_steps.plan("gtid", Verbs(SOURCE, True, ""), run, server(), channel(), "s").queries()
    assert len(shown) == 2
    assert f"'{U}:app:1'; BEGIN; COMMIT" in shown[0]


def test_the_counter_counts_all_events_but_those_of_the_last():
    run = Run((), END, events=4996)
    shown = skip_steps.plan("counter", Verbs(SOURCE, True, ""), run, server(), channel(), "s").queries()
    assert shown[0] == "SET GLOBAL sql_replica_skip_counter = 4996"


def test_a_later_position_by_coordinates():
    here = channel(mode="position")
    shown = skip_steps.plan("position", Verbs(SOURCE, True, ""), Run((), END), server(), here, "s").queries()
    assert shown[0] == "STOP REPLICA IO_THREAD FOR CHANNEL ''"
    assert "SOURCE_LOG_FILE = 'binlog.000001', SOURCE_LOG_POS = 900" in shown[1]
    assert shown[2] == "START REPLICA FOR CHANNEL ''"


def test_a_later_position_by_domain_stops_all_connections_first():
    """They share one position, which is read for the last time when all of them stand still."""
    other = channel(name="c1", applier="running")
    here = channel(name="c2")
    some = server("mariadb", replica_position=GtidPosition.parse("0-1-3,7-1-1"), channels=(other, here))
    made = skip_steps.plan("position", Verbs(MARIADB, True, "c2"), Run(("7-1-2",), END), some, here, "s")
    assert list(made.queries()) == [
        "STOP SLAVE 'c1' SQL_THREAD",
        "STOP SLAVE 'c1' IO_THREAD",
        "STOP SLAVE 'c2' IO_THREAD",
        "SET GLOBAL gtid_slave_pos = '0-1-3,7-1-2'",
        "START SLAVE 'c2'",
        "START SLAVE 'c1'",
    ]
    assert [step.wait for step in made.steps[:2]] == ["applier_stopped", "applier_stopped"]
    assert skip_steps.moves(made.steps)


def test_idempotent_mode_has_an_end():
    run = Run((f"{U}:4", f"{U}:5"), END)
    shown = skip_steps.plan("idempotent", Verbs(SOURCE, True, ""), run, server(), channel(), "s").queries()
    assert shown[0] == "SET GLOBAL replica_exec_mode = IDEMPOTENT"
    assert f"UNTIL SQL_AFTER_GTIDS = '{U}:4-5'" in shown[1]
    assert shown[3] == "SET GLOBAL replica_exec_mode = STRICT"


def test_idempotent_mode_is_for_one_running_channel():
    other = channel(name="c1", applier="running")
    with pytest.raises(RefusedError, match="one setting for all channels"):
        skip_method.choose(Wish((1062,), "idempotent"), server(channels=(other, channel())), channel(), failing())
    lenient = server(variables={"replica_exec_mode": "IDEMPOTENT"})
    with pytest.raises(RefusedError, match="on already"):
        skip_method.choose(Wish((1062,), "idempotent"), lenient, channel(), failing())


def finished(now, mode="STRICT", before=None):
    verbs = Verbs(SOURCE, True, "")
    steps = skip_steps.finish(verbs, mode, before or (channel(),), server(channels=now))
    return [step.statement.display() for step in steps]


def test_what_a_killed_run_left_is_put_back():
    still = channel(workers=(), applier_fault=None)
    assert finished((channel(),)) == []
    assert finished((channel(),), "IDEMPOTENT") == ["SET GLOBAL replica_exec_mode = STRICT"]
    assert finished((still,)) == ["START REPLICA SQL_THREAD FOR CHANNEL ''"]
    assert finished((replace(still, applier="running"),)) == []
    assert finished((replace(still, applier="running", until="SQL_AFTER_GTIDS"),)) == [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "START REPLICA SQL_THREAD FOR CHANNEL ''",
    ]
    assert finished((replace(channel(), receiver="stopped"),)) == ["START REPLICA IO_THREAD FOR CHANNEL ''"]
    # MySQL 9.7 shows the old error until the next start.
    moved = replace(channel(), executed=Coordinates("binlog.000001", 900))
    assert finished((moved,)) == ["START REPLICA SQL_THREAD FOR CHANNEL ''"]
    ran = channel(name="c1", applier="running")
    both = (channel(), replace(ran, receiver="stopped", applier="stopped"))
    assert finished(both, before=(channel(), ran)) == ["START REPLICA FOR CHANNEL 'c1'"]
