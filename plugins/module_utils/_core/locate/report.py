# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a search, for machines and for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..binlog.columns_info import ColumnInfo
from ..compare_columns import BINARY, FLOAT, OPAQUE, Column
from ..gtid_mariadb import GtidPosition
from ..gtid_mysql import GtidSet
from ..snapshot import Coordinates
from . import answer as answers
from .answer import Answer, evidence_as_dict
from .objects import Object
from .track import Point, Track

# So many transactions are listed one by one.
LISTED = 1000


@dataclass(frozen=True)
class DivergedRow:
    """A row that is not as it should be.

    :param complete: ``found`` (on the replica) and ``wanted`` are known; None stands for no row.
    """

    table: str
    key_columns: Tuple[ColumnInfo, ...]
    key: Tuple[object, ...]
    columns: Tuple[ColumnInfo, ...]
    complete: bool = False
    found: Optional[Tuple[object, ...]] = None
    wanted: Optional[Tuple[object, ...]] = None

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        made: Dict[str, Any] = {"table": self.table, "key": _named(self.key_columns, self.key)}
        if self.complete:
            made["replica"] = None if self.found is None else _named(self.columns, self.found)
            made["expected"] = None if self.wanted is None else _named(self.columns, self.wanted)
        return made


@dataclass(frozen=True)
class Report:
    """What a search came to.

    :param recorded: where it began; None when that was unknown.
    :param executed: the replica's own GTID set (MySQL).
    :param silent: tables without evidence, and why.
    :param rows: rows that differ: from the end of a mixed range, or from the closest boundary. ``rows_count``: of all.
    :param definitions: objects that contradict the closest boundary, and whether the source has them there.
    """

    answer: Answer
    track: Track
    recorded: Union[Coordinates, GtidSet, GtidPosition, None]
    executed: Optional[GtidSet]
    silent: Mapping[str, str] = field(default_factory=dict)
    rows: Tuple[DivergedRow, ...] = ()
    rows_count: int = 0
    definitions: Tuple[Tuple[Object, bool], ...] = ()
    bytes_read: int = 0
    rows_read: int = 0
    mariadb: bool = False

    def as_dict(self) -> Dict[str, Any]:
        """For results."""
        found = self.answer
        gtids = self._gtids()
        made: Dict[str, Any] = {
            "changed": False,
            "msg": message(self),
            "kind": found.kind,
            "coordinates": _coordinates(found.boundary),
            "gtid_set": gtids,
            "gtids_to_append": self._append(gtids),
            "recorded": None if self.recorded is None else str(self.recorded),
            "transactions_after_recorded": found.boundary.after if found.boundary else None,
            "range": self._range(),
            "applied": self._applied(),
            "mixed": self._mixed(),
            "diverged": self._diverged(),
            "evidence": dict(
                evidence_as_dict(found.evidence), why=found.why, tables_without_evidence=dict(self.silent)
            ),
            "bytes_read": self.bytes_read,
            "rows_read": self.rows_read,
        }
        return made

    def _gtids(self) -> str:
        found = self.answer
        if found.kind == answers.BOUNDARY and found.boundary is not None:
            return found.boundary.gtids
        if found.kind == answers.APPLIED_SET and found.first is not None and not self.mariadb and found.first.gtids:
            return str(GtidSet.parse(found.first.gtids) | self.track.gtid_set(found.applied))
        return ""

    def _append(self, gtids: str) -> str:
        """What the replica's own set lacks (MySQL); on MariaDB the position itself is set."""
        if not gtids or self.mariadb or self.executed is None:
            return ""
        return str(GtidSet.parse(gtids) - self.executed)

    def _range(self) -> Optional[Dict[str, Any]]:
        found = self.answer
        if found.kind != answers.RANGE or found.first is None or found.last is None:
            return None
        return {
            "first": found.first.as_dict(),
            "last": found.last.as_dict(),
            "candidates": [{"first": a.as_dict(), "last": b.as_dict()} for a, b in found.candidates],
            "open_start": found.open_start,
            "open_end": found.open_end,
            "runs_again": found.again,
            "transactions": self._listed(found.first.index + 1, found.last.index),
        }

    def _listed(self, first: int, last: int) -> List[Dict[str, Any]]:
        return [self._transaction(number) for number in range(first, min(last, first + LISTED - 1) + 1)]

    def _transaction(self, number: int) -> Dict[str, Any]:
        at = self.track.start(number)
        return {"file": at.file, "position": at.position, "gtid": self.track.gtid(number)}

    def _applied(self) -> Optional[Dict[str, Any]]:
        found = self.answer
        if found.first is None or found.last is None or found.kind not in (answers.APPLIED_SET, answers.MIXED):
            return None
        if found.kind == answers.MIXED and not found.applied:
            return None
        applied = set(found.applied)
        missing = [n for n in range(found.first.index + 1, found.last.index + 1) if n not in applied]
        return {
            "all_before": found.first.as_dict(),
            "none_after": found.last.as_dict(),
            "rows_only": found.plain or found.kind == answers.MIXED,
            "applied": [self._transaction(number) for number in found.applied[:LISTED]],
            "missing": [self._transaction(number) for number in missing[:LISTED]],
        }

    def _mixed(self) -> Optional[Dict[str, Any]]:
        found = self.answer
        if found.kind != answers.MIXED or found.first is None or found.last is None:
            return None
        return {
            "first": found.first.as_dict(),
            "last": found.last.as_dict(),
            "rows": [row.as_dict() for row in self.rows],
            "rows_count": self.rows_count,
        }

    def _diverged(self) -> Optional[Dict[str, Any]]:
        found = self.answer
        if found.kind != answers.NOWHERE or found.closest is None:
            return None
        return {
            "closest": found.closest.as_dict(),
            "rows": [row.as_dict() for row in self.rows],
            "rows_count": self.rows_count,
            "definitions": [
                {"object": thing[0], "name": ".".join(thing[1:]), "expected": "present" if there else "absent"}
                for thing, there in self.definitions[:LISTED]
            ],
        }


def _coordinates(point: Optional[Point]) -> Optional[Dict[str, Any]]:
    return None if point is None else {"file": point.coordinates.file, "position": point.coordinates.position}


def _named(columns: Sequence[ColumnInfo], values: Sequence[object]) -> Dict[str, Any]:
    return {column.name: _shown(column, value) for column, value in zip(columns, values)}


def _shown(column: ColumnInfo, value: object) -> Union[str, int, None]:
    """A value as JSON can have it: text where it is text, else bytes in hexadecimal."""
    if value is None or isinstance(value, (int, str)):
        return value
    if not isinstance(value, bytes):
        return str(value)
    kind = Column(column.name, column.data_type).kind
    if kind in (BINARY, FLOAT, OPAQUE):
        return "0x" + value.hex()
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "0x" + value.hex()
    return text if text.isprintable() else "0x" + value.hex()


def message(report: Report) -> str:
    """The result in a few plain sentences."""
    found = report.answer
    parts = [_headline(report)]
    if found.why and found.kind != answers.BOUNDARY:
        parts.append("%s." % (found.why[0].upper() + found.why[1:]))
    evidence = found.evidence
    counted = "%d witnesses agree, %d contradict" % (evidence.votes_for, evidence.votes_against)
    parts.append(
        "Evidence: %s; %d of %d transactions scanned (%s) gave none."
        % (counted, evidence.without_evidence, evidence.transactions, evidence.scope)
    )
    if report.definitions:
        odd = "; ".join(_odd(thing, there) for thing, there in report.definitions[:3])
        parts.append("%s%s." % (odd[0].upper(), odd[1:]))
    if report.silent:
        names = ["%s (%s)" % item for item in list(report.silent.items())[:3]]
        more = len(report.silent) - len(names)
        parts.append("No evidence from %s%s." % (", ".join(names), " and %d more tables" % more if more else ""))
    return " ".join(parts)


def _odd(thing: Object, there: bool) -> str:
    """What is wrong with an object."""
    name = ".".join(thing[1:])
    if thing[0] == "rows":
        return "table %s %s on the replica" % (name, "has no rows" if there else "has rows")
    return "%s %s is %s on the replica" % (thing[0], name, "missing" if there else "there")


def _headline(report: Report) -> str:
    found = report.answer
    if found.kind == answers.BOUNDARY and found.boundary is not None:
        text = "The replica's data is at %s" % found.boundary.coordinates
        if found.boundary.after:
            where = "after" if found.boundary.after > 0 else "before"
            text += ", %d transactions %s the recorded position" % (abs(found.boundary.after), where)
        elif found.boundary.after == 0:
            text += ", which is the recorded position"
        return text + "."
    if found.first is None or found.last is None:
        if found.kind == answers.NOWHERE and found.closest is not None:
            return "The replica's data is at no boundary; %d witnesses contradict even the closest one, %s." % (
                found.evidence.votes_against, found.closest.coordinates,
            )  # fmt: skip
        return "The position of the replica's data cannot be decided."
    ends = "%s and %s" % (found.first.coordinates, found.last.coordinates)
    if found.kind == answers.RANGE:
        return "The replica's data is somewhere between %s (%d transactions)." % (
            ends, found.last.index - found.first.index,
        )  # fmt: skip
    if found.kind == answers.APPLIED_SET:
        total = found.last.index - found.first.index
        return "The replica has applied everything up to %s, and %d of the %d transactions up to %s." % (
            found.first.coordinates, len(found.applied), total, found.last.coordinates,
        )  # fmt: skip
    return "The replica's rows are of several boundaries between %s: %d rows have to be brought to the last one." % (
        ends, report.rows_count,
    )  # fmt: skip
