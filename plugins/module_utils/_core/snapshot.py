# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One normalised picture of a server and its channels, the same shape for every flavour and version.

Built by `normalise` from the raw rows that a server returned; judged by `diagnose`. Times are seconds, positions bytes.
``None`` always means "not known", never "none".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple, Union

from .flavour import Features, Flavour
from .gtid_mariadb import GtidBinlogState, GtidPosition
from .gtid_mysql import GtidSet

RUNNING = "running"
CONNECTING = "connecting"
STOPPED = "stopped"

GTID = "gtid"
POSITION = "position"


@dataclass(frozen=True)
class Coordinates:
    """A binlog file and a position in it. Compare with `reached`, which understands file numbers."""

    file: str
    position: int

    def __str__(self) -> str:
        return "%s:%d" % (self.file, self.position)

    def key(self) -> Tuple[int, int]:
        """Sort key: the number at the end of the file name, then the position. Raises ValueError without a number."""
        return (int(self.file.rsplit(".", 1)[-1]), self.position)

    def reached(self, other: Coordinates) -> bool:
        """True when this point is at or after the other, in the same series of binlogs."""
        return self.key() >= other.key()


@dataclass(frozen=True)
class Fault:
    """An error as a thread shows it. ``number`` may be 0 with a text: an error as well (measured on 5.6, MariaDB)."""

    number: int
    text: str
    timestamp: str = ""


@dataclass(frozen=True)
class Worker:
    """One applier worker. ``transaction`` is the GTID it was applying, or ``ANONYMOUS``, or empty.

    ``process`` is its number in the process list, 0 where the server does not tell.
    """

    number: int
    running: bool
    fault: Optional[Fault] = None
    transaction: str = ""
    state: str = ""
    process: int = 0


@dataclass(frozen=True)
class Process:
    """A row of the process list (``age`` in seconds)."""

    number: int
    user: str
    host: str
    schema: str
    command: str
    age: int
    state: str
    statement: str


@dataclass(frozen=True)
class Blocker:
    """Who holds what the applier waits for. ``kind``: ``metadata``, ``row`` or ``global``."""

    kind: str
    waiting: str
    process: Optional[Process] = None
    object_name: str = ""


@dataclass(frozen=True)
class Channel:
    """One replication channel (MariaDB: connection) of a replica."""

    name: str
    source_host: str
    source_port: int
    source_user: str
    source_uuid: str
    source_server_id: int
    mode: str
    receiver: str
    applier: str
    receiver_state: str
    applier_state: str
    receiver_fault: Optional[Fault]
    applier_fault: Optional[Fault]
    read: Optional[Coordinates]
    executed: Optional[Coordinates]
    relay: Optional[Coordinates]
    workers: Tuple[Worker, ...] = ()
    parallel: int = 0
    retrieved: Optional[GtidSet] = None
    executed_gtids: Optional[GtidSet] = None
    io_position: Optional[GtidPosition] = None
    using_gtid: str = ""
    seconds_behind: Optional[int] = None
    delay: int = 0
    delay_remaining: Optional[int] = None
    until: str = ""
    skip_counter: int = 0
    filters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Union[str, int]] = field(default_factory=dict)
    position_gaps: Optional[bool] = None
    relay_space: int = 0

    @property
    def label(self) -> str:
        """For messages: ``channel 'c1'``, or ``the replication channel`` for the unnamed one."""
        return "channel '%s'" % self.name if self.name else "the replication channel"


@dataclass(frozen=True)
class Server:
    """A server as one connection saw it."""

    flavour: Flavour
    features: Features
    address: str
    uuid: str
    server_id: int
    port: int
    hostname: str
    datadir: str
    variables: Mapping[str, str]
    status: Mapping[str, str]
    executed: Optional[GtidSet]
    purged: Optional[GtidSet]
    replica_position: Optional[GtidPosition]
    binlog_state: Optional[GtidBinlogState]
    binlog_end: Optional[Coordinates]
    binlogs: Tuple[Tuple[str, int], ...]
    channels: Tuple[Channel, ...]
    replicas_below: Tuple[str, ...]
    processes: Tuple[Process, ...]
    blockers: Tuple[Blocker, ...]
    open_transactions: Tuple[Mapping[str, Union[str, int]], ...]
    cluster: str
    managed: str
    unreadable: Mapping[str, Fault]
    read_at: float
    large_without_key: Tuple[str, ...] = ()
    now: str = ""

    @property
    def identity(self) -> str:
        """What tells this server from every other: its UUID, on MariaDB server id, port and data directory."""
        return self.uuid or "%d/%d/%s" % (self.server_id, self.port, self.datadir)

    def variable(self, name: str, default: str = "") -> str:
        """A global variable's value as text, or the default where the server has none of that name."""
        return self.variables.get(name, default)

    def flag(self, name: str) -> bool:
        """True when a variable is on."""
        return self.variable(name).upper() in ("ON", "1", "YES", "TRUE")

    def channel(self, name: str) -> Optional[Channel]:
        """The channel of that name, or None."""
        return next((channel for channel in self.channels if channel.name == name), None)


@dataclass(frozen=True)
class Peer:
    """Another server of the topology: the source of a channel, or a member.

    ``server`` is None when it could not be read; ``reason`` says why.
    """

    name: str
    server: Optional[Server]
    reason: str = ""
