# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the way to build a replica anew that nothing speaks against, and what it will do; nothing is changed yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core import rebuild as rules
from .._core import rebuild_backup as backup_rules
from .._core import rebuild_clone as cloning
from .._core import rebuild_method as methods
from .._core import rebuild_objects as kinds
from .._core.accounts import EMPTYING
from .._core.errors import BadInputError, RefusedError, ReplicaError
from .._core.plan import Plan, Step
from .._core.snapshot import Channel, Peer, Server
from .._core.statement import Statement
from . import rebuild_catalog as catalog
from .change import Target
from .connect import Connection, Login, connect
from .probe import Probed, probe
from .reader import read_server
from .rebuild_backup import Backup
from .rebuild_clone import Clone
from .rebuild_donor import Donor, choose
from .rebuild_look import SLOW_BYTES, check_account, check_room, look, sizes
from .rebuild_replay import Replay
from .rebuild_way import Way


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    :param donor: ``auto``, ``source``, or the name of a member.
    :param members: the logins of the other servers, each with its name.
    :param method: one of `rebuild.METHODS`.
    :param way: what the methods need that replace the server's files.
    :param left: what an exchange of these files that did not end says of the channel.
    :param another: whether another method may be taken where ``method`` is refused.
    """

    donor: str = rules.AUTO
    members: Tuple[Login, ...] = ()
    method: str = rules.COPY
    way: Way = field(default_factory=Way)
    left: Mapping[str, Any] = field(default_factory=dict)
    another: bool = False


@dataclass(frozen=True)
class Ready:
    """A method that nothing speaks against.

    :param method: its name.
    :param reader: a connection to the donor, for the caller to close.
    :param notes: what is to be said before anything is changed, why this method first.
    :param rows: how many are to be copied, as far as that is estimated.
    :param replay: with what its name says; ``clone`` and ``backup`` alike.
    """

    method: str
    donor: Donor
    reader: Connection
    probed: Probed
    notes: Tuple[str, ...] = ()
    rows: int = 0
    replay: Optional[Replay] = None
    clone: Optional[Clone] = None
    backup: Optional[Backup] = None


@dataclass(frozen=True)
class Finder:
    """Looks at one method after the other.

    :param channel: as it is meant to be.
    :param make_clone: makes what clones from a donor; ``make_backup`` and ``make_replay`` alike.
    :param tell: gets a line about what takes long.
    """

    aim: Target
    channel: Channel
    wish: Wish
    source_login: Login
    make_clone: Callable[[Donor], Clone]
    make_backup: Callable[[], Backup]
    make_replay: Callable[[Donor], Replay]
    tell: Callable[[str], None]

    def find(self, members: Sequence[Peer], source: Server) -> Ready:
        """The first method that is not refused.

        :param members: what was read of the members, before the source.
        :raises BadInputError: what is asked for makes no sense.
        :raises RefusedError: every method that comes into question is refused; each with its reason.
        :raises ReplicaError: a server does not answer.
        """
        wish = self.wish
        given: Dict[str, str] = {"source_password": wish.way.password, "backup_command": wish.way.backup}
        refused: List[Tuple[str, ReplicaError]] = []
        for method in methods.order(wish.method, wish.another, given, self.aim.server.flavour.is_mariadb):
            try:
                ready = self._look(method, members, source)
            except (RefusedError, BadInputError) as error:
                if isinstance(error, BadInputError) and method == rules.COPY:
                    raise
                refused.append((method, error))
            else:
                return replace(ready, notes=(methods.reason(method, wish.method, refused), *ready.notes))
        raise methods.none_can(refused, self.aim.server.address)

    def _look(self, method: str, members: Sequence[Peer], source: Server) -> Ready:
        of_source = method in rules.OF_SOURCE
        wanted = rules.SOURCE if of_source and self.wish.donor == rules.AUTO else self.wish.donor
        donor = choose(self.aim.server, self.channel, wanted, self.wish.members, members, source, self.source_login)
        if of_source and not donor.is_source:
            raise BadInputError("Method %s knows no donor" % method, advice="Leave donor out.")
        reader = connect(donor.login)
        try:
            return self._checked(Ready(method, donor, reader, probe(reader)), source)
        except BaseException:
            reader.close()
            raise

    def _checked(self, ready: Ready, source: Server) -> Ready:
        reader, reasons = ready.reader, ready.donor.reasons
        if ready.method == rules.REPLAY:
            check_account(self.aim.connection, EMPTYING)
            self.tell("reading the source's binlogs")
            replay = self.make_replay(ready.donor)
            notes = (reasons, *replay.check(reader, ready.probed))
            room = check_room(self.aim.connection, sizes(reader)[1] + replay.logs)
            return replace(ready, notes=(*notes, *room), replay=replay)
        if ready.method == rules.BACKUP:
            backup = self.make_backup()
            rows, size = sizes(reader)
            backup.check(size)
            said = "The backup may take %.1f MB in %s." % (size / 1e6, backup.exchange.directory)
            expiry = rules.check_expiry(source, size / SLOW_BYTES, "receiving")
            return replace(ready, notes=(said, expiry), rows=rows, backup=backup)
        clone = None
        if ready.method == rules.CLONE:
            clone = self.make_clone(ready.donor)
            clone.check(reader, read_server(reader, ready.probed, role="source"))
        rows, notes = look(reader, self.aim.connection, source, clone is None)
        return replace(ready, notes=(reasons, *notes), rows=rows, clone=clone)


def plan(aim: Target, channel: Channel, ready: Ready, way: Way, own: Sequence[str]) -> Plan:
    """What will be done, and what is lost by it.

    :param channel: as it is meant to be.
    :param own: the transactions that only this server has.
    """
    verbs, server = aim.verbs, aim.server
    schemas = catalog.schemas(aim.connection)
    point = ready.replay.point if ready.replay is not None else rules.UNKNOWN_POINT
    away = rules.turn_away(verbs, server, aim.channel)
    loses = rules.loses(schemas, own, ready.clone is not None or rules.drops_binlogs(verbs, server))
    if ready.clone is not None:
        brought = Statement("/* the server is cloned from %s and restarts */" % ready.donor.chosen)
        made = cloning.steps(verbs, channel, way.password, point)
        steps = (*away, Step(Statement(cloning.HOLD)), Step(brought), *made, Step(Statement(cloning.LET_GO)))
        more = "The accounts and everything else in the system schemas of this server: the donor's come."
        return Plan(aim.state_id, steps, "Clone %s." % ready.donor.chosen, "rebuild", (*loses, more))
    shown = [Step(Statement(kinds.drop_schema(name))) for name in schemas]
    text = "/* every schema, table, row, view, routine, trigger and event of %s is copied */" % ready.donor.chosen
    copied = [text] if ready.replay is None else list(ready.replay.schemas)
    if ready.backup is not None:
        shown, copied = [], ["/* %s */" % text for text in way.told()]
        loses = (*loses, backup_rules.loses())
    steps = (
        *away, *shown, *(Step(Statement(text)) for text in copied),
        *rules.history(verbs, server, point), *rules.point_at(verbs, server, channel, channel, point),
        *rules.starts(verbs, channel),
    )  # fmt: skip
    return Plan(
        aim.state_id, steps, "Build the replica anew from %s." % ready.donor.chosen, "rebuild",
        loses, ("what docs/accounts.md lists for a rebuilder",),
    )  # fmt: skip
