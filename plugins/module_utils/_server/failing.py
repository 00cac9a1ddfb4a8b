# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the whole failing transaction: from the relay log, else from the source's binlog."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .._core.errors import RefusedError, ServerError
from .._core.event_group import MARKS, Failing, Group, find, groups, is_the_quoted_one, only_statement, split_use
from .._core.skip_plan import Broken
from .._core.snapshot import Channel, Coordinates
from .._core.sql_reader import UnknownStatement
from .._core.statement import literal
from .connect import Connection
from .probe import Probed

PAGE = 1000
MOST_PAGES = 100
_NUMBER = re.compile(r"(.*\.)(\d+)$", re.S)
Rows = List[Dict[str, Any]]


Found = Tuple[Group, Tuple[Tuple[str, str], ...], bool]


def locate(
    connection: Connection,
    probed: Probed,
    channel: Channel,
    broken: Broken,
    source: Optional[Connection] = None,
    executed: Callable[[str], bool] = lambda gtid: False,
) -> Found:
    """The failing transaction, the statements (text and default database) of those that follow it in the log, and
    whether it is the next one that the applier takes.

    :param broken: what stopped the applier.
    :param source: asked for its binlog when the relay log cannot be read or does not hold the transaction.
    :param executed: says of a GTID whether the replica has executed it.
    :raises RefusedError: the transaction is nowhere to be found.
    """
    if channel.relay is None:
        raise _not_found(connection, channel, broken, "the server does not say where its applier is")
    where = "its relay log"
    try:
        found = _search(_relay(connection, probed, channel), channel, broken, True, executed)
    except ServerError as error:
        where, found = "its relay log (%s)" % error.answer, None
    if found is None and source is not None and channel.executed is not None:
        where += " or the source's binlog"
        found = _search(_binlog(source, channel.executed), channel, broken, False, executed)
    if found is None:
        raise _not_found(connection, channel, broken, "it is not in %s" % where)
    return found


def read(
    connection: Connection, probed: Probed, channel: Channel, broken: Broken, source: Optional[Connection] = None
) -> Tuple[Failing, Tuple[Tuple[str, str], ...]]:
    """The failing transaction, which has to be one statement, and the statements that follow it.

    :raises RefusedError: the transaction is nowhere to be found, or is more than one statement.
    """
    found = locate(connection, probed, channel, broken, source)
    return statement(connection, channel, broken, found), found[1]


def statement(connection: Connection, channel: Channel, broken: Broken, found: Found) -> Failing:
    """The failing transaction as one statement.

    :raises RefusedError: it is more than one statement, or not the one that the error quotes.
    """
    group, _following, first = found
    try:
        text, schema = only_statement(group)
    except UnknownStatement as error:
        raise _not_alone(connection, channel, str(error)) from None
    if not is_the_quoted_one(text, broken.text):
        raise _not_found(connection, channel, broken, "the statement found there is not the one that the error quotes")
    return Failing(group, text, schema, first)


def following(connection: Connection, probed: Probed, channel: Channel, start: Coordinates, count: int) -> List[Group]:
    """The transactions in the relay log from a point on; the last one may lack its end.

    :param start: where the first of them begins, in the relay log.
    :param count: so many of them.
    :raises ServerError: the relay log cannot be read.
    """
    rows: Rows = []
    marks = ends = 0
    for page in _relay(connection, probed, replace(channel, relay=start)):
        rows += page
        # Before MySQL 5.7 transactions without a GTID have no event that marks their beginning.
        marks += sum(row["Event_type"] in MARKS for row in page)
        ends += sum(row["Event_type"] == "Xid" for row in page)
        if max(marks, ends) > count:
            break
    return groups(rows, channel.executed.file if channel.executed else "", True)[:count]


def _search(
    pages: Iterator[Rows], channel: Channel, broken: Broken, relay: bool, executed: Callable[[str], bool]
) -> Optional[Found]:
    rows: Rows = []
    source_file = channel.executed.file if channel.executed else ""

    def made(listed: List[Group], index: int) -> Found:
        return listed[index], tuple(_statements(listed[index + 1 :])), index == 0

    for page in pages:
        rows += page
        listed = groups(rows, source_file, relay)
        index = find(listed, broken.gtid, broken.text, executed)
        if index is None or index == len(listed) - 1 and len(page) == PAGE:
            continue  # not there yet, or its end may be on the next page
        return made(listed, index)
    listed = groups(rows, source_file, relay)
    index = find(listed, broken.gtid, broken.text, executed)
    return None if index is None else made(listed, index)


def _statements(following: List[Group]) -> Iterator[Tuple[str, str]]:
    for group in following:
        if len(group.events) == 1 and group.events[0][0].startswith("Query"):
            schema, text = split_use(group.events[0][1])
            yield text, schema


def _relay(connection: Connection, probed: Probed, channel: Channel) -> Iterator[Rows]:
    """Pages of the relay log from where the applier stands, file after file."""
    at = channel.relay
    tail = ""
    head = "SHOW RELAYLOG EVENTS"
    if probed.flavour.is_mariadb:
        head = "SHOW RELAYLOG %s EVENTS" % literal(channel.name)
    elif probed.features.channels:
        tail = " FOR CHANNEL %s" % literal(channel.name)
    return _pages(connection, head, tail, at) if at is not None else iter(())


def _binlog(source: Connection, start: Coordinates) -> Iterator[Rows]:
    return _pages(source, "SHOW BINLOG EVENTS", "", start)


def _pages(connection: Connection, head: str, tail: str, start: Coordinates) -> Iterator[Rows]:
    name, position, skip = start.file, start.position, 0
    for count in range(MOST_PAGES):
        limit = "%d, %d" % (skip, PAGE)
        try:
            rows = connection.query("%s IN %s FROM %d LIMIT %s%s" % (head, literal(name), position, limit, tail))
        except ServerError:
            if count == 0:
                raise
            return  # the file after the last one
        yield rows
        if len(rows) == PAGE:
            # FROM must be the start of an event, and the last row is the only one that is known.
            position, skip = int(rows[-1]["Pos"]), 1
        else:
            match = _NUMBER.match(name)
            if match is None:
                return
            name = match.group(1) + str(int(match.group(2)) + 1).zfill(len(match.group(2)))
            position, skip = 4, 0


def _not_found(connection: Connection, channel: Channel, broken: Broken, why: str) -> RefusedError:
    return RefusedError(
        "pass the failing transaction of %s" % channel.label,
        connection.address,
        "what it holds cannot be read: %s" % why,
        "Set option source, so that the source's binlog can be read, or fetch the relay logs anew (replica_channel).",
        {"error": broken.number},
    )


def _not_alone(connection: Connection, channel: Channel, why: str) -> RefusedError:
    return RefusedError(
        "pass the failing transaction of %s" % channel.label,
        connection.address,
        why,
        "Passing it would pass the rest of it as well. Make the rows and definitions it meets equal to the source's.",
    )
