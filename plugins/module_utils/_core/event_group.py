# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions out of SHOW RELAYLOG EVENTS or SHOW BINLOG EVENTS, and which of them is the failing one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .sql_reader import UnknownStatement
from .statement import MASK

_FRAMING = frozenset(
    ("Format_desc", "Rotate", "Previous_gtids", "Gtid_list", "Stop", "Heartbeat", "Ignorable", "Binlog_checkpoint",
     "Start_encryption", "Slave", "Unknown")
)  # fmt: skip
MARKS = frozenset(("Gtid", "Anonymous_Gtid", "Gtid_tagged_log_event"))
_QUERIES = frozenset(("Query", "Query_compressed"))
# Events of which it was measured that the skip counter counts each as one, on every server.
_COUNTED = MARKS | _QUERIES | frozenset(("Table_map", "Xid", "Annotate_rows"))
_ROWS = re.compile(r"(Write|Update|Delete)_(compressed_)?rows(_v1|_compressed_v1)?")
_USE = re.compile(r"use `((?:[^`]|``)*)`; (.*)", re.S)
_XID = re.compile(r"\s*/\* xid=\d+ \*/\s*$")
_MYSQL_GTID = re.compile(r"GTID_NEXT\s*=\s*'([^']*)'", re.I)
_MARIADB_GTID = re.compile(r"\bGTID (\d+-\d+-\d+)")
_END = re.compile(r"(?:log (\S*?)\s*, )?end_log_pos (\d+)")
_QUERY = re.compile(r"Query: '(.*)", re.S)
_DOMAIN = re.compile(r"\d+-\d+-\d+")
_TABLE = re.compile(r"event on table ([^.\s;]+)\.([^;\s]+);")


@dataclass(frozen=True)
class Group:
    """The events of one transaction.

    :param log: file the events were read from.
    :param position: where the group begins in it.
    :param after: where it ends in that file; 0 when its last event was the last that could be read.
    :param source_file: the source's file it came from; '' when unknown.
    :param source_end: where it ends in that file.
    :param gtid: as the log has it; '' without one.
    :param events: type and text of each event but the GTID's own.
    :param ends: where each event of it ends in the source's file, the GTID's own too.
    """

    log: str
    position: int
    after: int
    source_file: str
    source_end: int
    gtid: str
    events: Tuple[Tuple[str, str], ...]
    ends: Tuple[int, ...] = ()

    def names(self, table: str) -> bool:
        """Whether it has rows of this ``schema.table``."""
        return any("(%s)" % table in text for kind, text in self.events if kind == "Table_map")


@dataclass(frozen=True)
class Failing:
    """The failing transaction.

    :param group: its events.
    :param statement: its text, if it is one statement; '' otherwise.
    :param schema: the default database of that statement; '' for none.
    :param first: whether it is the next one that the applier will take (the skip counter passes that one).
    """

    group: Group
    statement: str
    schema: str
    first: bool


def groups(rows: Iterable[Mapping[str, Any]], source_file: str = "", relay: bool = True) -> List[Group]:
    """The transactions in the rows, in order.

    :param source_file: the source's file in which the first row lies; Rotate events that it sent change it.
    :param relay: the rows are of a relay log.
    """
    out: List[Group] = []
    pending: List[Mapping[str, Any]] = []

    def close(after: int) -> None:
        if pending:
            out.append(_group(pending, source_file if relay else str(pending[0]["Log_name"]), after))
            pending.clear()

    for row in rows:
        kind = str(row["Event_type"])
        position = int(row["Pos"])
        if kind in MARKS or kind in _FRAMING or (kind in _QUERIES and _complete(pending)):
            close(position)
        if kind == "Rotate" and relay:
            name = str(row["Info"]).split(";", maxsplit=1)[0]
            if _base(name) != _base(str(row["Log_name"])):
                source_file = name
        if kind not in _FRAMING:
            pending.append(row)
    close(0)
    return out


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _complete(pending: Sequence[Mapping[str, Any]]) -> bool:
    """True when a Query event that comes next cannot belong to these events: only logs without GTID events ask."""
    if not pending or str(pending[0]["Event_type"]) in MARKS:
        return False
    last = str(pending[-1]["Event_type"])
    if last == "Xid":
        return True
    if last not in _QUERIES:
        return False
    words = _text(pending[-1])[1].strip().upper()
    begun = _text(pending[0])[1].strip().upper() == "BEGIN"
    return words in ("COMMIT", "ROLLBACK") or not begun


def _group(rows: Sequence[Mapping[str, Any]], source_file: str, after: int) -> Group:
    first = rows[0]
    marked = str(first["Event_type"]) in MARKS
    events = [(str(row["Event_type"]), str(row["Info"])) for row in rows[1 if marked else 0 :]]
    if marked and str(first["Info"]).upper().startswith("BEGIN"):
        events.insert(0, ("Query", "BEGIN"))  # MariaDB puts BEGIN into the GTID event
    return Group(
        str(first["Log_name"]), int(first["Pos"]), after, source_file, int(rows[-1]["End_log_pos"]),
        gtid_of(str(first["Info"])) if marked else "", tuple(events),
        tuple(int(row["End_log_pos"]) for row in rows),
    )  # fmt: skip


def countable(group: Group) -> bool:
    """Whether the skip counter counts exactly the events that the relay log shows of a transaction.

    Of a compressed one the log shows what is in it, too, and of other events it was not measured.
    """
    return all(kind in _COUNTED or _ROWS.fullmatch(kind) for kind, _unused in group.events)


def gtid_of(info: str) -> str:
    """The GTID in a GTID event's text; '' for an anonymous one."""
    match = _MYSQL_GTID.search(info) or _MARIADB_GTID.search(info)
    found = match.group(1) if match else ""
    return "" if found.upper() in ("ANONYMOUS", "AUTOMATIC") else found


def _text(row: Mapping[str, Any]) -> Tuple[str, str]:
    return split_use(str(row["Info"]))


def split_use(info: str) -> Tuple[str, str]:
    """Default database and statement of a Query event's text, without the note on its XID that MySQL 8 adds."""
    match = _USE.match(info)
    schema, text = (match.group(1).replace("``", "`"), match.group(2)) if match else ("", info)
    return schema, _XID.sub("", text)


def only_statement(group: Group) -> Tuple[str, str]:
    """Statement and default database of a transaction that is nothing but one statement.

    :raises UnknownStatement: when it holds more than one Query event, or other events: then passing it would pass
        changes that nobody looked at.
    """
    kinds = [kind for kind, _unused in group.events]
    if len(kinds) != 1 or kinds[0] not in _QUERIES:
        raise UnknownStatement(
            "the transaction holds more than one statement (%s)" % ", ".join(_counted(kinds) or ["nothing"])
        )
    schema, text = split_use(group.events[0][1])
    if text.strip().upper() == "BEGIN":
        raise UnknownStatement("the transaction's end is not in the log yet")
    return text, schema


def _counted(kinds: Sequence[str]) -> List[str]:
    return ["%d %s" % (kinds.count(kind), kind) for kind in dict.fromkeys(kinds)]


def error_end(text: str) -> Tuple[str, Optional[int]]:
    """The source's file and the end position that an error text names; '' and None where it does not.

    The file is missing shortly after a start (measured on MySQL 9.7), and MariaDB 11.8 writes position 0.
    """
    match = _END.search(text)
    if match is None or not int(match.group(2)):
        return "", None
    return match.group(1) or "", int(match.group(2))


def quoted_query(text: str) -> str:
    """The statement that an error text quotes, as far as it does; '' when it quotes none."""
    match = _QUERY.search(text)
    return match.group(1) if match else ""


def is_the_quoted_one(statement: str, text: str) -> bool:
    """True unless the error text quotes another statement: it may cut a long one short, and quotes none for some.

    Masked secrets in the quote are not compared; what stands around them is.
    """
    parts = [" ".join(part.strip("'\" .").split()) for part in quoted_query(text).split(MASK)]
    found = " ".join(statement.rstrip("'. ;").split())
    if len(parts) == 1 and parts[0].startswith(found):
        return True
    return re.match(".*?".join(re.escape(part) for part in parts), found, re.S) is not None


def find(
    found: Sequence[Group], gtid: str, text: str, executed: Callable[[str], bool] = lambda gtid: False
) -> Optional[int]:
    """The index of the failing transaction: by its GTID, by an event's end that the error names, else the first.

    :param gtid: of the failing transaction, '' when it has none or it is not known.
    :param text: the error text.
    :param executed: says of a GTID whether the replica has executed it: MariaDB's domains are applied side by side.
    """
    if gtid:
        return next((n for n, group in enumerate(found) if group.gtid.lower() == gtid.lower()), None)
    file, end = error_end(text)
    if end is not None:
        here = [n for n, group in enumerate(found) if not file or group.source_file in ("", file)]
        return next((n for n in here if end in (found[n].source_end, *found[n].ends)), None)
    return _first_of_a_domain(found, text, executed)


def _first_of_a_domain(found: Sequence[Group], text: str, executed: Callable[[str], bool]) -> Optional[int]:
    """The first transaction that is not executed; of several domains the only one that has the table of the error."""
    firsts: Dict[str, int] = {}
    for n, group in enumerate(found):
        domain = group.gtid.split("-", 1)[0] if _DOMAIN.fullmatch(group.gtid) else ""
        if domain not in firsts and not (group.gtid and executed(group.gtid)):
            firsts[domain] = n
    if len(firsts) < 2:
        return next(iter(firsts.values()), None)
    match = _TABLE.search(text)
    named = [n for n in firsts.values() if match is not None and found[n].names("`%s`.`%s`" % match.groups())]
    named = named or [n for n in firsts.values() if match is not None and found[n].names("%s.%s" % match.groups())]
    return named[0] if len(named) == 1 else None
