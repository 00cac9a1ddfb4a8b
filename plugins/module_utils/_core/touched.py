# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables a stretch of binlog changes, from the rows of SHOW BINLOG EVENTS.

Wrong in one direction only: a table may be named that was not changed, but a changed one is never left out. Whatever
cannot be told from the event's description (a statement that writes rows, a compressed transaction, an event of a kind
we do not know) makes it "everything".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Callable, FrozenSet, Iterable, List, Mapping, Sequence, Tuple

from . import touched_statement

EVERYTHING = "*"

# Events that change no row by themselves; the rows events follow the Table_map that names their table.
_HARMLESS = frozenset(
    name.lower()
    for name in (
        "Format_desc Rotate Stop Xid XA_prepare Heartbeat Heartbeat_v2 Previous_gtids Gtid Gtid_tagged_log_event "
        "Anonymous_Gtid Gtid_list Binlog_checkpoint Start_encryption Rows_query Annotate_rows View_change "
        "Transaction_context Ignorable "
        "Intvar RAND Write_rows Update_rows Delete_rows Write_rows_v1 Update_rows_v1 Delete_rows_v1 "
        "Write_rows_v0 Update_rows_v0 Delete_rows_v0 "
        "Update_rows_partial Write_rows_compressed Update_rows_compressed Delete_rows_compressed "
        "Write_rows_compressed_v1 Update_rows_compressed_v1 Delete_rows_compressed_v1"
    ).split()
) | frozenset(("user var",))

# Begin of a file or of the log's own bookkeeping: a stretch of nothing else leads from one name of a point to another.
_BOOKKEEPING = frozenset(
    ("format_desc", "rotate", "stop", "previous_gtids", "gtid_list", "binlog_checkpoint", "start_encryption")
)

_GTID_EVENTS = frozenset(("gtid", "gtid_tagged_log_event", "anonymous_gtid"))
_PAYLOAD = "transaction_payload"

_TABLE_MAP = re.compile(r"table_id: \d+ \((.*)\)\s*(?:/\*.*)?\Z", re.S)
_USE = re.compile(r"use `((?:[^`]|``)*)`; ", re.I)
_GTID = re.compile(r"(?:GTID_NEXT=\s*'([^']*)'|GTID (\d+-\d+-\d+))", re.I)


@dataclass(frozen=True)
class Touched:
    """What a stretch of binlog changes.

    :param tables: pairs of schema and table; a name with a dot in it is there in every way it can be read.
    :param defined: the pairs whose definition was changed (a subset of ``tables``).
    :param schemas: schemas that were created, altered or dropped as a whole.
    :param everything: some event cannot be tied to tables; ``why`` says which.
    :param objects: a view, routine, trigger or event was created or dropped.
    :param gone: the pairs that were dropped or given another name, and not made again.
    :param gone_schemas: schemas that were dropped and not made again.
    :param folds: names are compared without regard to case; see `folded`.
    """

    tables: FrozenSet[Tuple[str, str]] = frozenset()
    defined: FrozenSet[Tuple[str, str]] = frozenset()
    schemas: FrozenSet[str] = frozenset()
    everything: bool = False
    objects: bool = False
    why: str = ""
    gone: FrozenSet[Tuple[str, str]] = frozenset()
    gone_schemas: FrozenSet[str] = frozenset()
    folds: bool = False

    def has(self, schema: str, table: str) -> bool:
        """Whether rows or definition of that table may have been changed."""
        pair = self.spelled(schema, table)
        return self.everything or pair[0] in self.schemas or pair in self.tables

    def redefined(self, schema: str, table: str) -> bool:
        """Whether the definition of that table may have been changed."""
        pair = self.spelled(schema, table)
        return self.everything or pair[0] in self.schemas or pair in self.defined

    def spelled(self, schema: str, table: str) -> Tuple[str, str]:
        """A table as it would be spelled here."""
        return (schema.casefold(), table.casefold()) if self.folds else (schema, table)

    def folded(self) -> Touched:
        """The same where names are compared without regard to case: ``lower_case_table_names`` is not 0 on a side.

        A statement in the binlog is spelled as a person typed it, the tables as the server keeps them.
        """
        return replace(
            self,
            tables=_folded(self.tables),
            defined=_folded(self.defined),
            schemas=frozenset(name.casefold() for name in self.schemas),
            gone=_folded(self.gone),
            gone_schemas=frozenset(name.casefold() for name in self.gone_schemas),
            folds=True,
        )


def _folded(pairs: FrozenSet[Tuple[str, str]]) -> FrozenSet[Tuple[str, str]]:
    return frozenset((schema.casefold(), table.casefold()) for schema, table in pairs)


@dataclass(frozen=True)
class Scan:
    """A scan in progress: hand each page of rows to `advance`.

    :param skipping: inside a transaction that is to be left out.
    :param events: how many events were seen.
    """

    touched: Touched = Touched()
    skipping: bool = False
    events: int = 0


def never(_gtid: str) -> bool:
    """Leave no transaction out."""
    return False


def advance(scan: Scan, rows: Iterable[Mapping[str, object]], skip: Callable[[str], bool] = never) -> Scan:
    """The scan after some more rows of SHOW BINLOG EVENTS.

    :param skip: says of a GTID, as the event's description spells it, whether its transaction is left out.
    """
    touched, skipping, events, packed = scan.touched, scan.skipping, scan.events, False
    for row in rows:
        events += 1
        kind, info = str(row["Event_type"]).strip(), str(row["Info"] or "")
        found = gtid_of(kind, info)
        if packed and info != "BEGIN":
            touched = _everything(touched, "a compressed transaction that this server does not unpack")
        packed = kind.lower() == _PAYLOAD and not skipping
        if found is not None:
            skipping = bool(found) and skip(found)
        elif not skipping and not packed:
            touched = _with(touched, kind, info)
    if packed:
        touched = _everything(touched, "a compressed transaction that this server does not unpack")
    return Scan(touched, skipping, events)


def whole_rows(rows: Sequence[Mapping[str, object]], limit: int) -> int:
    """How many rows of a page may be used: all of a page that is not full.

    The last row of a full page is left for the next one, which begins at its position. The events of a compressed
    transaction have no positions of their own (MySQL 9.7 gives them the payload's end), so that a page must not end
    among them; 0 means that the page has to be longer.
    """
    if len(rows) < limit:
        return len(rows)
    last = len(rows) - 1
    while last > 0 and rows[last]["Pos"] == rows[last]["End_log_pos"]:
        last -= 1
    return last


def gtid_of(kind: str, info: str) -> str | None:
    """The GTID which an event gives to the transaction it begins; '' for an anonymous one; None for other events."""
    if kind.lower() not in _GTID_EVENTS:
        return None
    match = _GTID.search(info)
    text = (match.group(1) or match.group(2) or "") if match else ""
    return "" if text.upper() == "ANONYMOUS" else text


def is_bookkeeping(rows: Iterable[Mapping[str, object]]) -> bool:
    """Whether these events change nothing at all: the points before and after them are the same state."""
    return all(str(row["Event_type"]).strip().lower() in _BOOKKEEPING for row in rows)


def _with(touched: Touched, kind: str, info: str) -> Touched:
    name = kind.lower()
    if name == "table_map":
        match = _TABLE_MAP.match(info)
        pairs = splits(match.group(1)) if match else []
        if not pairs:
            return _everything(touched, "%s event: %s" % (kind, info[:80]))
        return touched if touched.tables.issuperset(pairs) else replace(touched, tables=touched.tables.union(pairs))
    if name in ("query", "query_compressed"):
        return _with_statement(touched, info)
    if name in _HARMLESS:
        return touched
    return _everything(touched, "an event of type %s" % kind)


def splits(name: str) -> List[Tuple[str, str]]:
    """Every way to read ``schema.table`` as a pair: names may hold dots, and the event's description quotes nothing."""
    return [(name[:at], name[at + 1 :]) for at in range(1, len(name) - 1) if name[at] == "."]


def _with_statement(touched: Touched, info: str) -> Touched:
    schema = ""
    match = _USE.match(info)
    if match:
        schema, info = match.group(1).replace("``", "`"), info[match.end() :]
    effect = touched_statement.effect(info, schema)
    if effect.everything:
        return _everything(touched, effect.why)
    return replace(
        touched,
        tables=touched.tables.union(effect.tables),
        defined=touched.defined.union(effect.tables),
        schemas=touched.schemas.union(effect.schemas),
        objects=touched.objects or effect.objects,
        gone=(touched.gone - effect.tables) | effect.gone,
        gone_schemas=(touched.gone_schemas - effect.schemas) | effect.gone_schemas,
    )


def _everything(touched: Touched, why: str) -> Touched:
    return touched if touched.everything else replace(touched, everything=True, why=why)
