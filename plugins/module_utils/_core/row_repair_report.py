# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a comparison of touched rows tells, what an undo record keeps of rows, and how all of it is said."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .binlog.columns_info import ColumnInfo, Value
from .binlog.encode_values import encode
from .binlog.table_map import TableName
from .row_repair_rows import Compared, Difference, Key, Shape, Values, Wanted

MOST_SHOWN = 1000

MISSING = "missing"
SURPLUS = "surplus"
CHANGED = "changed"

PROVEN = "rows_proven"
UNPROVEN = "unproven"


_READABLE = ("utf8", "utf8mb3", "utf8mb4", "ascii", "latin1")


@dataclass(frozen=True)
class Outcome:
    """What was compared.

    :param tables: by table, with its columns.
    :param silent: why nothing is known of a table's rows, by table.
    :param everything: why nothing is known of any; '' when it is.
    """

    tables: Mapping[TableName, Tuple[Shape, Compared]]
    silent: Mapping[TableName, str]
    everything: str = ""

    @property
    def rows(self) -> int:
        """How many rows were compared."""
        return sum(compared.rows for _shape, compared in self.tables.values())

    @property
    def different(self) -> int:
        """How many of them are not what they have to be."""
        return sum(len(compared.different) for _shape, compared in self.tables.values())

    @property
    def undecided(self) -> List[str]:
        """What could not be decided and why, a sentence each."""
        said = [self.everything] if self.everything else []
        said += ["%s.%s: %s" % (*name, why) for name, why in sorted(self.silent.items())]
        for name, (_shape, compared) in sorted(self.tables.items()):
            reasons: Dict[str, int] = {}
            for why in compared.undecided.values():
                reasons[why] = reasons.get(why, 0) + 1
            said += ["%s.%s: %d rows: %s" % (*name, count, why) for why, count in sorted(reasons.items())]
        return said

    @property
    def proof(self) -> str:
        """What has been proven."""
        return UNPROVEN if self.different or self.undecided or not self.rows else PROVEN


def entries(
    outcome: Outcome, show: str, origins: Optional[Mapping[Tuple[TableName, Key], Mapping[str, Any]]] = None
) -> List[Dict[str, Any]]:
    """The rows that differ, as a result shows them: no more than a thousand.

    :param show: ``none`` shows no keys, ``keys`` no other columns.
    :param origins: the transactions that wrote them last, as far as that is known.
    """
    found: List[Dict[str, Any]] = []
    for name, (shape, compared) in sorted(outcome.tables.items()):
        for one in compared.different[: MOST_SHOWN - len(found)]:
            origin = (origins or {}).get((name, one.key))
            found.append({**_entry(name, shape, one, show), "origin": dict(origin) if origin else None})
    return found


def _entry(name: TableName, shape: Shape, one: Difference, show: str) -> Dict[str, Any]:
    key_columns = [shape.columns[place] for place in shape.key]
    return {
        "table": "%s.%s" % name,
        "key": None if show == "none" else row_shown(key_columns, one.key),
        "difference": MISSING if one.have is None else SURPLUS if one.wanted.values is None else CHANGED,
        "columns": [shape.columns[place].name for place in one.columns],
        "replica": row_shown(shape.columns, one.have) if show == "full" and one.have is not None else None,
        "source": row_shown(shape.columns, one.wanted.values)
        if show == "full" and one.wanted.values is not None
        else None,
    }


def row_shown(columns: Sequence[ColumnInfo], values: Values) -> Dict[str, Any]:
    """The values of a row for people, by the names of their columns."""
    return {column.name: shown(value, column) for column, value in zip(columns, values) if column.name}


def shown(value: Value, column: ColumnInfo) -> Any:
    """A value for people: a number, a text, or bytes as hexadecimal digits."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, bytes):
        if column.data_type in ("float", "double", "real"):
            return repr(struct.unpack("<f" if len(value) == 4 else "<d", value)[0])
        if column.charset in _READABLE:
            return value.decode("latin1" if column.charset == "latin1" else "utf-8", "backslashreplace")
        return "0x" + value.hex()
    return str(value)


def record_rows(
    tables: Mapping[TableName, Tuple[Shape, Compared]], form: bytes, maps: Mapping[TableName, Mapping[str, Any]]
) -> Dict[str, Any]:
    """What the undo record keeps: each row before and after, all values, and what it takes to write them.

    A row's ``after``, ``key_image`` and ``before_image`` are its bytes in a row event, a hexadecimal text for each
    value; ``before`` are the values as people read them. Where a value cannot be encoded (documents of MySQL that
    nobody else has) ``before_image`` is null.
    """
    return {
        "form": form.hex(),
        "tables": [
            {
                "schema": name.schema,
                "table": name.name,
                "map": dict(maps[name]),
                "columns": [column.name for column in shape.columns],
                "rows": [_recorded(shape, maps[name]["metadata"], one) for one in compared.different],
            }
            for name, (shape, compared) in sorted(tables.items())
            if compared.different
        ],
    }


def _recorded(shape: Shape, metadata: Sequence[int], one: Difference) -> Dict[str, Any]:
    return {
        "key": row_shown([shape.columns[place] for place in shape.key], one.key),
        "before": None if one.have is None else row_shown(shape.columns, one.have),
        "before_image": _before_image(shape, metadata, one),
        "after": _bytes(one.wanted),
        "key_image": None if one.wanted.known is None else _hex(one.wanted.known),
    }


def _before_image(shape: Shape, metadata: Sequence[int], one: Difference) -> Any:
    """The bytes of the row as it was; None where there was none, or a value of it cannot be encoded."""
    if one.have is None or len(one.have) < len(shape.columns):
        return None
    image: List[Any] = []
    for place, value in enumerate(one.have):
        wanted = one.wanted
        if value is None:
            image.append(None)
        elif wanted.parts is not None and wanted.values is not None and wanted.values[place] == value:
            image.append(wanted.parts[place])
        else:
            try:
                image.append(encode(value, shape.type_codes[place], metadata[place], shape.columns[place]))
            except ValueError:
                return None
    return _hex(image)


def _bytes(wanted: Wanted) -> Any:
    return None if wanted.parts is None else _hex(wanted.parts)


def _hex(parts: Sequence[Any]) -> List[Any]:
    return [None if part is None else part.hex() for part in parts]


def sentence(outcome: Outcome, healed: int, check_mode: bool, undecided: Sequence[str], point: str) -> str:
    """What came out, in a few plain sentences."""
    tables = len([1 for _shape, compared in outcome.tables.values() if compared.rows])
    said = "Compared %d rows in %d tables with %s" % (outcome.rows, tables, point)
    if healed:
        verb = "would be made" if check_mode else "were made"
        said += ": %d differed and %s equal" % (healed, verb)
    elif outcome.different:
        said += ": %d differ" % outcome.different
    else:
        said += ": all are equal" if outcome.rows else ": there was nothing to compare"
    if undecided:
        said += ". Not decided: %s" % "; ".join(undecided[:5]) + (" and more" if len(undecided) > 5 else "")
    return said + "."


def counts(outcome: Outcome) -> Dict[str, int]:
    """How many rows of each table differ."""
    return {"%s.%s" % name: len(compared.different) for name, (_shape, compared) in sorted(outcome.tables.items())}


def traced(origins: Mapping[Tuple[TableName, Key], Mapping[str, Any]], note: str, different: int) -> List[str]:
    """Who wrote the rows that differ, a sentence for each of the first transactions.

    :param note: how far was looked.
    """
    told: Dict[str, int] = {}
    for one in origins.values():
        who = "this server" if one["local"] else "server id %s" % one["server_id"]
        thread = ", thread %s" % one["thread_id"] if one["thread_id"] else ""
        place = one["gtid"] or "%s:%s" % (one["file"], one["position"])
        text = "transaction %s of %s (on %s%s)" % (place, one["time"], who, thread)
        told[text] = told.get(text, 0) + 1
    lines = ["%d of them were last changed here by %s." % (count, text) for text, count in list(told.items())[:3]]
    if different > len(origins) and note:
        lines.append(
            "Of %d it is not in the replica's binlog who changed them (%s)." % (different - len(origins), note)
        )
    return lines


def of_below(lower: Sequence[Mapping[str, Any]], check_mode: bool) -> List[str]:
    """What came out on the servers below, a sentence each."""
    lines = []
    for one in lower:
        verb = "would be made" if check_mode else "were made"
        what = "%d rows differed and %s equal first" % (one["healed"], verb) if one["healed"] else "all are equal"
        lines.append("On %s, which replicates from it: %s." % (one["server"], what))
    return lines
