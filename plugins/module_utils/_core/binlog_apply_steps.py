# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that apply or undo transactions, one transaction a step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Sequence, Tuple

from .binlog.encode import Form, format_statement
from .binlog_apply import Item, Wish
from .binlog_apply_context import Collations, is_definition, session
from .gtid_mariadb import MariadbGtid
from .plan import Step
from .row_repair_steps import GTID_AUTOMATIC
from .snapshot import Server
from .statement import FAILED, LATER, NEVER, Statement

_SHOWN = 2000


@dataclass(frozen=True)
class Apply(Statement):
    """Everything of one transaction; it is carried out as a whole or not at all.

    :param parts: in order.
    :param alone: in a session of its own, which keeps nothing of it.
    """

    parts: Tuple[Statement, ...] = ()
    alone: bool = False

    def display(self) -> str:
        """The statements as people see them."""
        return "; ".join(part.display() for part in self.parts)


@dataclass(frozen=True)
class Text(Statement):
    """A statement out of a binlog.

    :param shown: what people see of it: it may hold the contents of rows, and bytes that are no text.
    """

    shown: str = ""

    def display(self) -> str:
        """The statement for people."""
        return self.shown


def begin(wish: Wish, server: Server, form: Form) -> List[Step]:
    """What goes before the first transaction. `_server.row_events.restored` has to be around all of it."""
    made: List[Statement] = []
    if wish.reverse:
        made.append(Statement("SET SESSION sql_log_bin = 0", purpose="keep the rows out of the binlog"))
    elif server.variable("binlog_format").upper() == "STATEMENT":
        made.append(Statement("SET SESSION binlog_format = 'ROW'", purpose="let row events into the binlog"))
    if server.flag("super_read_only"):
        made.append(Statement("SET GLOBAL super_read_only = 0", purpose="let BINLOG write rows"))
    made.append(format_statement(form))
    if not server.flavour.is_mariadb:
        # After a format description GTID_NEXT is undetermined, and the next statement would fail (1782).
        made.append(Statement(GTID_AUTOMATIC, purpose="take no GTID of another transaction"))
    return [Step(replace(one, taken_back=LATER)) for one in made]


def end(wish: Wish, server: Server) -> List[Step]:
    """What goes behind the last transaction."""
    made: List[Statement] = []
    if not server.flavour.is_mariadb and not wish.reverse:
        made.append(Statement(GTID_AUTOMATIC, purpose="take no GTID of another transaction"))
    if server.flag("super_read_only"):
        made.append(Statement("SET GLOBAL super_read_only = 1", purpose="put super_read_only back"))
    if wish.reverse:
        made.append(Statement("SET SESSION sql_log_bin = 1", purpose="log again"))
    elif server.flavour.is_mariadb:
        made.append(Statement("SET SESSION gtid_domain_id = DEFAULT, server_id = DEFAULT", purpose="be oneself again"))
    return [Step(one) for one in made]


def gtid(wish: Wish, item: Item, server: Server) -> List[Statement]:
    """The statement that gives the next transaction its original GTID; none where there are no GTIDs."""
    text = item.transaction.gtid
    if wish.reverse or not text:
        return []
    if not server.flavour.is_mariadb:
        return [Statement("SET SESSION gtid_next = '%s'" % text)]
    one = MariadbGtid.parse(text)
    return [
        Statement(
            "SET SESSION gtid_domain_id = %d, server_id = %d, gtid_seq_no = %d"
            % (one.domain, one.server_id, one.sequence)
        )
    ]


def rows(
    wish: Wish,
    item: Item,
    server: Server,
    before: Sequence[Statement],
    writes: Sequence[Statement],
    after: Sequence[Statement],
    bare: bool,
) -> Step:
    """A transaction of rows; an empty one where there are none.

    :param before: looks before the row events, and ``after`` behind them.
    :param bare: the tables have no transactions. The server ends the transaction behind the row events then, and with
        it what the GTID is for: the next statement would fail (1837, measured on MySQL 5.6).
    :raises ValueError: they are not one statement.
    """  # fmt: skip
    purpose = "%s %s" % ("undo" if wish.reverse else "apply", item.name)
    own = gtid(wish, item, server)
    if bare and own and not server.flavour.is_mariadb:
        if len(writes) > 1:
            raise ValueError("it changes tables without transactions by more than one statement")
        automatic = Statement(GTID_AUTOMATIC)
        parts = [automatic, *before, *own, *writes, automatic, *after]
    else:
        parts = [*own, Statement("START TRANSACTION"), *before, *writes, *after, Statement("COMMIT")]
    return Step(Apply(sql="", purpose=purpose, parts=tuple(parts), taken_back=NEVER if bare else FAILED))


def statements(wish: Wish, item: Item, server: Server, collations: Collations) -> Step:
    """A transaction of statements, each with the session that it ran in.

    :raises ValueError: the session of one cannot be restored.
    """
    grouped = item.transaction.ending != "ddl"
    parts = gtid(wish, item, server) + [Statement("START TRANSACTION")] if grouped else []
    for event, text in item.statements:
        parts += [Statement(one) for one in session(event, server.flavour.is_mariadb, collations)]
        if not grouped:
            parts += gtid(wish, item, server)
        # The driver turns what is no UTF-8 back into the bytes that it was.
        sql = text.decode("utf-8", "surrogateescape")
        parts.append(Text(sql=sql, shown=_shown(event.text, wish.show == "full"), purpose="apply %s" % item.name))
    if grouped:
        parts.append(Statement("COMMIT"))
    return Step(Apply(sql="", purpose="apply %s" % item.name, parts=tuple(parts), alone=True))


def _shown(text: str, full: bool) -> str:
    if full or is_definition(text):
        return text[:_SHOWN]
    return "%s ... /* a statement of %d characters */" % (" ".join(text.split()[:3])[:80], len(text))
