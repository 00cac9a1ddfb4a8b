# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a replica anew by replaying its source's binlogs from their beginning: whether they tell everything.

That the first binlog has the number 1 and that nothing was purged is not enough: RESET on a server that has data
leaves the same. So the binlogs themselves have to make every schema and every table that the source has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from .binlog.transactions import INCIDENT, QueryEvent, Transaction
from .errors import RefusedError
from .gtid_mariadb import GtidPosition
from .rebuild import ATTEMPT
from .rebuild_replay_accounts import AccountChange, NotUnderstood, change_of
from .snapshot import GTID, Channel, Coordinates, Server
from .sql_tokens import COMMENT, SqlError, Token, tokenise
from .touched_statement import Pair, effect

SYSTEM_SCHEMAS = frozenset(("information_schema", "mysql", "ndbinfo", "performance_schema", "sys"))
BEGINNING = 4

# What an applier manages at the least, for the estimate of how long the source's binlogs are needed.
SLOW_BYTES = 1 << 20
# Less than this behind the source's end has caught up: what is compared afterwards waits for the rest.
NEAR_BYTES = 1 << 20
MOST_REASONS = 8

# Definitions that belong to a server and not to a schema: they may be there already, or name files of the source.
_OF_SERVER = frozenset(("SERVER", "TABLESPACE", "UNDO", "LOGFILE"))
_DEFINING = ("CREATE", "ALTER", "DROP")


def check_first(source: Server, channel: Channel, oldest: Optional[GtidPosition]) -> Coordinates:
    """Where the source's binlogs begin.

    :param oldest: MariaDB: the position at the head of the oldest binlog; None when it could not be read.
    :raises RefusedError: the oldest one is not the first that the source ever wrote.
    """
    first = Coordinates(source.binlogs[0][0], BEGINNING) if source.binlogs else None
    why = ""
    if first is None:
        why = "its binlogs cannot be listed"
    elif not first.file.rsplit(".", 1)[-1].isdigit() or first.key()[0] != 1:
        why = "its oldest binlog is %s, and those before are gone" % first.file
    elif source.purged:
        why = "it has purged %s" % source.purged
    elif source.flavour.is_mariadb and oldest is None:
        why = "what comes before its oldest binlog could not be read"
    elif oldest is not None and str(oldest):
        why = "its oldest binlog begins behind %s" % oldest
    if why or first is None:
        raise RefusedError(
            ATTEMPT, source.address, "the source does not have every binlog from its beginning on: %s" % why, _OTHERWISE
        )
    return first


_OTHERWISE = "Use method: copy."


def accounts_here(rows: Iterable[Mapping[str, Any]]) -> FrozenSet[str]:
    """The replica's accounts, from rows with User and Host, as `AccountChange` names them."""
    return frozenset(AccountChange.label(str(row["User"]), str(row["Host"])) for row in rows)


@dataclass
class Evidence:
    """What the binlogs tell, transaction by transaction.

    :param gtids: a transaction without a GTID cannot be replayed, as the channel goes by them.
    :param here: the replica's accounts.
    :param own: the replica's server id: its receiver passes over what carries it.
    :param against: why it cannot be replayed, each with the first place that shows it.
    """

    gtids: bool
    here: FrozenSet[str]
    own: int = 0
    schemas: Set[str] = field(default_factory=set)
    tables: Set[Pair] = field(default_factory=set)
    accounts: Set[str] = field(default_factory=set)
    against: Dict[str, str] = field(default_factory=dict)
    transactions: int = 0
    last: Optional[Coordinates] = None

    def add(self, done: Transaction) -> None:
        """Take in the next transaction."""
        self.transactions += 1
        self.last = done.end
        if self.gtids and not done.gtid:
            self._note("a transaction has no GTID, and the channel goes by them", done)
        if done.server_id == self.own:
            self._note("a transaction was written by this server itself, and its receiver would pass over it", done)
        if done.ending == INCIDENT:
            self._note("an incident of the source stops the applier", done)
        if done.lossy and not done.tables and not done.statements:
            self._note("a transaction cannot be read here (%s)" % done.lossy, done)
        for query in done.statements:
            self._statement(query, done)
        for table in done.tables:
            if table.schema.lower() in SYSTEM_SCHEMAS:
                self._note("rows of %s.%s are changed, which is not dropped here" % table[:2], done)
            elif _folded(table[:2]) not in self.tables:
                self._note("rows of %s.%s are changed, which was not made before" % table[:2], done)

    def _note(self, why: str, done: Transaction) -> None:
        self.against.setdefault(why, str(done.start))

    def _statement(self, query: QueryEvent, done: Transaction) -> None:
        tokens = _tokens(query.text)
        words = tuple(token.upper for token in tokens[:6])
        try:
            change = change_of(query.text, tokens)
        except NotUnderstood as error:
            self._note("a statement about accounts is not understood (%s)" % error, done)
            return
        if change is not None:
            for why in change.take(self.here, self.accounts):
                self._note(why, done)
            return
        outside = _outside(words, tokens)
        if outside:
            self._note("%s defines something outside of schemas" % outside, done)
        else:
            self._definition(query, words[0] if words else "", words, done)

    def _definition(self, query: QueryEvent, verb: str, words: Sequence[str], done: Transaction) -> None:
        told = effect(query.text, query.schema)
        named = {schema.lower() for schema in (*told.schemas, *(schema for schema, _table in told.tables))}
        if told.everything and query.schema.lower() in SYSTEM_SCHEMAS:
            named.add(query.schema.lower())
        for schema in sorted(named & SYSTEM_SCHEMAS):
            self._note("something in %s is changed, which is not dropped here" % schema, done)
        if verb == "CREATE":
            self.schemas.update(schema.lower() for schema in told.schemas)
        if verb in ("CREATE", "RENAME") and "INDEX" not in words or verb == "ALTER" and told.gone:
            if verb != "CREATE":
                for pair in sorted(told.gone):
                    if _folded(pair) not in self.tables:
                        self._note("%s.%s is renamed, which was not made before" % pair, done)
            self.tables.update(_folded(pair) for pair in told.tables)


def _outside(words: Sequence[str], tokens: Sequence[Token]) -> str:
    """The words of a statement that defines what belongs to no schema; empty for every other."""
    if words[:1] in (("INSTALL",), ("UNINSTALL",)):
        return words[0]
    if not words or words[0] not in _DEFINING:
        return ""
    kind = (words[1:] if words[1:3] != ("OR", "REPLACE") else words[3:])[:1]
    if kind and kind[0] in _OF_SERVER:
        return "%s %s" % (words[0], kind[0])
    if words[1:3] == ("SPATIAL", "REFERENCE"):
        return "%s SPATIAL REFERENCE SYSTEM" % words[0]
    loadable = "FUNCTION" in words and any(token.upper == "SONAME" for token in tokens)
    return "%s FUNCTION ... SONAME" % words[0] if loadable else ""


def _folded(pair: Sequence[str]) -> Pair:
    # Names differ in case by server settings only; that two tables differ in nothing else is left to the comparison.
    return pair[0].lower(), pair[1].lower()


def _tokens(text: str) -> Tuple[Token, ...]:
    try:
        return tuple(token for token in tokenise(text, executable=True) if token.kind != COMMENT)
    except SqlError:
        return ()


def judge(evidence: Evidence, source: str, objects: Mapping[str, Sequence[str]]) -> Tuple[str, ...]:
    """The source's schemas that no binlog makes and that are empty: these are made first.

    :param source: its address.
    :param objects: for each of the source's schemas its tables; '' stands for anything else that is in it.
    :raises RefusedError: replaying would not give what the source has, or would stop half way.
    """
    reasons = ["%s (%s)" % pair for pair in evidence.against.items()]
    first: List[str] = []
    for schema, tables in sorted(objects.items()):
        if schema.lower() not in evidence.schemas:
            if tables:
                reasons.append("schema %s has something in it and is made by no binlog" % schema)
            else:
                first.append(schema)
            continue
        lacking = [name for name in tables if name and _folded((schema, name)) not in evidence.tables]
        reasons.extend("table %s.%s is made by no binlog" % (schema, name) for name in lacking)
    if reasons:
        more = "; and %d more" % (len(reasons) - MOST_REASONS) if len(reasons) > MOST_REASONS else ""
        advice = _OTHERWISE
        if any("exists here" in reason for reason in reasons):
            advice += (
                " Or drop those accounts here with sql_log_bin = 0: replaying makes them as they are on the source."
            )
        raise RefusedError(
            ATTEMPT, source, "replaying its binlogs would not do: %s%s" % ("; ".join(reasons[:MOST_REASONS]), more),
            advice, {"against": reasons},
        )  # fmt: skip
    return tuple(first)


def check_expiry(first: Coordinates, seconds: float, left: Optional[float]) -> str:
    """What is to be said about when the source may purge its first binlog; empty when never by itself.

    :param left: seconds until then; None when never, or when it is still written.
    :raises RefusedError: that is less than twice the time that replaying may take.
    """
    if left is None:
        return ""
    if seconds > left / 2:
        raise RefusedError(
            ATTEMPT, first.file,
            "replaying may take %d s, and the source may purge it %s" % (
                seconds, "in %d s" % left if left > 0 else "at any moment",
            ),
            "Let the source keep its binlogs for longer (binlog_expire_logs_seconds or expire_logs_days).",
        )  # fmt: skip
    return "The source may purge %s in %d s." % (first.file, left)


def behind(binlogs: Sequence[Tuple[str, int]], point: Optional[Coordinates]) -> int:
    """How many bytes of the source's binlogs are behind a point; all of them where the point is in none.

    :param binlogs: names and sizes, oldest first.
    """
    sizes = [size for _name, size in binlogs]
    names = [name for name, _size in binlogs]
    if point is None or point.file not in names:
        return sum(sizes)
    return max(sum(sizes[names.index(point.file) :]) - point.position, 0)


def reached(point: Optional[Coordinates], goal: Optional[Coordinates]) -> bool:
    """Whether the applier is at the goal. A point without a number, as before the first event, is before everything."""
    if goal is None:
        return True
    try:
        return point is not None and point.reached(goal)
    except ValueError:
        return False


def is_near(channel: Channel, left: int) -> bool:
    """Whether so many bytes behind the source's end need no waiting; a delay is no reason to wait either."""
    return bool(channel.delay) or left < NEAR_BYTES


def needs_gtids(channel: Channel, server: Server) -> bool:
    """Whether the channel can take no transaction without a GTID: MySQL with auto position."""
    return channel.mode == GTID and not server.flavour.is_mariadb


def progress(seconds: float, point: Optional[Coordinates], binlogs: Sequence[Tuple[str, int]]) -> Dict[str, Any]:
    """How far it is, for the progress file, with a line for people.

    :param point: what the applier has reached.
    :param binlogs: the source's, with their sizes, oldest first.
    """
    total, left = sum(size for _name, size in binlogs), behind(binlogs, point)
    done = max(total - left, 0)
    line = "replaying: %.1f of %.1f MB of binlogs in %d s, now %s" % (
        done / 1e6, total / 1e6, seconds, point or "before the first",
    )  # fmt: skip
    if done * 100 > total and left:
        line += ", about %d s left" % (seconds * left / done)
    return {"stage": "replaying", "seconds": round(seconds, 1), "line": line, "bytes": done, "of_bytes": total}


def message(donor: str, first: Coordinates, transactions: int, size: int, seconds: float) -> str:
    """What was done."""
    return "Built anew by replaying %s from %s on: %s transactions, %.1f MB of binlogs, caught up in %d s." % (
        donor, first, format(transactions, ","), size / 1e6, seconds,
    )  # fmt: skip
