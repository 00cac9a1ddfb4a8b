# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is claimed: never more than was compared."""

from __future__ import annotations

from typing import Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import compare
from ansible_collections.replicaops.mysql.plugins.module_utils._core.commit_point import (
    CommitPoint,
    gtids_exact,
    is_quiet,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare import (
    Difference,
    Report,
    TableOutcome,
    in_doubt,
    objects_differences,
    select,
    undecided,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.compare_definition import differences, normal
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates

EQUAL = TableOutcome("d.t", rows=1204, chunks=2, method="primary key")
CHANGED = TableOutcome("d.u", 5, 1, "primary key", (Difference("d.u", compare.ROWS, counts={"changed": 1}),))
U1 = "11111111-aaaa-bbbb-cccc-000000000001"
U2 = "22222222-aaaa-bbbb-cccc-000000000002"


def report(*outcomes: TableOutcome, whole: bool = False, objects: Tuple[Difference, ...] = ()) -> Report:
    return Report("db1:3306", "db2:3306", "binlog.000003:1234", outcomes, whole, objects)


def test_what_was_proven_is_said_with_its_limits() -> None:
    found = report(EQUAL, TableOutcome("d.v", rows=0))
    assert found.proof == "rows_proven"
    assert found.message() == (
        "Proven: 1,204 rows in 2 tables are equal on db1:3306 and db2:3306 at binlog.000003:1234. "
        "The rest of the server was not compared."
    )
    assert report(EQUAL, whole=True).proof == "fully_verified"


@pytest.mark.parametrize(
    "found",
    [
        report(EQUAL, CHANGED),
        report(EQUAL, undecided("d.w", "no key")),
        report(EQUAL, whole=True, objects=(Difference("view d.v", compare.DEFINITION),)),
        report(EQUAL, undecided("d.w", "no key"), whole=True),
        report(),
        report(in_doubt(CHANGED, "it was changed")),
    ],
)
def test_anything_else_is_unproven(found: Report) -> None:
    assert found.proof == "unproven"
    assert "Proven" not in found.message()
    assert "Not proven" in found.message()


def test_an_empty_server_is_verified_only_as_a_whole() -> None:
    assert report(whole=True).proof == "fully_verified"
    assert report().proof == "unproven"


def test_a_stretch_without_changes_is_not_a_wrong_name() -> None:
    found = Report("db1:3306", "db2:3306", "binlog.000003:1234", (), since="binlog.000003:4")
    assert found.message().endswith("No table was changed since binlog.000003:4.")
    assert found.proof == "unproven"
    assert report().message().endswith("No table was named that exists.")


def test_the_message_names_what_differs_and_what_is_not_known() -> None:
    text = report(EQUAL, CHANGED, undecided("d.w", "no key")).message()
    assert "Different: d.u (rows: 1 changed)." in text
    assert "Not decided: d.w (no key)." in text
    assert "Equal: 1,204 rows in 1 table." in text


def test_a_table_is_named_once() -> None:
    both = TableOutcome("d.u", 5, 1, "", (Difference("d.u", compare.DEFINITION), *CHANGED.differences))
    assert "d.u (the definition differs; rows: 1 changed)." in report(both).message()


def test_long_lists_are_cut_in_the_message_only() -> None:
    found = report(*(undecided("d.t%d" % number, "why") for number in range(9)))
    assert "and 4 more" in found.message()
    assert len(found.as_dict()["undecided"]) == 9


def test_an_incomplete_count_says_so() -> None:
    difference = Difference("d.t", compare.ROWS, counts={"missing": 3, "extra": 0, "changed": 0}, complete=False)
    assert difference.brief() == "rows, at least: 3 missing on the replica"
    assert difference.as_dict()["complete"] is False


def test_objects() -> None:
    found, unknown = objects_differences(
        {"view d.a": "x", "view d.b": "x", "view d.c": None, "view d.d": "x"},
        {"view d.a": "x", "view d.b": "y", "view d.c": "x", "view d.e": "x"},
    )
    assert [(entry.name, entry.what) for entry in found] == [
        ("view d.b", "definition"),
        ("view d.d", "missing_on_replica"),
        ("view d.e", "missing_on_source"),
    ]
    assert [outcome.name for outcome in unknown] == ["view d.c"]


def test_select() -> None:
    source, replica = [("a", "t"), ("a", "u"), ("b", "t"), ("x.y", "z")], [("a", "t"), ("c", "t")]
    assert select(["all"], source, replica)[0] == [("a", "t"), ("a", "u"), ("b", "t"), ("c", "t"), ("x.y", "z")]
    assert select(["a.*", "a.t", "c.t"], source, replica) == ([("a", "t"), ("a", "u"), ("c", "t")], [])
    assert select(["x.y.z"], source, replica)[0] == [("x.y", "z")]
    assert select(["a.none", "z.*"], source, replica) == ([], ["a.none", "z.*"])
    assert select(["all"], [], []) == ([], [])


NEW = """CREATE TABLE `t` (
  `id` int NOT NULL AUTO_INCREMENT,
  `c` varchar(9) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin DEFAULT NULL,
  `d` datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  `n` int DEFAULT '5',
  PRIMARY KEY (`id`),
  KEY `b` (`c`),
  KEY `a` (`n`)
) ENGINE=InnoDB AUTO_INCREMENT=77 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC COMMENT='a, int(5)'"""
OLD = """CREATE TABLE `t` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `c` varchar(9) CHARACTER SET utf8 COLLATE utf8_bin DEFAULT NULL,
  `d` datetime(6) DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  `n` int(11) DEFAULT 5,
  PRIMARY KEY (`id`) USING BTREE,
  KEY `a` (`n`),
  KEY `b` (`c`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a, int(5)'"""


def test_definitions_are_equal_however_versions_spell_them() -> None:
    assert normal(NEW) == normal(OLD)
    assert differences(NEW, OLD) == ((), ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("varchar(9)", "varchar(10)"),
        ("`id` int NOT NULL", "`id` bigint NOT NULL"),
        ("KEY `b` (`c`)", "UNIQUE KEY `b` (`c`)"),
        ("ENGINE=InnoDB", "ENGINE=MyISAM"),
        ("CHARSET=utf8mb4", "CHARSET=latin1"),
        ("COLLATE=utf8mb4_bin", "COLLATE=utf8mb4_general_ci"),
        ("int(5)'", "int'"),
        ("DEFAULT '5'", "DEFAULT '6'"),
        ("DEFAULT NULL", "NOT NULL"),
        ("'a, int(5)'", "'a, int(5)'\n PARTITION BY HASH (`id`)"),
        (" AUTO_INCREMENT,", ","),
    ],
)
def test_real_differences_stay(old: str, new: str) -> None:
    assert old in NEW
    changed = NEW.replace(old, new)
    only_source, only_replica = differences(NEW, changed)
    assert only_source or only_replica


def test_columns_in_another_order_differ() -> None:
    lines = NEW.split("\n")
    lines[1], lines[4] = lines[4], lines[1]
    only_source, only_replica = differences(NEW, "\n".join(lines))
    assert only_source[0].startswith("order: `id`")
    assert only_replica[0].startswith("order: `n`")


def test_partitions_are_equal_in_both_spellings() -> None:
    old = NEW + "\n/*!50100 PARTITION BY RANGE (id)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB) */"
    new = NEW + "\n PARTITION BY RANGE (`id`)\n(PARTITION `p0` VALUES LESS THAN (10) ENGINE = InnoDB)"
    assert differences(old, new) == ((), ())
    assert differences(old, new.replace("(10)", "(20)")) != ((), ())


def process(command: str, state: str = "", number: int = 7) -> dict[str, object]:
    return {"ID": number, "USER": "u", "COMMAND": command, "STATE": state}


DUMP = process("Binlog Dump GTID", "Source has sent all binlog to replica")


@pytest.mark.parametrize(
    ("processes", "quiet"),
    [
        ([DUMP], True),
        ([DUMP, process("Sleep"), process("Query", "executing", 1)], True),
        ([DUMP, process("Query", "waiting for handler commit")], False),
        ([DUMP, process("Execute")], False),
        ([DUMP, process("Connect", "Slave has read all relay log; waiting for more updates")], True),
        ([DUMP, process("Slave_SQL", "Write_rows_log_event::write_row()")], False),
        ([DUMP, process("Daemon", "Waiting on empty queue")], True),
        # The replica's own dump thread is not in the list, so other accounts' threads are hidden from us.
        ([process("Sleep")], False),
        ([], False),
    ],
)
def test_a_quiet_moment_has_no_thread_at_work(processes: list[dict[str, object]], quiet: bool) -> None:
    assert is_quiet(processes, own=1) == quiet


@pytest.mark.parametrize(
    ("executed", "exact"),
    [
        (U1 + ":1-5", True),
        (U1 + ":1-4", False),
        (U1 + ":1-6", False),
        (U1 + ":1-5," + U2 + ":1-3", True),
        ("", False),
    ],
)
def test_exact_means_nothing_missing_and_nothing_of_the_source_beyond(executed: str, exact: bool) -> None:
    point, now = GtidSet.parse(U1 + ":1-5"), GtidSet.parse(U1 + ":1-9")
    assert gtids_exact(GtidSet.parse(executed), point, now) == exact


def test_a_point_in_results() -> None:
    assert CommitPoint(Coordinates("binlog.000003", 4), U1 + ":1", True).as_dict() == {
        "source_log_file": "binlog.000003",
        "source_log_pos": 4,
        "gtids": U1 + ":1",
        "exact": False,
    }
