# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alters tables of a replica so that they have the columns that they have on its source at the applied point."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Callable, List, Sequence, Tuple

from .._core import definition_repair as rules
from .._core.definition_repair import ALTERED, Alteration, Wish
from .._core.errors import RefusedError, ServerError
from .._core.permit import check_source
from .._core.plan import Plan
from .._core.row_repair_steps import Look
from .._core.snapshot import Channel
from .._core.statement import qualified
from .._core.table_repair import BUILD_ANEW
from .._core.unfinished import OWES
from . import below
from .below import Asked
from .change import Options, Target, carry_out
from .connect import Connection, Login, connect
from .probe import probe
from .reader import read_server
from .row_events import writing
from .row_repair_pending import Point
from .row_repair_tables import Tables
from .sections import SOURCE

_TYPE = (
    "SELECT COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND COLUMN_NAME = %s"
)


@dataclass(frozen=True)
class Report:
    """What came of it.

    :param found: the tables whose columns differed.
    """

    found: Tuple[Alteration, ...]
    plan: Plan
    queries: Tuple[str, ...] = ()
    record: str = ""
    executed: bool = False


def repair(
    aim: Target, wish: Wish, options: Options, source_login: Callable[[Channel], Login], members: Sequence[Login] = ()
) -> Report:
    """Compare the columns, and alter what differs when that is asked for.

    :param members: the other servers of the topology. None of them may replicate from here.
    :raises RefusedError: it must not be altered, or something would be lost; nothing was altered.
    :raises ReplicaError: a server does not answer, or a table did not become what it had to be.
    """
    rules.check(aim.server, aim.channel)
    if wish.state == ALTERED:
        asked = Asked(tuple(members), rules.attempt(aim.channel), options)
        below.check_none(asked, aim.server, rules.KEPT_OUT, BUILD_ANEW)
    with connect(source_login(aim.channel)) as source:
        known = read_server(source, probe(source), SOURCE)
        check_source(aim.channel, known, aim.server)
        tables = Tables(aim.connection, source, aim.server)
        point = Point(aim.connection, source.login, aim.server, aim.channel)
        later = {tables.pair(*pair) for pair in point.redefined(known.binlog_end, time.monotonic() + options.timeout)}
        found: List[Alteration] = []
        for pair in rules.pairs(wish.tables):
            if tables.pair(*pair) in later:
                raise rules.refused(aim.server, "%s.%s" % pair, rules.REDEFINED)
            one = Alteration(*pair, _shown(aim.connection, pair), _shown(source, pair))
            if one.statement or one.reordered:
                found.append(one)
        work = _Work(aim, source, wish)
        if wish.state != ALTERED or not found:
            return Report(tuple(found), Plan(aim.state_id))
        for one in found:
            work.check(one)
        return work.carried_out(found, options)


def _shown(connection: Connection, pair: Tuple[str, str]) -> str:
    row = connection.one("SHOW CREATE TABLE %s" % qualified(*pair)) or {}
    return str(row.get("Create Table") or "")


class _Work:
    def __init__(self, aim: Target, source: Connection, wish: Wish) -> None:
        self._aim, self._source, self._wish = aim, source, wish

    def carried_out(self, found: List[Alteration], options: Options) -> Report:
        """Alter them, unless it is only to be shown."""
        plan = rules.plan(
            found, self._aim.server, self._aim.state_id, [self._before(one) for one in found],
            [self._after(one) for one in found],
        )  # fmt: skip
        if options.check_mode:
            return Report(tuple(found), plan, plan.queries())
        # An ALTER may copy the table.
        self._aim.connection.set_deadline(options.timeout)
        with writing(self._aim, True) as able:
            try:
                done = carry_out(able, plan, options, rules.undo(found), {OWES: [one.label for one in found]})
            except ServerError as error:
                with suppress(ServerError):
                    able.connection.execute("SET SESSION sql_mode = ''")
                names = ", ".join(one.label for one in found)
                raise RefusedError(
                    "alter %s" % names, self._aim.server.address, "error %d: %s" % (error.number, error.answer),
                    "The statement that failed changed nothing.", error.context,
                ) from error  # fmt: skip
        return Report(tuple(found), plan, tuple(done.executed), done.record, True)

    def check(self, one: Alteration) -> None:
        """Refuse what would lose values without a word."""
        if not one.have or not one.wanted:
            raise rules.refused(self._aim.server, one.label, "it is no table on both sides")
        if one.reordered:
            raise rules.refused(self._aim.server, one.label, "its columns stand in another order on the source")
        replica = self._aim.connection
        for column in one.dropped:
            if replica.one(rules.holds_values(one.schema, one.name, column)) is not None:
                why = "column %s, which the source does not have, holds values that would be lost" % column
                raise rules.refused(self._aim.server, one.label, why)
        for column in one.retyped:
            self._try(one, column)

    def _try(self, one: Alteration, column: str) -> None:
        """Put the column's values into the new type and back."""
        replica, where = self._aim.connection, (one.schema, one.name, rules.unquoted(column))
        old, new = replica.one(_TYPE, where), self._source.one(_TYPE, where)
        if old is None or new is None or rules.type_of(old) == rules.type_of(new):
            return
        insert, back, count = rules.filling(one.schema, one.name, column, self._wish.max_rows)
        replica.execute("SET SESSION sql_log_bin = 0")
        try:
            replica.execute("SET SESSION sql_mode = '%s'" % rules.STRICT)
            replica.execute(rules.trial(one.schema, rules.type_of(old), rules.type_of(new)))
            replica.execute(insert)
            replica.execute(back)
            row = replica.one(count) or {}
        except ServerError as error:
            why = "the values of %s do not fit %s: error %d: %s" % (
                column, rules.type_of(new), error.number, error.answer,
            )  # fmt: skip
            raise rules.refused(self._aim.server, one.label, why) from error
        finally:
            with suppress(ServerError):
                replica.execute("DROP TEMPORARY TABLE IF EXISTS %s" % rules.trial_name(one.schema))
                replica.execute("SET SESSION sql_mode = ''")
                replica.execute("SET SESSION sql_log_bin = 1")
        if int(str(row.get("tried") or 0)) > self._wish.max_rows:
            why = "it has more than %d rows to try (option max_rows)" % self._wish.max_rows
            raise rules.refused(self._aim.server, one.label, why)
        if int(str(row.get("lost") or 0)):
            why = "%s values of %s would be changed by the new type %s" % (row["lost"], column, rules.type_of(new))
            raise rules.refused(self._aim.server, one.label, why)

    def _before(self, one: Alteration) -> Look:
        def look() -> None:
            if _shown(self._aim.connection, (one.schema, one.name)) != one.have:
                raise rules.refused(self._aim.server, one.label, "somebody altered it in the meantime")

        return Look("", shown="SHOW CREATE TABLE %s" % qualified(one.schema, one.name), look=look)

    def _after(self, one: Alteration) -> Look:
        def look() -> None:
            now = Alteration(one.schema, one.name, _shown(self._aim.connection, (one.schema, one.name)), one.wanted)
            if now.statement or now.reordered:
                raise RefusedError(
                    "alter %s" % one.label, self._aim.server.address,
                    "its columns did not become the source's (still: %s)" % now.statement,
                    "The record has its definition as it was.",
                )  # fmt: skip

        return Look("", shown="SHOW CREATE TABLE %s" % qualified(one.schema, one.name), look=look)
