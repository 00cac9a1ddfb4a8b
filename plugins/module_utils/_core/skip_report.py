# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a skip tells: the transactions that were passed, sentences about them, and errors with passwords masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import account_statement, effect
from .binlog import row_bytes
from .binlog.canonical import ABSENT
from .binlog.columns_info import ColumnInfo
from .binlog.rows import RowChange
from .binlog.table_map import TableName
from .effect import Verdict
from .event_group import Failing
from .fault_classes import cause
from .row_repair_report import MOST_SHOWN, row_shown
from .row_repair_rows import Shape, Values
from .skip_plan import IDEMPOTENT, Broken, broken
from .skip_rows import Found, Looked, Queued, Row, compared, stopped_by
from .snapshot import STOPPED, Channel, Fault

FEW = 3


def passed(failing: Failing, fault: Broken, verdict: Verdict, method: str) -> Dict[str, Any]:
    """What a result says about a transaction that was passed."""
    statement = account_statement.masked(failing.statement)
    return {
        "gtid": failing.group.gtid or None,
        "file": failing.group.source_file or None,
        "end_position": failing.group.source_end,
        "log": failing.group.log,
        "log_position": failing.group.position,
        "error": fault.number,
        "error_text": account_statement.masked_error(fault.text),
        "database": failing.schema,
        "statement": statement,
        "rows": [],
        "effect": effect.PRESENT if verdict.present else effect.NOT_VERIFIED,
        "evidence": list(verdict.evidence),
        "lacking": list(verdict.lacking),
        "given_up": None if verdict.present else statement,
        "method": method,
    }


def of_rows(
    run: Sequence[Queued],
    looked: Looked,
    columns: Mapping[TableName, Sequence[ColumnInfo]],
    shapes: Callable[[TableName], Optional[Shape]],
    fault: Broken,
    method: str,
    show: str,
    room: int = MOST_SHOWN,
) -> List[Dict[str, Any]]:
    """What a result says about transactions of rows that were dealt with together; those executed already left out.

    :param columns: of each table, in the order of the image.
    :param shapes: of a table, by name; None when its rows have no key.
    :param show: ``none`` shows no keys, ``keys`` no other columns.
    :param room: so many rows are shown in all.
    """
    made: List[Dict[str, Any]] = []
    for number, (one, found) in enumerate(zip(run, compared(run, looked))):
        if one.executed:
            continue
        rows = _rows(one, found, columns, shapes, show)
        shown, room = rows[:room], room - min(room, len(rows))
        made.append(
            {**_head(one, fault if number == 0 else None, looked), **_outcome(one, found, method), "rows": shown}
        )
    return made


def _head(one: Queued, fault: Optional[Broken], looked: Looked) -> Dict[str, Any]:
    done = one.transaction
    said = done.statements[0] if done.statements else None
    return {
        "gtid": done.gtid or None,
        "file": done.file,
        "end_position": done.last,
        "log": done.file,
        "log_position": done.first,
        "error": fault.number if fault is not None else stopped_by(one, looked),
        "error_text": account_statement.masked_error(fault.text) if fault is not None else "",
        "database": said.schema if said is not None else "",
        "statement": account_statement.masked(said.text) if said is not None else "",
    }


def _outcome(one: Queued, found: Sequence[Found], method: str) -> Dict[str, Any]:
    there = sum(row.present for row in found)
    tables = ", ".join(sorted({"%s.%s" % row.row.table for row in found})) or "no table"
    evidence, lacking, given_up = [], [], None
    if method == IDEMPOTENT:
        evidence = ["%d of the %d rows in %s were there already" % (there, len(found), tables)]
    elif not one.why and there == len(found):
        evidence = ["all %d rows in %s are as the source made them" % (there, tables)]
    else:
        lacking = [one.why or "%d of the %d rows in %s are not as the source made them" % (
            len(found) - there, len(found), tables)]  # fmt: skip
        given_up = one.why or "%d row changes in %s" % (len(one.rows), tables)
    word = effect.APPLIED if method == IDEMPOTENT else effect.PRESENT if given_up is None else effect.NOT_VERIFIED
    return {"effect": word, "evidence": evidence, "lacking": lacking, "given_up": given_up, "method": method}


def _rows(
    one: Queued,
    found: Sequence[Found],
    columns: Mapping[TableName, Sequence[ColumnInfo]],
    shapes: Callable[[TableName], Optional[Shape]],
    show: str,
) -> List[Dict[str, Any]]:
    lacking = {row.number for row in found if not row.present}
    if len(one.rows) < len(one.transaction.changes):  # some have no key, or not all of their columns
        return [_change(change, columns, show) for change in one.transaction.changes]
    return [_row(row, number not in lacking, columns, shapes(row.table), show) for number, row in enumerate(one.rows)]


def _row(
    row: Row, present: bool, columns: Mapping[TableName, Sequence[ColumnInfo]], shape: Optional[Shape], show: str
) -> Dict[str, Any]:
    key = (row.before or row.after or ((), ()))[0]
    named = columns[row.table]
    full = show == "full"
    return {
        "table": "%s.%s" % row.table,
        "change": row.kind,
        "key": row_shown([named[place] for place in shape.key], key) if show != "none" and shape is not None else None,
        "before": row_shown(named, row.before[1]) if full and row.before is not None else None,
        "after": row_shown(named, row.after[1]) if full and row.after is not None else None,
        "present": present,
    }


def _change(change: RowChange, columns: Mapping[TableName, Sequence[ColumnInfo]], show: str) -> Dict[str, Any]:
    named = next((known for name, known in columns.items() if _same(name, change.table)), ())
    sides = [row_bytes.values(image) if image is not None else None for image in (change.before, change.after)]
    shown = [_without_gaps(named, image) if show == "full" and image is not None else None for image in sides]
    return {
        "table": "%s.%s" % change.table, "change": change.kind, "key": None, "before": shown[0], "after": shown[1],
        "present": False,
    }  # fmt: skip


def _without_gaps(columns: Sequence[ColumnInfo], values: Values) -> Dict[str, Any]:
    pairs = [(column, value) for column, value in zip(columns, values) if value is not ABSENT]
    return row_shown([column for column, _value in pairs], tuple(value for _column, value in pairs))


def _same(one: TableName, other: TableName) -> bool:
    return one == other or (one.schema.lower(), one.name.lower()) == (other.schema.lower(), other.name.lower())


def lost(entries: Sequence[Dict[str, Any]]) -> Tuple[str, ...]:
    """What is given up, a sentence each; many transactions are summed up."""
    gone = [entry for entry in entries if entry["given_up"] is not None]
    if len(gone) > FEW:
        return ("the changes of %d transactions, from %s to %s" % (len(gone), name(gone[0]), name(gone[-1])),)
    return tuple("%s, of %s" % (entry["given_up"], name(entry)) for entry in gone)


def held(
    found: Sequence[Found], columns: Mapping[TableName, Sequence[ColumnInfo]],
    shapes: Callable[[TableName], Optional[Shape]],
) -> List[Dict[str, Any]]:  # fmt: skip
    """Rows of the replica that are written over or deleted, for the record."""
    kept = []
    for one in found:
        shape, named = shapes(one.row.table), columns[one.row.table]
        kept.append({
            "table": "%s.%s" % one.row.table,
            "key": row_shown([named[place] for place in shape.key], one.key) if shape is not None else None,
            "before": row_shown(named, one.have) if one.have is not None else None,
        })  # fmt: skip
    return kept


def differing(found: Sequence[Found]) -> List[str]:
    """How rows are not as the source made them, a phrase for each kind and table."""
    said: Dict[str, int] = {}
    for one in found:
        if not one.present:
            how = "missing" if one.have is None else "there still" if one.wanted is None else "different"
            what = "%s.%s %s" % (*one.row.table, how)
            said[what] = said.get(what, 0) + 1
    return ["%d rows of %s" % (count, what) for what, count in sorted(said.items())]


def discreet(fault: Broken) -> Broken:
    """The error as a masked channel shows it."""
    return replace(fault, text=account_statement.masked_error(fault.text))


def masked(channel: Channel) -> Channel:
    """The channel with the statements that its errors quote masked: they may hold passwords."""

    def hide(fault: Optional[Fault]) -> Optional[Fault]:
        return None if fault is None else replace(fault, text=account_statement.masked_error(fault.text))

    workers = tuple(replace(worker, fault=hide(worker.fault)) for worker in channel.workers)
    return replace(channel, applier_fault=hide(channel.applier_fault), workers=workers)


def finished(queries: Sequence[str], checking: bool) -> str:
    """What was done about a run that was killed, or would be before anything else; '' when there was none."""
    if not queries:
        return ""
    done = "would be put back first" if checking else "was put back"
    return "An earlier run was killed; what it left %s (%s). " % (done, "; ".join(queries))


def nothing(channel: Channel) -> str:
    """Why nothing was passed, in a sentence."""
    if channel.applier == STOPPED:
        return "The applier is stopped without an error: there is nothing to pass, and it is left as it is."
    return "The applier runs without an error: there is nothing to pass."


def name(entry: Dict[str, Any]) -> str:
    """A transaction for people: its GTID, or where it ends."""
    return entry["gtid"] or "the transaction that ends at %s:%d" % (entry["file"] or "?", entry["end_position"])


def sentence(entries: Sequence[Dict[str, Any]], after: Channel, checking: bool) -> str:
    """What was done, in a few sentences; many transactions are summed up."""
    lines = [_summed_up(entries, checking)] if len(entries) > FEW else [_line(entry, checking) for entry in entries]
    next_fault = broken(after)
    if not checking and next_fault is not None:
        text = cause(account_statement.masked_error(next_fault.text))
        lines.append("The applier then stopped at error %d: %s" % (next_fault.number, text))
    elif not checking:
        lines.append("The applier runs." if after.applier != STOPPED else "The applier is stopped.")
    return " ".join(lines)


def _verb(entry: Dict[str, Any], checking: bool) -> str:
    if entry["effect"] == effect.APPLIED:
        return "Would apply" if checking else "Applied"
    return "Would pass" if checking else "Passed"


def _line(entry: Dict[str, Any], checking: bool) -> str:
    if entry["effect"] == effect.APPLIED:
        found = "over what is there: %s" % "; ".join(entry["evidence"])
    elif entry["given_up"] is not None:
        found = "its effect is given up: %s" % entry["given_up"]
    else:
        found = "its effect is present: %s" % "; ".join(entry["evidence"])
    return "%s %s (error %d); %s." % (_verb(entry, checking), name(entry), entry["error"], found)


def _summed_up(entries: Sequence[Dict[str, Any]], checking: bool) -> str:
    there = [entry for entry in entries if entry["given_up"] is None]
    numbers = ", ".join(str(number) for number in sorted({entry["error"] for entry in entries if entry["error"]}))
    text = "%s %d transactions (errors %s), from %s to %s" % (
        _verb(entries[0], checking), len(entries), numbers or "none", name(entries[0]), name(entries[-1])
    )  # fmt: skip
    if entries[0]["effect"] == effect.APPLIED:
        return "%s, over what is there." % text
    if len(there) == len(entries):
        return "%s, because their effect is present." % text
    given = "; ".join(entry["given_up"] for entry in entries if entry["given_up"] is not None)
    few = given if len(entries) - len(there) <= FEW else "their changes"
    return "%s, %d of them because their effect is present; given up: %s." % (text, len(there), few)
