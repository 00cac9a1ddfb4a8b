# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a replica anew from a physical backup: receive and prepare it, put it in the data directory's place, point.

Everything is ready, and its point is known to be good, before the server is stopped. What was in the data directory is
moved aside and removed only when the server replicates from the backup.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Callable, Dict, Optional, Tuple

from .._core import rebuild_backup as rules
from .._core.channel_plan import Verbs
from .._core.commit_point import CommitPoint
from .._core.errors import RefusedError, ReplicaError
from .._core.rebuild import ATTEMPT, MARKER_SCHEMA, history, marker, point_at, starts
from .._core.rebuild_objects import drop_schema
from .._core.snapshot import Channel, Server
from . import own_host
from .change import Target
from .change_source import Insisting
from .connect import Login, connect
from .execute import Journal, run
from .lock import advisory_lock
from .probe import probe
from .reader import read_server
from .rebuild_exchange import READY, Exchange, half_way
from .rebuild_way import Way
from .source_head import oldest_position

_POLL = 1.0
_VARIABLES = "SHOW GLOBAL VARIABLES WHERE Variable_name IN (%s)" % ", ".join("'%s'" % name for name in rules.VARIABLES)


class Backup:
    """One rebuild from a backup.

    :param channel: as it is meant to be.
    :param source_login: of the channel's source.
    :param tell: gets a line about how far it is.
    """

    def __init__(
        self,
        aim: Target,
        channel: Channel,
        source_login: Login,
        way: Way,
        journal: Journal,
        tell: Callable[[str], None],
    ) -> None:
        self.aim, self.channel, self.source_login = aim, channel, source_login
        self.way, self.journal, self.tell = way, journal, tell
        self.variables: Dict[str, str] = {}
        self.exchange = Exchange("", "")
        self.pid_file = ""
        self.size = 0

    def check(self, wanted: int) -> None:
        """Refuse what cannot be done here, before anything is changed.

        :param wanted: bytes that the backup is estimated to take.
        :raises BadInputError: what `rebuild_backup.check` raises.
        :raises RefusedError: this is not the server's host, or there is no place for the backup.
        """
        server, way = self.aim.server, self.way
        given = {"backup_command": way.backup, "backup_dir": way.directory, "stop_command": way.stop}
        rules.check(server, {**given, "restart_command": way.restart})
        rows = self.aim.connection.query(_VARIABLES)
        self.variables = {str(row["Variable_name"]).lower(): str(row["Value"]) for row in rows}
        datadir = os.path.realpath(self.variables.get("datadir", ""))
        why = self._elsewhere(datadir)
        if why:
            raise RefusedError(
                ATTEMPT, server.address, "method backup works on the replica's own host only, and %s" % why,
                "Let Ansible connect to that host as root (become), or use method: copy.",
            )  # fmt: skip
        for name in rules.PLACES:
            path = os.path.realpath(os.path.join(datadir, self.variables.get(name) or "."))
            if os.path.commonpath([path, datadir]) != datadir:
                raise RefusedError(
                    ATTEMPT, server.address, "%s is %s, outside of its data directory" % (name, path), rules.OTHERWISE
                )
        missing = [name for name in rules.PROGRAMS if shutil.which(name) is None]
        if missing:
            raise RefusedError(
                ATTEMPT, server.address, "%s is not installed there" % " and ".join(missing),
                "Install mariadb-backup of the server's own version.",
            )  # fmt: skip
        self.exchange = Exchange(datadir, way.directory)
        self.exchange.check(server.address, wanted)

    def _elsewhere(self, datadir: str) -> str:
        """Why this is not the host of the server; empty when it is."""
        self.pid_file = os.path.join(datadir, self.variables.get("pid_file", ""))
        why = own_host.elsewhere(self.variables.get("hostname", ""), self.pid_file)
        return why or ("" if os.geteuid() == 0 else "this is not done as root")

    def receive(self) -> CommitPoint:
        """Receive and prepare the backup, while the server goes on as it is; its point, which is known to be good.

        :raises RefusedError: it cannot be used here.
        :raises ReplicaError: it did not come, or cannot be prepared.
        """
        new = self.exchange.begin()
        try:
            return self._received(new)
        except BaseException:
            self.exchange.remove()
            raise

    def _received(self, new: str) -> CommitPoint:
        code = new + ".code"
        # The shell of a pipe tells how its last command ended, and a backup that was cut off may look complete.
        command = "{ (%s\n); echo $? > %s; } | mbstream -x -C %s"
        command %= self.way.backup, shlex.quote(code), shlex.quote(new)
        self._run("receive the backup", command, "receiving")
        with open(code, encoding="ascii") as file:
            ended = file.read().strip()
        if ended != "0":
            why = "backup_command ended with %s" % (ended or "nothing")
            raise ReplicaError("receive the backup", self.aim.server.address, why)
        self._run("prepare the backup", "mariadb-backup --prepare --target-dir=%s" % shlex.quote(new), "preparing")
        self.size = self.exchange.size()
        if self.exchange.links():
            why = "it has tables outside of the data directory"
            raise RefusedError("use the backup", self.aim.server.address, why, rules.OTHERWISE)
        rules.check_version(self._metadata(rules.TOOL_INFO), self.aim.server)
        point = rules.point_of(self._metadata(rules.INFO))
        self.check_point(point)
        return point

    def _metadata(self, names: Tuple[str, ...]) -> str:
        for name in names:
            with suppress(OSError), open(os.path.join(self.exchange.new, name), encoding="utf-8") as file:
                return file.read()
        raise RefusedError(
            "use the backup", self.aim.server.address, "it has no file %s" % names[0],
            "It has to be a complete backup of mariadb-backup, of a server that writes a binlog.",
        )  # fmt: skip

    def check_point(self, point: CommitPoint) -> None:
        """Ask the source whether it can send what comes behind. Raises what `rebuild_backup.check_point` raises."""
        with connect(self.source_login) as connection:
            source = read_server(connection, role="source")
            at = (point.coordinates.file, point.coordinates.position)
            there = (connection.one("SELECT BINLOG_GTID_POS(%s, %s) AS p", at) or {})["p"]
            rules.check_point(source, self.channel, point, str(there or ""), oldest_position(connection, source))

    def put(self, kept: Dict[str, Any]) -> None:
        """Stop the server, put the backup in the place of its data, start it.

        :param kept: what a later run has to know of the channel, should this one be ended.
        :raises ReplicaError: a command or a move failed. What is left of the server does not replicate when it is
            started.
        """
        try:
            self.exchange.prepare({**kept, "pid_file": self.pid_file})
        except ReplicaError:
            self.exchange.remove()
            raise
        self.aim.connection.close()
        self._run("stop the server", self.way.stop, "stopping the server")
        self._wait_down()
        try:
            self.exchange.copy_kept(rules.kept(os.listdir(self.exchange.datadir), self.variables))
        except ReplicaError:
            # Nothing was moved yet: the server of before starts again, and has the room of what came.
            with suppress(ReplicaError, OSError):
                self.exchange.drop()
                self._run("start the server", self.way.restart, "starting the server")
                self.exchange.remove()
            raise
        self.exchange.carry_out()
        self._run("start the server", self.way.restart, "starting the server")
        bring_up(self.aim.connection.login, self.way, self.aim.server.address)

    def _wait_down(self) -> None:
        deadline = time.monotonic() + self.way.restart_seconds
        while own_host.lives(self.pid_file):
            if time.monotonic() > deadline:
                raise ReplicaError("stop the server", self.aim.server.address, "it is still there")
            time.sleep(_POLL / 5)

    def finish(self, point: CommitPoint, kept: Dict[str, Any], timeout: int) -> None:
        """Give the channel its point, and let it replicate.

        :param kept: what a later run has to know of the channel, should this one be ended.
        :raises RefusedError: the source cannot send any more what comes behind the point.
        :raises ReplicaError: what the steps raise.
        """
        with connect(self.aim.connection.login) as fresh, advisory_lock(fresh, self.channel.name):
            probed = probe(fresh)
            verbs = Verbs(probed.dialect, probed.features.channels, self.channel.name)
            server: Server = read_server(fresh, probed)
            channel = server.channel(self.channel.name)
            if channel is None:
                raise ReplicaError("find the channel again", server.address, "the server has none any more")
            fresh.execute(verbs.stop())
            fresh.execute("SET SESSION sql_log_bin = 0")
            for text in marker(json.dumps(kept)):
                fresh.execute(text)
            self.check_point(point)
            steps = (*history(verbs, server, point), *point_at(verbs, server, self.channel, channel, point))
            target = Insisting(fresh)
            run(steps, target, probed, self.channel.name, self.journal, timeout)
            fresh.execute(drop_schema(MARKER_SCHEMA))
            run(starts(verbs, self.channel), target, probed, self.channel.name, self.journal, timeout)
        self.exchange.remove()

    def _run(self, what: str, command: str, stage: str) -> None:
        """Run a command of the host, telling how many bytes there are meanwhile."""
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=1) as pool:
            work = pool.submit(self.way.execute, command)
            while not work.done():
                self.tell("%s: %.1f MB in %d s" % (stage, self.exchange.size() / 1e6, time.monotonic() - began))
                with suppress(Exception):
                    work.exception(timeout=_POLL)
            code, output, errors = work.result()
        if code:
            said = (errors.strip() or output.strip()).splitlines()[-5:]
            raise ReplicaError(what, self.aim.server.address, "%s (code %d)" % (" / ".join(said), code))


def bring_up(login: Login, way: Way, address: str) -> None:
    """Wait until the server answers, with the accounts of the backup. Raises ReplicaError when it does not in time."""
    deadline = time.monotonic() + way.restart_seconds
    last: Optional[ReplicaError] = None
    while time.monotonic() < deadline:
        try:
            with connect(login):
                return
        except ReplicaError as error:
            last = error
        time.sleep(_POLL / 5)
    raise ReplicaError(
        "reach the server with the backup's data", address, str(last),
        "It has the accounts of the backup now. Look into its error log; its data of before is kept aside.",
    )  # fmt: skip


def clear(way: Way) -> None:
    """Remove what is left of an exchange, when the replica was built by another method."""
    if way.directory:
        Exchange("", way.directory).remove()


def go_on(way: Way, login: Login) -> Dict[str, Any]:
    """Finish an exchange of files that was ended in the middle, so that the server runs again; what it kept.

    The exchange's data is as good as it was: it was prepared and looked at before. The rebuild begins anew with it.

    :raises ReplicaError: the server does not start.
    """
    exchange = half_way(way.directory)
    if exchange is None:
        return {}
    told = exchange.told()
    try:
        with connect(login):
            return told
    except ReplicaError:
        if own_host.lives(str(told["pid_file"])):
            # It runs and does not let us in, which is not for us to mend; its files are not to be touched.
            return told
    if told["phase"] != READY:
        exchange.carry_out()
    code, _output, errors = way.execute(way.restart)
    if code:
        raise ReplicaError("start the server", login.address, errors.strip(), "Its error log says more.")
    bring_up(login, way, login.address)
    return told
