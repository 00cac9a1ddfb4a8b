# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What applying or undoing transactions tells, what its undo record keeps, and how all of it is said."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .binlog.table_map import TableName
from .binlog_apply import Item, Wish
from .binlog_apply_context import is_definition
from .binlog_apply_rows import Conflict, Fate, Image
from .row_repair_report import MOST_SHOWN, row_shown
from .row_repair_rows import Key, Shape

APPLIED = "applied"
DONE = "done"
WAITING = "waiting"

MISSING = "missing"
SURPLUS = "surplus"
CHANGED = "changed"
UNKNOWN = "unknown"

Shapes = Mapping[TableName, Shape]

_TEXT = 500

UNDO_FORWARD = (
    "Transactions that were applied under their GTIDs stay: they are in the binlog, and replicas get them. To take"
    " their rows back run binlog_apply with the same transactions and direction reverse.",
)


def transaction(item: Item, state: str, show: str) -> Dict[str, Any]:
    """A transaction as a result shows it."""
    done = item.transaction
    return {
        "gtid": done.gtid,
        "file": done.file,
        "start": done.first,
        "end": done.last,
        "timestamp": done.timestamp,
        "server_id": done.server_id,
        "thread_id": done.thread_id,
        "tables": ["%s.%s" % name for name in done.tables],
        "rows": len(item.changes),
        "statements": [_statement(event.text, show) for event, _text in item.statements],
        "state": state,
    }


def _statement(text: str, show: str) -> str:
    if show != "none" and is_definition(text) or show == "full":
        return text[:_TEXT]
    return " ".join(text.split()[:3])[:80]


def conflicts(items: Sequence[Item], found: Sequence[Conflict], shapes: Shapes, show: str) -> List[Dict[str, Any]]:
    """The conflicts as a result shows them: no more than a thousand."""
    return [_conflict(items[one.item], one, shapes.get(one.table), show) for one in found[:MOST_SHOWN]]


def _conflict(item: Item, one: Conflict, shape: Any, show: str) -> Dict[str, Any]:
    entry: Dict[str, Any] = {
        "transaction": item.name,
        "table": "%s.%s" % one.table,
        "key": None,
        "difference": UNKNOWN,
        "columns": [],
        "reason": one.why,
        "found": None,
        "expected": None,
    }
    if one.key is None or shape is None:
        return entry
    if one.have is None:
        entry["difference"] = MISSING
    else:
        entry["difference"] = SURPLUS if one.expected is None else CHANGED
    entry["columns"] = [shape.columns[place].name for place in one.columns]
    if show != "none":
        entry["key"] = row_shown([shape.columns[place] for place in shape.key], one.key)
    if show == "full":
        entry["found"] = None if one.have is None else row_shown(shape.columns, one.have)
        entry["expected"] = None if one.expected is None else row_shown(shape.columns, one.expected)
    return entry


def record_rows(
    fates: Mapping[TableName, Mapping[Key, Fate]], shapes: Shapes, form: bytes, maps: Mapping[TableName, Dict[str, Any]]
) -> Dict[str, Any]:
    """What the undo record keeps of the rows, as `row_repair_report.record_rows` does."""
    return {
        "form": form.hex(),
        "tables": [
            {
                "schema": name.schema,
                "table": name.name,
                "map": maps[name],
                "columns": [column.name for column in shapes[name].columns],
                "rows": [_recorded(shapes[name], key, fate) for key, fate in rows.items() if fate.now is not fate.end],
            }
            for name, rows in sorted(fates.items())
        ],
    }


def _recorded(shape: Shape, key: Key, fate: Fate) -> Dict[str, Any]:
    return {
        "key": row_shown([shape.columns[place] for place in shape.key], key),
        "before": None if fate.now is None else row_shown(shape.columns, fate.now.values),
        "before_image": _hex(fate.now),
        "after": _hex(fate.end),
        "key_image": _hex(fate.known),
    }


def _hex(found: Any) -> Any:
    if not isinstance(found, Image):
        return None
    return [None if part is None else part.hex() for part in found.parts]


def summary(wish: Wish, items: Sequence[Item], states: Sequence[str], tables: Sequence[str]) -> str:
    """One sentence for the plan."""
    count = len([state for state in states if state == APPLIED])
    verb = "Undo" if wish.reverse else "Apply"
    where = " in %s" % ", ".join(tables[:10]) if tables else ""
    return "%s %s%s." % (verb, counted(count, "transaction"), where)


def sentence(wish: Wish, states: Sequence[str], rows: int, found: int, check_mode: bool) -> str:
    """What came out, in a few plain sentences."""
    applied = len([state for state in states if state == APPLIED])
    done = len([state for state in states if state == DONE])
    if found:
        return "%s in the way of %s: nothing was done." % (
            "1 conflict is" if found == 1 else "%d conflicts are" % found, counted(len(states), "transaction"),
        )  # fmt: skip
    verb = "undone" if wish.reverse else "applied"
    if not states:
        return "Nothing is left to be done: all of the transactions are executed already."
    if not applied:
        return "Nothing is left to be done: %s %s already." % (counted(done, "transaction"), _were(done, verb))
    said = "%s with %s %s %s" % (
        counted(applied, "transaction"), counted(rows, "row"), "would be" if check_mode else _were(applied, ""), verb,
    )  # fmt: skip
    return " ".join((said + (", %d were before" % done if done else "") + ".").split())


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return "%d %s%s" % (number, noun, "" if number == 1 else "s")


def _were(number: int, verb: str) -> str:
    return ("was " if number == 1 else "were ") + verb


def counts(states: Sequence[str]) -> Dict[str, int]:
    """How many transactions are in which state."""
    to_do = len([state for state in states if state == WAITING])
    return {"to_do": to_do, "done": len(states) - to_do}


def states_of(items: Sequence[Item], left: Sequence[int], reached: int) -> Tuple[str, ...]:
    """The state of each transaction of a plan.

    :param left: the numbers of those that have something left to be done.
    :param reached: so many of them, the first ones, are in the plan.
    """
    wanted = set(left)
    return tuple(
        (APPLIED if number < reached else WAITING) if number in wanted else DONE for number in range(len(items))
    )
