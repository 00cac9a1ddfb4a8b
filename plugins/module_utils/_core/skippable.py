# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error numbers that people have a replica skip for good, what each loses, and what repairs it instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Tuple

_ROWS = "the rest of the row event, silently: rows that would have been applied are missing afterwards"
_STATEMENT = "the whole statement, with all rows and objects that it would have changed"
_PRESENT = "nothing if the object is there exactly as the source made it; its definition and rows otherwise"
_ABSENT = "nothing if the object is really gone; everything else that the statement would have done"

_HEAL = "`repair` makes the rows equal to the source's images, or finds the position that the data is at"
_SKIP = "`skip` and `repair` pass the statement when its effect is verified to be present"
_REBUILD = "`repair` restores the table as it was at the applied point, or says why it cannot"


@dataclass(frozen=True)
class Skippable:
    """An error that a replica can be told to ignore.

    :param number: the error number.
    :param name: what happened, in a few words.
    :param loses: what is given up each time it is skipped.
    :param instead: what this collection does about it without a setting.
    """

    number: int
    name: str
    loses: str
    instead: str


_TABLE: Tuple[Skippable, ...] = (
    Skippable(1007, "database exists", _PRESENT, _SKIP),
    Skippable(1008, "database to drop does not exist", _ABSENT, "look at what else was in it"),
    Skippable(1032, "row to change or delete is missing", _ROWS, _HEAL),
    Skippable(1048, "column cannot be NULL", _STATEMENT, "compare the definitions of the table on both sides"),
    Skippable(1049, "database is missing", _STATEMENT, _REBUILD),
    Skippable(1050, "table exists", _PRESENT, _SKIP),
    Skippable(1051, "table to drop does not exist", _ABSENT, _SKIP),
    Skippable(1054, "column is missing", _STATEMENT, "find the position: the definition is ahead of it or behind it"),
    Skippable(1060, "column exists", _PRESENT, _SKIP),
    Skippable(1061, "index exists", _PRESENT, _SKIP),
    Skippable(1062, "duplicate row", _ROWS, _HEAL),
    Skippable(1068, "second primary key", _PRESENT, "compare the definitions of the table on both sides"),
    Skippable(1091, "column or index to drop does not exist", _ABSENT, _SKIP),
    Skippable(1094, "thread to end does not exist", "nothing", "nothing is needed"),
    Skippable(1133, "account is missing", _STATEMENT, "create the account as the source has it"),
    Skippable(1136, "number of columns differs", _STATEMENT, "find the position: the table was altered already"),
    Skippable(1141, "grant to revoke does not exist", _ABSENT, "compare the grants on both sides"),
    Skippable(1146, "table is missing", "every later change of the table as well", _REBUILD),
    Skippable(1147, "table grant to revoke does not exist", _ABSENT, "compare the grants on both sides"),
    Skippable(1205, "lock wait timeout", _STATEMENT, "the applier tries again by itself; find who holds the lock"),
    Skippable(1213, "deadlock", _STATEMENT, "the applier tries again by itself; find the other transaction"),
    Skippable(1264, "value out of range", _STATEMENT, "compare sql_mode and the table's definition on both sides"),
    Skippable(1304, "routine exists", _PRESENT, _SKIP),
    Skippable(1305, "routine is missing", _STATEMENT, "create the routine as the source has it"),
    Skippable(1347, "object is not of the expected kind", _STATEMENT, "compare the definitions on both sides"),
    Skippable(1359, "trigger exists", _PRESENT, _SKIP),
    Skippable(1360, "trigger to drop does not exist", _ABSENT, "nothing is needed when it is really gone"),
    Skippable(1396, "account statement failed", "nothing if the account is as wanted; the change otherwise", _SKIP),
    Skippable(1406, "value too long for its column", _STATEMENT, "compare the table's definition on both sides"),
    Skippable(1410, "grant cannot create an account", _STATEMENT, "create the account as the source has it"),
    Skippable(1451, "row is referenced by a foreign key", _ROWS, _HEAL),
    Skippable(1452, "row references a missing row", _ROWS, _HEAL),
    Skippable(1507, "partition to drop does not exist", _ABSENT, "compare the partitions on both sides"),
    Skippable(1517, "partition exists", _PRESENT, "compare the partitions on both sides"),
    Skippable(1537, "event exists", _PRESENT, _SKIP),
    Skippable(1539, "event to change does not exist", _ABSENT, "nothing is needed when it is really gone"),
    Skippable(1677, "column type differs", _ROWS, "alter the column back to what the source has"),
    Skippable(1690, "value out of range in an expression", _STATEMENT, "compare sql_mode on both sides"),
    Skippable(13146, "column type differs (MySQL 8 and later)", _ROWS, "alter the column back to what the source has"),
)  # fmt: skip

KNOWN: Dict[int, Skippable] = {entry.number: entry for entry in _TABLE}


def losses(numbers: Iterable[int]) -> List[str]:
    """What skipping each of these errors gives up, a sentence each, in their order."""
    return ["Skipping %d (%s) gives up %s." % (number, KNOWN[number].name, KNOWN[number].loses) for number in numbers]


def table_lines() -> Iterator[str]:
    """The rows of the table in the documentation."""
    for entry in _TABLE:
        yield "| %d | %s | %s | %s |" % (entry.number, entry.name, entry.loses, entry.instead)
