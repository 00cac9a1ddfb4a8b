# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables that rows of a binlog are about, as the replica and the source have them now."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from .._core import compare_definition
from .._core.binlog import layout as layouts
from .._core.binlog.columns_schema import COLUMNS_QUERY, column_info
from .._core.binlog.layout import TableLayout
from .._core.binlog.table_map import TableMap
from .._core.compare_rows import Table
from .._core.errors import PrivilegeError, ServerError
from .._core.grants import Grants
from .._core.locate import facts
from .._core.locate.facts import Around, Side
from .._core.locate.feed import View
from .._core.locate.objects import Object
from .._core.locate.voting import Pair
from .._core.snapshot import Channel, Server
from .._core.statement import qualified
from . import compare_catalog
from .connect import Connection, connect

_SYSTEM = frozenset(compare_catalog.SYSTEM_SCHEMAS)
_KEY = (
    "SELECT COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    " AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"
)
_RULES = (
    "SELECT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.REFERENTIAL_CONSTRAINTS"
    " WHERE DELETE_RULE IN ('RESTRICT', 'NO ACTION') AND UPDATE_RULE IN ('RESTRICT', 'NO ACTION')"
)
_COUNTED = "SELECT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.REFERENTIAL_CONSTRAINTS"
_TRIGGERS = (
    "SELECT EVENT_OBJECT_SCHEMA AS s, EVENT_OBJECT_TABLE AS t FROM information_schema.TRIGGERS"
    " WHERE EVENT_OBJECT_SCHEMA " + compare_catalog.OUTSIDE
)
_EVENTS = "SELECT EVENT_DEFINITION AS text FROM information_schema.EVENTS WHERE STATUS = 'ENABLED'"
_FUNCTIONS = (
    "SELECT COUNT(*) AS n FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA "
    + compare_catalog.OUTSIDE
)


class Tables:
    """What is known of tables, read when first asked for.

    :param replica: connection to the replica, which is only read.
    :param source: connection to the source, likewise.
    """

    def __init__(self, replica: Connection, source: Connection, server: Server, channel: Optional[Channel]) -> None:
        self.replica, self.source = replica, source
        self.mariadb = server.flavour.is_mariadb
        self.folds = compare_catalog.folds_names(replica) or compare_catalog.folds_names(source)
        self._grants = _checked(replica, server)
        self._source_grants = compare_catalog.visible(source)
        self._collations: Optional[Mapping[int, Tuple[str, str]]] = None
        self._names = self._existing()
        self._schemas = {self.spell(str(row["s"])) for row in replica.query(
            "SELECT SCHEMA_NAME AS s FROM information_schema.SCHEMATA"
        )}  # fmt: skip
        triggers = {self._pair(row) for row in replica.query(_TRIGGERS)}
        self.around = Around(
            cascading=frozenset(self._cascading(replica) | self._cascading(source)),
            triggered=frozenset(triggers if not self._runs_triggers(server) else self._names.keys() | triggers),
            event_texts=_events(replica, server),
            filtered=_filtered(channel),
        )
        self._sides: Dict[Pair, Optional[Side]] = {}
        self._views: Dict[Pair, View] = {}
        self._indexes: Dict[Pair, Set[str]] = {}

    def reconnect(self) -> None:
        """Go on with connections of our own, those that there were being somebody else's."""
        self.replica, self.source = connect(self.replica.login), connect(self.source.login)

    def spell(self, name: str) -> str:
        """A name of a schema or table as it is called here."""
        return name.casefold() if self.folds else name

    def pair(self, schema: str, table: str) -> Pair:
        """A table as it is called here."""
        return self.spell(schema), self.spell(table)

    def _pair(self, row: Mapping[str, Any]) -> Pair:
        return self.spell(str(row["s"])), self.spell(str(row["t"]))

    def _existing(self) -> Dict[Pair, Tuple[str, str, str]]:
        rows = self.replica.query(
            "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, TABLE_TYPE AS k FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA " + compare_catalog.OUTSIDE
        )
        return {self._pair(row): (str(row["s"]), str(row["t"]), str(row["k"])) for row in rows}

    def _cascading(self, connection: Connection) -> Set[Pair]:
        """Children of foreign keys of which it is not certain that they change nothing."""
        children: Dict[Pair, int] = {}
        for child, _parent in compare_catalog.foreign_keys(connection):
            children[self.spell(child[0]), self.spell(child[1])] = 0
        harmless: Dict[Pair, int] = {}
        every: Dict[Pair, int] = {}
        for found, statement in ((harmless, _RULES), (every, _COUNTED)):
            for row in connection.query(statement):
                found[self._pair(row)] = found.get(self._pair(row), 0) + 1
        # MariaDB hides the rules from an account that may only SELECT: what is not listed is not known.
        return {pair for pair in children if not every.get(pair) or every[pair] != harmless.get(pair, 0)}

    def _runs_triggers(self, server: Server) -> bool:
        return server.variable("slave_run_triggers_for_rbr", "NO").upper() not in ("NO", "")

    def plain(self) -> bool:
        """Whether a statement that writes one table changes no other."""
        if self.around.triggered or self.around.cascading:
            return False
        for connection in (self.replica, self.source):
            row = connection.one(_FUNCTIONS) or {}
            if int(row.get("n") or 0) or connection.query(_TRIGGERS):
                return False
        return True

    # -- tables

    def real(self, pair: Pair) -> Tuple[str, str]:
        """Schema and name as the replica spells them."""
        found = self._names[pair]
        return found[0], found[1]

    def side(self, pair: Pair) -> Optional[Side]:
        """A table of the replica; None when it has none of that name."""
        if pair not in self._sides:
            known = self._names.get(pair)
            self._sides[pair] = None if known is None else read_side(self.replica, known[0], known[1], known[2])
        return self._sides[pair]

    def differing(self) -> Dict[Pair, str]:
        """The tables of the replica that the source defines otherwise."""
        both = {}
        for pair, shape in self._shapes(self.source).items():
            if pair in self._names:
                both[pair] = shape
        mine = self._shapes(self.replica)
        return {pair: facts.DIFFERS for pair, shape in both.items() if mine.get(pair) != shape}

    def unlike(self, pairs: Sequence[Pair]) -> List[str]:
        """Those of the tables that SHOW CREATE TABLE shows differently on both sides, or not at all on one of them."""
        found = []
        for pair in pairs:
            if pair not in self._names:
                continue
            names = self.real(pair)
            texts = [_definition(connection, names) for connection in (self.source, self.replica)]
            if not all(texts) or any(compare_definition.differences(texts[0], texts[1])):
                found.append("%s.%s" % names)
        return found

    def _shapes(self, connection: Connection) -> Dict[Pair, Tuple[Any, ...]]:
        """What both sides must have in common, for every table, in two statements."""
        found: Dict[Pair, List[Any]] = {}
        for row in connection.query(_ALL_COLUMNS):
            column = column_info(row)
            found.setdefault(self._pair(row), []).append(Side("", (column,), ()).shape()[0])
        for row in connection.query(_ALL_KEYS):
            found.setdefault(self._pair(row), []).append(("key", str(row["c"]).lower()))
        return {pair: tuple(parts) for pair, parts in found.items()}

    def view(self, pair: Pair) -> View:
        """How a table's rows are looked at."""
        view = self._views.get(pair)
        if view is None:
            view = self._views[pair] = self._view(pair)
        return view

    def _view(self, pair: Pair) -> View:
        if pair in self._names and not all(
            grants.table("SELECT", *self.real(pair)) for grants in (self._grants, self._source_grants)
        ):
            return View(facts.UNREADABLE)  # not even its columns can be seen, then
        side = self.side(pair)
        silent = facts.silence(pair, side, self.around)
        if silent or side is None:
            return View(silent or facts.NO_TABLE)
        key, compared = facts.positions(side)
        return View("", key, compared)

    def layout(self, table: TableMap) -> Optional[TableLayout]:
        """How to decode rows by the replica's columns; None when they are no evidence, or are of other columns.

        A table's rows count only for boundaries between two changes of its definition. If the replica is at one of
        these, its columns are those of the rows; if it is not, what they say is not used.
        """
        pair = self.spell(table.schema), self.spell(table.table)
        if self.view(pair).silent:
            return None
        side = self.side(pair)
        if side is None:
            return None
        layout = layouts.from_schema(table, side.columns, side.key, self.mariadb, self.collations)
        if layout is None or not facts.same_columns(layout.columns, side, False):
            return None
        if any(table.nullable(at) for at in layout.primary_key):
            return None  # another column stood there then
        names = table.optional.names if table.optional is not None else None
        if names is not None and [n.lower() for n in names[: len(side.columns)]] != [
            c.name.lower() for c in side.columns
        ]:
            return None
        return layout

    @property
    def collations(self) -> Mapping[int, Tuple[str, str]]:
        """Character set and name of the source's collations, by number."""
        if self._collations is None:
            self._collations = {
                int(row["n"]): (str(row["c"]), str(row["k"])) for row in self.source.query(_COLLATIONS) if row["n"]
            }
        return self._collations

    # -- definitions

    def present(self, thing: Object) -> Optional[bool]:
        """Whether the replica has an object; None when that is not known."""
        kind = thing[0]
        if self.around.filtered or thing[1] in _SYSTEM or not self._grants.schema("SELECT", thing[1]):
            return None
        if kind == "schema":
            return thing[1] in self._schemas
        pair = (thing[1], thing[2])
        if kind == "table":
            return pair in self._names
        if pair not in self._names:
            return None if kind == "rows" else False
        if kind == "rows":
            return self._has_rows(pair)
        if kind == "column":
            side = self.side(pair)
            return side is not None and thing[3] in {column.name.lower() for column in side.columns}
        return thing[3] in self._index_names(pair)

    def _has_rows(self, pair: Pair) -> Optional[bool]:
        if self._names[pair][2] != "BASE TABLE":
            return None
        try:
            return bool(self.replica.query("SELECT 1 AS x FROM %s LIMIT 1" % qualified(*self.real(pair))))
        except ServerError as error:
            if error.number in (0, 2006, 2013):
                raise
            return None

    def _index_names(self, pair: Pair) -> Set[str]:
        if pair not in self._indexes:
            rows = self.replica.query(
                "SELECT DISTINCT INDEX_NAME AS i FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s"
                " AND TABLE_NAME = %s", self.real(pair),
            )  # fmt: skip
            self._indexes[pair] = {str(row["i"]).lower() for row in rows}
        return self._indexes[pair]


_ALL_COLUMNS = (
    COLUMNS_QUERY[: COLUMNS_QUERY.index(" WHERE")].replace("SELECT ", "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, ", 1)
    + " WHERE TABLE_SCHEMA " + compare_catalog.OUTSIDE + " ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
)  # fmt: skip
_ALL_KEYS = (
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c FROM information_schema.STATISTICS"
    " WHERE INDEX_NAME = 'PRIMARY' AND TABLE_SCHEMA "
    + compare_catalog.OUTSIDE
    + " ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX"
)
_COLLATIONS = (
    "SELECT ID AS n, CHARACTER_SET_NAME AS c, COLLATION_NAME AS k FROM information_schema.COLLATIONS"
    " WHERE ID IS NOT NULL"
)


def read_side(connection: Connection, schema: str, table: str, kind: str) -> Side:
    """A table as a server has it."""
    columns = tuple(column_info(row) for row in connection.query(COLUMNS_QUERY, (schema, table)))
    keys = connection.query(_KEY, (schema, table))
    return Side(
        kind, columns, tuple(str(row["COLUMN_NAME"]) for row in keys), any(row["SUB_PART"] is not None for row in keys)
    )


def _checked(connection: Connection, server: Server) -> Grants:
    """The account's grants. Raises PrivilegeError when it may not see all that could make an answer wrong."""
    grants = compare_catalog.visible(connection)
    lacking = [name for name in ("TRIGGER", "EVENT") if grants.lacking((name,), _SYSTEM)]
    if lacking:
        raise PrivilegeError(
            1044,
            "see the triggers and events of the replica",
            connection.address,
            "the account lacks %s on *.*" % " and ".join(lacking),
            "Without them a trigger that changes rows would go unseen: GRANT %s ON *.* to it." % ", ".join(lacking),
        )
    return grants


def _filtered(channel: Optional[Channel]) -> bool:
    """Whether the replica leaves out a part of what the source sends."""
    if channel is None:
        return False
    domains = (str(channel.settings.get(name) or "") for name in ("do_domain_ids", "ignore_domain_ids"))
    return any(channel.filters.values()) or any(domains)


def _events(connection: Connection, server: Server) -> Tuple[str, ...]:
    if server.variable("event_scheduler", "OFF").upper() not in ("ON", "1"):
        return ()
    return tuple(str(row["text"] or "") for row in connection.query(_EVENTS))


def _definition(connection: Connection, names: Tuple[str, str]) -> str:
    """What SHOW CREATE TABLE says; '' when the table is not there or may not be seen."""
    try:
        return compare_catalog.definition(connection, Table(*names))
    except ServerError:
        return ""
