# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting back the rows that row_repair wrote, from its undo record, where nobody has altered them since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core import row_repair_rows as wants
from .._core.binlog import encode
from .._core.binlog import layout as layouts
from .._core.binlog.format import parse_format
from .._core.binlog.optional_metadata import OptionalMetadata
from .._core.binlog.row_bytes import Parts
from .._core.binlog.table_map import TableMap, TableName
from .._core.errors import ReplicaError
from .._core.plan import Step
from .._core.row_repair import check_leaf
from .._core.row_repair_rows import Key, Shape, Values, Wanted
from .._core.row_repair_steps import Look, rolled_back, transaction
from .._core.snapshot import STOPPED
from .change import Target
from .row_repair_rows import rows
from .row_repair_tables import Table, side, without_transactions

ATTEMPT = "put back the rows of an undo record"


@dataclass(frozen=True)
class RowsBack:
    """What becomes of the record's rows.

    :param restored: what is put back, and ``left`` what is not, a sentence each.
    """

    steps: Tuple[Step, ...] = ()
    restored: Tuple[str, ...] = ()
    left: Tuple[str, ...] = ()


def plan(aim: Target, record: Mapping[str, Any]) -> RowsBack:
    """The steps that put the record's rows back; without steps when there are none, or none that may be.

    :raises RefusedError: something replicates from this server.
    :raises ReplicaError: the rows cannot be read.
    """
    kept = (record.get("details") or {}).get("rows") or {}
    if not kept or record.get("module") not in ("row_repair", "table_repair", "binlog_apply"):
        return RowsBack()
    event = bytes.fromhex(kept["form"])
    form = encode.Form(event, parse_format(event))
    changes: List[Tuple[_Kept, List[Key]]] = []
    restored: List[str] = []
    left: List[str] = []
    for part in kept["tables"]:
        try:
            table = _Kept(aim, part)
        except ValueError as error:
            left.append("The rows of %s.%s stay: %s." % (part["schema"], part["table"], error))
            continue
        back = table.to_put_back(left)
        if back:
            changes.append((table, back))
            restored.append("%d rows of %s.%s" % (len(back), *table.table.name))
    if not changes:
        return RowsBack((), (), tuple(left))
    if aim.channel.applier != STOPPED:
        left.append("The rows stay, as the applier runs and would change them meanwhile: stop it first.")
        return RowsBack((), (), tuple(left))
    check_leaf(aim.server, aim.channel)
    return RowsBack(_steps(aim, form, changes), tuple(restored), tuple(left))


def _steps(aim: Target, form: encode.Form, changes: Sequence[Tuple[_Kept, List[Key]]]) -> Tuple[Step, ...]:
    packet = int(aim.server.variable("max_allowed_packet", "0") or 0) or 4 << 20
    statements: List[encode.RowEvents] = []
    for table, keys in changes:
        images = table.images(keys)
        statements += encode.statements(table.table.map, images, form, packet, aim.server.server_id or 1)
    bare = without_transactions(aim.connection, [table.table.name for table, _keys in changes])

    def before() -> None:
        for table, keys in changes:
            if set(table.to_put_back([], locked=True)) != set(keys):
                raise _moved(aim, "Nothing was written.")

    def after() -> None:
        for table, keys in changes:
            if table.differing(keys):
                raise _moved(aim, rolled_back(bare))

    return transaction(
        aim.server, form, statements,
        Look("", shown="SELECT ... LOCK IN SHARE MODE", look=before), Look("", shown="SELECT ...", look=after),
        not bare,
    )  # fmt: skip


def _moved(aim: Target, left: str) -> ReplicaError:
    return ReplicaError(
        ATTEMPT, aim.server.address, "the rows are not what they were when this was planned",
        left + " Look who writes on this server, and run again.",
    )  # fmt: skip


class _Kept:
    """The rows of one table of a record. Raises ValueError when the table is not what it was."""

    def __init__(self, aim: Target, part: Mapping[str, Any]) -> None:
        self.connection = aim.connection
        name = TableName(str(part["schema"]), str(part["table"]))
        kept = part["map"]
        dimensions = kept.get("dimensions")
        table_map = TableMap(
            1, 1, name.schema, name.name, bytes.fromhex(kept["type_codes"]), tuple(kept["metadata"]),
            bytes.fromhex(kept["null_bits"]), OptionalMetadata(dimensions=tuple(dimensions)) if dimensions else None,
        )  # fmt: skip
        columns, key = side(aim.connection, *name)
        layout = layouts.from_schema(table_map, columns, key, aim.server.flavour.is_mariadb)
        if layout is None or not key or [c.name for c in layout.columns] != list(part["columns"]):
            raise ValueError("its definition is another one now")
        shape = Shape(table_map.type_codes, layout.columns, layout.primary_key)
        compared = tuple(place for place, column in enumerate(columns) if column.generated != "VIRTUAL")
        self.table = Table(name, table_map, shape, len(columns), compared)
        self.decoders = layout.decoders
        self.lost = 0
        self.before: Dict[Key, Wanted] = {}
        self.after: Dict[Key, Wanted] = {}
        for row in part["rows"]:
            self._take(row)

    def _take(self, row: Mapping[str, Any]) -> None:
        if row["before"] is not None and row["before_image"] is None:
            self.lost += 1
            return
        known = _parts(row["key_image"]) or _parts(row["after"])
        now, then = _parts(row["after"]), _parts(row["before_image"])
        for wanted, parts in ((self.after, now), (self.before, then)):
            values = None if parts is None else self._values(parts)
            source = parts or known
            if source is not None:
                key = self._values(known or source)
                wanted[tuple(key[place] for place in self.table.shape.key)] = Wanted(parts, values, known or parts)

    def _values(self, parts: Parts) -> Values:
        return tuple(None if part is None else decode(part, 0)[0] for part, decode in zip(parts, self.decoders))

    def to_put_back(self, left: List[str], locked: bool = False) -> List[Key]:
        """The keys whose rows are as the change left them, and are to be as they were."""
        found = rows(self.connection, self.table, list(self.before), locked)
        done = {one.key for one in wants.compare(self.before, found, self.table.compared).different}
        moved = {one.key for one in wants.compare(self.after, found, self.table.compared).different}
        count = len(done & moved)
        if count:
            left.append("%d rows of %s.%s were changed again since." % (count, *self.table.name))
        if self.lost:
            left.append("%d rows of %s.%s hold values that cannot be written back; the record shows them."
                        % (self.lost, *self.table.name))  # fmt: skip
        return [key for key in self.before if key in done and key not in moved]

    def differing(self, keys: Sequence[Key]) -> bool:
        """Whether some of these rows are not what they were before."""
        wanted = {key: self.before[key] for key in keys}
        found = rows(self.connection, self.table, list(keys))
        return bool(wants.compare(wanted, found, self.table.compared).different)

    def images(self, keys: Sequence[Key]) -> List[Tuple[str, Parts]]:
        """Deletes of what is there, then writes of what was there."""
        deletes = [(encode.DELETE, self.before[key].known) for key in keys if self.after[key].parts is not None]
        writes = [(encode.WRITE, self.before[key].parts) for key in keys]
        return [(kind, parts) for kind, parts in (*deletes, *writes) if parts is not None]


def _parts(texts: Optional[Sequence[Optional[str]]]) -> Optional[Parts]:
    return None if texts is None else tuple(None if text is None else bytes.fromhex(text) for text in texts)
