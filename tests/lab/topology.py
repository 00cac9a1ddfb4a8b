# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicating servers on a network of their own: pair, fan, chain, ring, two sources into one replica."""

from __future__ import annotations

import contextlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type

import docker.errors
import pymysql
from docker.models.networks import Network

from . import accounts, cleanup, sync
from .engine import LabError
from .flavours import Flavour
from .flavours import flavour as flavour_by_name
from .images import ensure_image
from .network import create_network
from .server import Option, Server


@dataclass(frozen=True)
class Link:
    """A replica's channel: which server reads from which (indexes into the lab's servers)."""

    replica: int
    source: int
    channel: str = ""


@dataclass(frozen=True)
class Shape:
    """Names of a topology's servers and its links, upstream first."""

    names: Tuple[str, ...]
    links: Tuple[Link, ...]


TOPOLOGIES: Dict[str, Shape] = {
    "single": Shape(("source",), ()),
    "pair": Shape(("source", "replica"), (Link(1, 0),)),
    "fan": Shape(("source", "replica1", "replica2"), (Link(1, 0), Link(2, 0))),
    "chain": Shape(("source", "middle", "leaf"), (Link(1, 0), Link(2, 1))),
    "ring": Shape(("left", "right"), (Link(1, 0), Link(0, 1))),
    "multi": Shape(("source1", "source2", "replica"), (Link(2, 0, "c1"), Link(2, 1, "c2"))),
}
_UNIQUE_DOMAIN = ("ring", "multi")


class Lab:
    """A topology of real servers; a context manager that removes everything at its end.

    :param flavour: a name of the flavour table, such as ``mysql-9.7``
    :param topology: ``pair``, ``fan``, ``chain``, ``ring``, ``multi`` or ``single``
    :param gtid: GTID replication, or file and position
    :param binlog_format: ROW, STATEMENT or MIXED
    :param workers: parallel appliers; 1 means the flavour's serial applier
    :param options: server options for all servers
    :param server_options: server options by server name
    :param seed: statements to run on the first source before replicas connect
    :param replicate: configure and start the replicas
    :param disk_size: size of each server's file system, such as ``300m``
    :param keep: leave it running when this process ends (``python -m lab up``)
    """

    def __init__(
        self,
        flavour: str,
        topology: str = "pair",
        gtid: bool = True,
        binlog_format: str = "ROW",
        workers: int = 1,
        options: Optional[Dict[str, Option]] = None,
        server_options: Optional[Dict[str, Dict[str, Option]]] = None,
        seed: Sequence[str] = (),
        replicate: bool = True,
        disk_size: str = "",
        keep: bool = False,
        name: str = "",
    ) -> None:
        if topology not in TOPOLOGIES:
            raise LabError(f"Unknown topology {topology!r}; known: {', '.join(TOPOLOGIES)}")
        self.flavour: Flavour = flavour_by_name(flavour)
        self.topology = topology
        self.shape = TOPOLOGIES[topology]
        if topology == "multi" and not self.flavour.channels:
            raise LabError(f"{flavour} has no replication channels: topology multi is not possible")
        self.gtid = gtid
        self.binlog_format = binlog_format.upper()
        self.workers = workers
        self.options = dict(options or {})
        self.server_options = dict(server_options or {})
        self.seed = list(seed)
        self.replicate = replicate
        self.disk_size = disk_size
        self.keep = keep
        self.name = name or f"lab-{self.flavour.name.replace('.', '')}-{uuid.uuid4().hex[:8]}"
        self.network: Optional[Network] = None
        self.servers: List[Server] = []
        self._closers: List[Callable[[], Any]] = []
        self._began = False

    # -- parts ---------------------------------------------------------------------------------------------------

    @property
    def links(self) -> Tuple[Link, ...]:
        """The topology's channels, upstream first."""
        return self.shape.links

    @property
    def source(self) -> Server:
        """The first server: the source of the others, except in a ring."""
        return self.servers[0]

    @property
    def sources(self) -> List[Server]:
        """All servers that something replicates from."""
        return [self.servers[i] for i in sorted({link.source for link in self.links})]

    @property
    def replica(self) -> Server:
        """The replica of the first link."""
        return self.servers[self.links[0].replica]

    @property
    def replicas(self) -> List[Server]:
        """All servers that replicate from something."""
        return [self.servers[i] for i in sorted({link.replica for link in self.links})]

    def server(self, name: str) -> Server:
        """Return a server by its name.

        :raises LabError: when there is none
        """
        for server in self.servers:
            if server.name == name:
                return server
        raise LabError(f"{self.name} has no server {name!r}; it has {', '.join(self.shape.names)}")

    def links_of(self, replica: Server) -> List[Link]:
        """Return the channels of a replica."""
        return [link for link in self.links if self.servers[link.replica] is replica]

    def on_close(self, close: Callable[[], Any]) -> None:
        """Have something (a writer, a blocking session) ended before the servers are removed."""
        self._closers.append(close)

    # -- start and end -------------------------------------------------------------------------------------------

    def __enter__(self) -> Lab:
        return self.up()

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.down()

    def up(self) -> Lab:
        """Start the servers and their replication; everything is removed again when that fails.

        :raises LabError: when a server or its replication does not start; the message holds the log's end
        """
        image = ensure_image(self.flavour)
        with contextlib.suppress(docker.errors.APIError):  # leftovers of others: the next run tries again
            cleanup.sweep()
        self._began = True
        if not self.keep:
            cleanup.register(id(self), self.down)
        try:
            self._up(image)
        except BaseException:
            self.down(force=True)
            raise
        return self

    def _up(self, image: str) -> None:
        labels = cleanup.labels(self.name, self.keep)
        self.network, prefix, gateway = create_network(self.name, labels)
        for number, name in enumerate(self.shape.names, 1):
            self.servers.append(
                Server(self.flavour, number, name, f"{prefix}.{gateway + number}", self._options_for(name, number))
            )
        with ThreadPoolExecutor(max_workers=len(self.servers)) as pool:
            list(pool.map(lambda server: self._start(server, image, labels), self.servers))
        if self.replicate:
            starts = {link.source: self.servers[link.source].coordinates() for link in self.links}
            if self.seed:
                self.source.execute(*self.seed)
            for link in self.links:
                self.configure(link, starts[link.source])
                self.servers[link.replica].start_replica(channel=link.channel)
            for link in self.links:
                self._wait_connected(link)
            self.wait_all_in_sync()
        elif self.seed:
            self.source.execute(*self.seed)

    def _start(self, server: Server, image: str, labels: Dict[str, str]) -> None:
        assert self.network is not None
        own = {**labels, cleanup.NUMBER_LABEL: str(server.number)}
        server.create(image, self.network, own, self.disk_size)
        server.start()

    def _options_for(self, name: str, number: int) -> Dict[str, Option]:
        options: Dict[str, Option] = {"binlog_format": self.binlog_format}
        if self.flavour.is_mariadb:
            if self.topology in _UNIQUE_DOMAIN:
                options["gtid_domain_id"] = number
            options["replica_parallel_workers"] = self.workers if self.workers > 1 else 0
        else:
            # Said either way: GTIDs are on by default in MySQL 9.7, and off before.
            on = "ON" if self.gtid else "OFF"
            options.update({"gtid_mode": on, "enforce_gtid_consistency": on})
            # MySQL 5.6 and 5.7 apply serially with 0 workers; 8.0.27 and later have at least one.
            lowest = 0 if self.flavour.version < (8, 0) else 1
            options["replica_parallel_workers"] = self.workers if self.workers > 1 else lowest
            if self.topology == "multi" and self.flavour.version < (8, 0):
                options.update({"master_info_repository": "TABLE", "relay_log_info_repository": "TABLE"})
        options.update(self.options)
        options.update(self.server_options.get(name, {}))
        return options

    def down(self, force: bool = False) -> None:
        """End what runs beside the servers and remove them; safe to call again.

        :param force: remove a lab that is kept, too
        """
        for close in reversed(self._closers):
            # Its server may be dead already, and the removal below must happen.
            with contextlib.suppress(pymysql.MySQLError, LabError, OSError):
                close()
        self._closers.clear()
        for server in self.servers:
            server.close()
        if self.keep and not force:
            return
        if self._began:  # by label, as an interrupt may have come before a name was noted here
            cleanup.remove({cleanup.NAME_LABEL: self.name})
        self._began, self.network = False, None
        cleanup.unregister(id(self))

    # -- replication ---------------------------------------------------------------------------------------------

    def change_sql(self, link: Link, coordinates: Tuple[str, int], **extra: Any) -> str:
        """Return the CHANGE statement that points a replica at its source.

        :param coordinates: where to start, used without GTID
        :param extra: more settings by their full names, such as ``SOURCE_DELAY=3600``
        """
        words, source = self.flavour.words, self.servers[link.source]
        prefix = words.prefix
        settings: Dict[str, Any] = {
            f"{prefix}_HOST": source.host,
            f"{prefix}_PORT": source.port,
            f"{prefix}_USER": accounts.REPL.user,
            f"{prefix}_PASSWORD": accounts.REPL.password,
            f"{prefix}_CONNECT_RETRY": 1,
        }
        for name, value in self.flavour.change_extra.items():
            settings[name] = int(value)
        if self.flavour.is_mariadb and self.gtid:
            settings["MASTER_USE_GTID"] = None
        elif self.gtid:
            settings[f"{prefix}_AUTO_POSITION"] = 1
        else:
            settings[f"{prefix}_LOG_FILE"], settings[f"{prefix}_LOG_POS"] = coordinates
        settings.update(extra)
        parts = []
        for name, value in settings.items():
            if name == "MASTER_USE_GTID":
                parts.append(f"{name} = {value or 'slave_pos'}")
            else:
                parts.append(f"{name} = '{value}'" if isinstance(value, str) else f"{name} = {value}")
        connection = f" '{link.channel}'" if link.channel and self.flavour.is_mariadb else ""
        return (
            f"{words.change}{connection} TO " + ", ".join(parts) + self.servers[link.replica].for_channel(link.channel)
        )

    def configure(self, link: Link, coordinates: Tuple[str, int], **extra: Any) -> None:
        """Point a replica at its source; its threads must be stopped."""
        self.servers[link.replica].execute(self.change_sql(link, coordinates, **extra))

    def status(self, link: Link) -> Dict[str, Any]:
        """Return the raw status row of a link.

        :raises LabError: when the replica has no such channel
        """
        row = self.servers[link.replica].replica_status(link.channel)
        if row is None:
            raise LabError(f"{self.servers[link.replica].name} has no channel {link.channel!r}")
        return row

    def connected(self, link: Link) -> bool:
        """Tell whether a link's receiver is being sent the binlog; its Yes comes earlier, before it asks for that."""
        replica, source = self.servers[link.replica], self.servers[link.source]
        return str(self.status(link)[self.flavour.words.io_running]) == "Yes" and bool(source.dump_threads(replica))

    def _wait_connected(self, link: Link, timeout: float = 30.0) -> None:
        words, replica = self.flavour.words, self.servers[link.replica]

        def runs() -> bool:
            row = self.status(link)
            self._raise_on_error(replica, row)
            return str(row[words.sql_running]) == "Yes" and self.connected(link)

        replica.wait_until(runs, timeout, f"channel {link.channel!r} to run")

    def _raise_on_error(self, replica: Server, row: Dict[str, Any]) -> None:
        words = self.flavour.words
        stopped = [
            words.io_error if row[words.io_running] == "No" else "",
            words.sql_error if row[words.sql_running] == "No" else "",
        ]
        errors = [str(row[name]) for name in stopped if name and row[name]]
        if errors:
            raise LabError(f"{replica.name} stopped: {'; '.join(errors)}{sync.worker_errors(replica)}")

    def wait_in_sync(self, replica: Optional[Server] = None, timeout: float = 60.0) -> None:
        """Wait until a replica has applied all that its sources have in their binlogs at this moment.

        :param replica: one replica; none given means the first
        :raises LabError: when a thread stops with an error, or in time it does not happen
        """
        replica = replica or self.replica
        for link in self.links_of(replica):
            target, deadline = sync.target(self.servers[link.source], self.gtid), time.monotonic() + timeout
            while not sync.applied(replica, link.channel, target, self.gtid):
                row = self.status(link)
                self._raise_on_error(replica, row)
                if time.monotonic() > deadline:
                    raise LabError(f"{replica.name} has not applied {target} within {timeout:.0f} s: {row}")
                time.sleep(0.02)

    def wait_all_in_sync(self, timeout: float = 60.0) -> None:
        """Wait for every replica, upstream first; in a ring twice, as one wait may bring the other more."""
        for _unused in range(2 if self.topology == "ring" else 1):
            for replica in self.replicas:
                self.wait_in_sync(replica, timeout)
