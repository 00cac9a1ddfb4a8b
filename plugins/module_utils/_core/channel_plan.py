# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which statements start or stop the threads of a channel, or run the applier until a point. Decides, runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, FrozenSet, List, Mapping, Optional, Sequence, Tuple, Union

from .dialect import Dialect, for_channel, verb
from .errors import BadInputError
from .gtid_mariadb import AHEAD, EQUAL, GtidPosition
from .gtid_mysql import GtidError, GtidSet
from .plan import STOP, Step
from .snapshot import STOPPED, Channel, Coordinates, Server
from .statement import Statement, Value, literal

APPLIER = "applier"
RECEIVER = "receiver"

_WORD = {APPLIER: "SQL_THREAD", RECEIVER: "IO_THREAD"}

Threads = FrozenSet[str]
BOTH: Threads = frozenset((APPLIER, RECEIVER))

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")


@dataclass(frozen=True)
class Keyword:
    """A value that CHANGE wants bare: ``slave_pos``, ``no``."""

    word: str


Setting = Union[str, int, float, Keyword]


@dataclass(frozen=True)
class Verbs:
    """The statements for one channel of one server.

    :param channels: whether the server knows channels at all (MySQL 5.6 does not).
    """

    dialect: Dialect
    channels: bool
    name: str

    @property
    def mariadb(self) -> bool:
        """True where the connection's name follows the verb."""
        return self.dialect.name == "mariadb"

    def start(self, thread: str = "", until: str = "") -> Statement:
        """START of one thread, or of both."""
        what = "start %s" % (_named(thread) + (" until " + until if until else ""))
        return self._verb("START", thread, until, what)

    def stop(self, thread: str = "") -> Statement:
        """STOP of one thread, or of both."""
        return self._verb("STOP", thread, "", "stop %s" % _named(thread))

    def reset(self) -> Statement:
        """RESET, which throws the relay logs away and keeps the connection's settings (not ALL)."""
        return self._verb("RESET", "", "", "throw the relay logs away")

    def change(self, options: Sequence[Tuple[str, Setting]], purpose: str) -> Statement:
        """CHANGE with the given pairs of the server's own word and a value."""
        parts: List[str] = []
        values: List[Value] = []
        for word, value in options:
            if isinstance(value, Keyword):
                parts.append("%s = %s" % (word, value.word))
            else:
                parts.append(word + " = %s")
                values.append(value)
        head, tail = self._around_change()
        text = "%s %s%s" % (head.replace("%", "%%"), ", ".join(parts), tail.replace("%", "%%"))
        return Statement(text if values else text.replace("%%", "%"), tuple(values), purpose=purpose)

    def _around_change(self) -> Tuple[str, str]:
        if self.mariadb:
            return "%s %s TO" % (self.dialect.change_verb, literal(self.name)), ""
        return self.dialect.change_verb, for_channel(self.dialect, self.name, self.channels)

    def _verb(self, action: str, thread: str, until: str, purpose: str) -> Statement:
        made = verb(self.dialect, action, self.name, _WORD.get(thread, ""), until, self.channels)
        return Statement(made.sql, made.params, made.secret, purpose)


def _named(thread: str) -> str:
    return "the %s" % thread if thread else "both threads"


def running(channel: Channel) -> Threads:
    """The threads that run; a receiver that is trying to connect counts."""
    found = [RECEIVER] if channel.receiver != STOPPED else []
    return frozenset(found + ([APPLIER] if channel.applier != STOPPED else []))


def acts_on(query: str) -> Tuple[str, Threads]:
    """The verb of a statement, and the threads that a START or STOP is about; names in quotes are not looked at."""
    words = _QUOTED.sub("", query).split()
    verb_of = words[0] if words else ""
    if verb_of not in ("START", "STOP") or words[1:2] not in (["REPLICA"], ["SLAVE"]):
        return verb_of, frozenset()
    return verb_of, frozenset(thread for thread, word in _WORD.items() if word in words) or BOTH


def starts_applier(steps: Sequence[Step]) -> bool:
    """Whether the applier runs anew after these steps: then it uses up what a skip counter holds."""
    found = (acts_on(step.statement.sql) for step in steps)
    return any(what == "START" and APPLIER in threads for what, threads in found)


def threads_of(word: Optional[str], state: Optional[str]) -> Threads:
    """The threads that option ``threads`` means: both by default, and only the applier when stopping.

    Stopping the receiver is a decision of its own: with semi-synchronous replication and one replica, the source's
    next COMMIT then waits for the whole timeout (measured on MariaDB 10.11).
    """
    if not word:
        return frozenset((APPLIER,)) if state == "stopped" else BOTH
    return BOTH if word == "both" else frozenset((word,))


def start_steps(verbs: Verbs, channel: Channel, threads: Threads) -> Tuple[Step, ...]:
    """START of those of the threads that do not run; nothing when all do."""
    missing = threads - running(channel)
    if not missing:
        return ()
    only = "" if missing == BOTH else next(iter(missing))
    wait = ",".join("%s_running" % thread for thread in (RECEIVER, APPLIER) if thread in missing)
    return (Step(verbs.start(only), wait),)


def stop_steps(verbs: Verbs, channel: Channel, threads: Threads) -> Tuple[Step, ...]:
    """STOP of those of the threads that run, the applier first, so that a STOP that hangs leaves the receiver up."""
    found = threads & running(channel)
    return tuple(
        Step(verbs.stop(thread), "%s_stopped" % thread, STOP) for thread in (APPLIER, RECEIVER) if thread in found
    )


def restart_steps(verbs: Verbs, before: Channel, now: Channel) -> Tuple[Step, ...]:
    """START of the threads that ran before and do not run now, without waiting: for putting things back."""
    return tuple(Step(step.statement) for step in start_steps(verbs, now, running(before)))


def may_restart(ran: Sequence[Statement], left: Sequence[Statement]) -> bool:
    """Whether threads may be started again after a plan broke off.

    Not between a RESET and the CHANGE that gives the position back: the channel would begin at the oldest binlog. Not
    between a RESET of the GTID history and the statement that sets it: everything would be applied again.
    """
    return _open_end(ran, left) is None


def _open_end(ran: Sequence[Statement], left: Sequence[Statement]) -> Optional[Statement]:
    """The statement that must run before anything is started; None when there is none."""
    resets = [statement.sql for statement in ran if statement.sql.startswith("RESET")]
    history = any(sql.startswith(("RESET MASTER", "RESET BINARY LOGS")) for sql in resets)
    heads = ("CHANGE", "SET GLOBAL gtid_") if history else ("CHANGE",)
    return next((statement for statement in left if resets and statement.sql.startswith(heads)), None)


def warning_of_break(ran: Sequence[Statement], left: Sequence[Statement], record: str) -> str:
    """What must be said about a channel that a broken plan left without its position; empty when all is well."""
    change = _open_end(ran, left)
    if change is None:
        return ""
    undo = "run replica_undo with record %s, or " % record if record and change.sql.startswith("CHANGE") else ""
    return (
        "The channel has been reset and must not be started before its settings are back, or it may begin at another "
        "position: %srun %s" % (undo, change.display())
    )


@dataclass(frozen=True)
class Point:
    """Where the applier is to stop: exactly one of the three."""

    gtids: Optional[GtidSet] = None
    coordinates: Optional[Coordinates] = None
    position: Optional[GtidPosition] = None

    def __str__(self) -> str:
        """For messages."""
        return str(self.gtids or self.coordinates or self.position)


def point_from(option: Mapping[str, Any], server: Server, channel: Channel) -> Point:
    """The point that option ``until`` names.

    :raises BadInputError: none or several are named, one cannot be read, or this server does not know that kind.
    """
    given = {key: value for key, value in option.items() if value not in (None, "")}
    kinds = [key for key in ("gtids", "source_log_file", "gtid_position") if key in given]
    if len(kinds) != 1 or ("source_log_file" in given) != ("source_log_pos" in given):
        raise BadInputError(
            "Option until names no point, or more than one",
            advice="Give gtids, or source_log_file with source_log_pos, or gtid_position.",
        )
    if kinds[0] == "source_log_file":
        return Point(coordinates=_coordinates(given))
    mariadb = server.flavour.is_mariadb
    if (kinds[0] == "gtid_position") != mariadb:
        raise BadInputError(
            "Option until.%s does not exist on %s" % (kinds[0], server.flavour.name),
            advice="Use gtids on MySQL and gtid_position on MariaDB.",
        )
    if mariadb and channel.using_gtid.lower() in ("", "no"):
        raise BadInputError(
            "%s does not replicate by GTID, so it cannot stop at a GTID position" % channel.label.capitalize(),
            advice="Give source_log_file and source_log_pos.",
        )
    try:
        if mariadb:
            return Point(position=GtidPosition.parse(str(given["gtid_position"])))
        return Point(gtids=GtidSet.parse(str(given["gtids"])))
    except GtidError as error:
        raise BadInputError("Option until.%s cannot be read: %s" % (kinds[0], error)) from None


def _coordinates(given: Mapping[str, Any]) -> Coordinates:
    point = Coordinates(str(given["source_log_file"]), int(given["source_log_pos"]))
    try:
        point.key()
    except ValueError:
        raise BadInputError(
            "Option until.source_log_file is not the name of a binlog: %r" % point.file,
            advice="A name ends in a number, as in binlog.000042.",
        ) from None
    return point


def reached(server: Server, channel: Channel, point: Point) -> bool:
    """Whether the applier is at the point, or past it. What is not known counts as not reached."""
    if point.gtids is not None:
        return server.executed is not None and server.executed.contains(point.gtids)
    if point.coordinates is not None:
        return channel.executed is not None and channel.executed.reached(point.coordinates)
    if server.replica_position is None or point.position is None:
        return False
    order = server.replica_position.compare(point.position)
    return all(order[domain] in (EQUAL, AHEAD) for domain in point.position.domains())


def until_text(verbs: Verbs, point: Point) -> str:
    """The UNTIL condition in the server's words."""
    if point.gtids is not None:
        return "SQL_AFTER_GTIDS = %s" % literal(str(point.gtids))
    if point.coordinates is not None:
        words = verbs.dialect.change
        return "%s = %s, %s = %d" % (
            words["log_file"],
            literal(point.coordinates.file),
            words["log_pos"],
            point.coordinates.position,
        )
    return "master_gtid_pos = %s" % literal(str(point.position))


def until_steps(
    verbs: Verbs, server: Server, channel: Channel, point: Point, threads: Threads = BOTH
) -> Tuple[Step, ...]:
    """Stop the applier if it runs, then start it until the point; nothing when it is there already.

    MariaDB takes a GTID position only for both threads at once, so there the receiver is stopped as well.
    """
    if reached(server, channel, point):
        return ()
    condition = until_text(verbs, point)
    if point.position is not None:
        return (*stop_steps(verbs, channel, BOTH), Step(verbs.start("", condition), "until_reached"))
    receiver = start_steps(verbs, channel, threads & frozenset((RECEIVER,)))
    stop = stop_steps(verbs, channel, frozenset((APPLIER,)))
    start = verbs.start(APPLIER, condition)
    if point.coordinates is None:
        return (*receiver, *stop, Step(start, "until_reached"))
    # An applier at the coordinates may go on saying Yes until there is something behind them, so it is stopped.
    wait = "until_reached=%s" % point.coordinates
    return (*receiver, *stop, Step(start, wait), Step(verbs.stop(APPLIER), "applier_stopped", STOP))
