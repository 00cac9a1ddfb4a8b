# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a replica, done to real servers on purpose: damaged files, cut links, lost binlogs."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, List, Optional, Tuple

import pymysql

from .engine import LabError
from .server import DATA, HOME, Row, Server
from .topology import Lab, Link

Work = Callable[[], Any]


def _link(lab: Lab, replica: Optional[Server], channel: str) -> Link:
    wanted = replica or lab.replica
    for link in lab.links_of(wanted):
        if link.channel == channel or not channel:
            return link
    raise LabError(f"{wanted.name} has no channel {channel!r}")


def _status(server: Server, channel: str) -> Row:
    row = server.replica_status(channel)
    if row is None:
        raise LabError(f"{server.name} has no channel {channel!r}")
    return row


# -- relay logs ------------------------------------------------------------------------------------------------------


def relay_logs(server: Server, channel: str = "") -> List[str]:
    """Return the paths of a channel's relay log files, oldest first; the server may be stopped."""
    name = f"relay-{channel}" if channel else "relay"
    return server.read(f"ls -1 {DATA}/{name}.[0-9]* 2> /dev/null").split()


def queue_transactions(
    lab: Lab, work: Work, replica: Optional[Server] = None, channel: str = "", timeout: float = 30.0
) -> Tuple[str, int]:
    """Stop the applier, run ``work`` on the source and wait until the receiver has it all in the relay log.

    :returns: relay log file (path) and the position where the applier stands in it
    """
    link = _link(lab, replica, channel)
    server, source, words = lab.servers[link.replica], lab.servers[link.source], lab.flavour.words
    server.stop_replica("SQL_THREAD", link.channel)
    work()
    end = source.coordinates()

    def received() -> bool:
        row = _status(server, link.channel)
        return (str(row[words.source_file]), int(row[words.read_pos])) >= end

    server.wait_until(received, timeout, f"the receiver to reach {end}")
    row = _status(server, link.channel)
    return f"{DATA}/{row['Relay_Log_File']}", int(row["Relay_Log_Pos"])


def flip_bytes(server: Server, path: str, position: int, count: int = 40) -> None:
    """Flip all bits of ``count`` bytes of a file from ``position`` on."""
    shown = server.read(f"dd if={path} bs=1 skip={position} count={count} 2> /dev/null | od -An -v -tu1")
    flipped = "".join(f"\\{int(number) ^ 255:03o}" for number in shown.split())
    if not flipped:
        raise LabError(f"{path} on {server.name} ends before position {position}")
    server.exec(f"printf '{flipped}' | dd of={path} bs=1 seek={position} conv=notrunc 2> /dev/null")


def corrupt_relay_log(
    lab: Lab,
    work: Work,
    replica: Optional[Server] = None,
    channel: str = "",
    count: int = 40,
    offset: int = 30,
    start: bool = True,
) -> None:
    """Damage transactions that are queued in the relay log and not yet applied.

    :param work: makes the transactions on the source (a few; the first of them is damaged)
    :param offset: bytes after the applier's position; 30 is inside the first queued event
    :param start: start the applier afterwards; it then stops with an error (MariaDB in GTID mode heals itself)
    """
    link = _link(lab, replica, channel)
    server = lab.servers[link.replica]
    path, position = queue_transactions(lab, work, server, link.channel)
    flip_bytes(server, path, position + offset, count)
    if start:
        server.start_replica("SQL_THREAD", link.channel)


def delete_relay_logs(server: Server, channel: str = "", index: bool = False) -> List[str]:
    """Delete a channel's relay log files; the server must be stopped. Returns their paths.

    :param index: delete the index file, too
    :raises LabError: while the server runs, or when there are none
    """
    if server.is_running():
        raise LabError(f"{server.name} runs: stop it before its relay logs are deleted")
    files = relay_logs(server, channel)
    if not files:
        raise LabError(f"{server.name} has no relay logs: {server.read(f'ls -l {DATA}')}")
    name = f"relay-{channel}" if channel else "relay"
    server.exec(["rm", "-f", *files] + ([f"{DATA}/{name}.index"] if index else []))
    return files


def lose_relay_logs(lab: Lab, replica: Optional[Server] = None, kill: bool = True) -> None:
    """Stop (or kill) a replica, delete its relay logs, start the server; its threads stay stopped."""
    server = replica or lab.replica
    if kill:
        server.kill()
    else:
        server.stop()
    for link in lab.links_of(server):
        delete_relay_logs(server, link.channel)
    server.start()


def try_start_replica(server: Server, channel: str = "") -> Optional[Tuple[int, str]]:
    """Start a channel and return the statement's error number and text, or None when it was accepted."""
    try:
        server.start_replica(channel=channel)
    except pymysql.MySQLError as error:
        return int(error.args[0]), str(error.args[1])
    return None


def silent_stall(lab: Lab, replica: Optional[Server] = None) -> None:
    """Bring a MySQL 9.7 replica to Yes/Yes without ever applying anything.

    Relay logs deleted, a START that failed, and then a restart with relay_log_recovery. Write on the source
    afterwards: the receiver follows, the applier does not.
    """
    server = replica or lab.replica
    lose_relay_logs(lab, server)
    if try_start_replica(server) is None:
        raise LabError(f"{server.name} started its replication without relay logs; no stall")
    server.restart(relay_log_recovery=1)
    server.start_replica()


def save_relay_info(server: Server) -> None:
    """Copy relay-log.info aside, for ``restore_relay_info`` (MySQL 5.6 with FILE repositories, MariaDB)."""
    server.exec(f"cp -a {DATA}/relay-log.info {HOME}/relay-log.info.saved")


def restore_relay_info(server: Server) -> None:
    """Kill the server, put the older relay-log.info back and start it: as after a power loss; threads stay stopped.

    On MariaDB it matters in position mode only: with GTID the position is in a table.
    """
    server.kill()
    server.exec(f"cp -a {HOME}/relay-log.info.saved {DATA}/relay-log.info")
    server.start()


# -- binlogs and data ------------------------------------------------------------------------------------------------


def rotate_binlog(server: Server) -> None:
    """Begin a new binlog file, and wait until the server has written all that belongs to its beginning."""
    server.execute("FLUSH BINARY LOGS")
    name, _position = server.coordinates()
    if server.flavour.is_mariadb:
        server.wait_until(
            lambda: any(
                row["Event_type"] == "Binlog_checkpoint" and row["Info"] == name
                for row in server.query("SHOW BINLOG EVENTS IN '%s'" % name)
            ),
            what="the checkpoint of " + name,
        )


def purge_binlogs(server: Server, flush: bool = True) -> str:
    """Delete all of a server's binlogs but the last; returns the name of that one.

    A connected dump thread keeps the file it reads: stop the receiver first if that must go.

    :param flush: begin a new binlog before, so that the last one is empty
    :raises LabError: when a file stayed
    """
    if flush:
        server.execute("FLUSH BINARY LOGS")
    name, _unused = server.coordinates()
    with contextlib.suppress(pymysql.MySQLError):  # MariaDB 11.4 and later: no purge without this many replicas
        server.execute("SET GLOBAL slave_connections_needed_for_purge = 0")

    def purged() -> bool:
        server.execute(f"PURGE BINARY LOGS TO '{name}'")
        return [row["Log_name"] for row in server.query("SHOW BINARY LOGS")] == [name]

    # MariaDB keeps a file until InnoDB has flushed what it holds, which takes about a second.
    server.wait_until(purged, 20.0, "the binlogs to go (does something still read them?)")
    return name


def purge_needed(lab: Lab, work: Work, replica: Optional[Server] = None, channel: str = "") -> None:
    """Let a replica miss transactions for good: receiver stopped, ``work`` done, its binlogs purged; then started."""
    link = _link(lab, replica, channel)
    server, source = lab.servers[link.replica], lab.servers[link.source]
    lab.wait_in_sync(server)
    server.stop_replica(channel=link.channel)
    kill_dump_threads(source, server)  # an idle one would notice its lost receiver only at the next write
    source.wait_until(lambda: not source.dump_threads(server), 20.0, "the dump thread to end")
    work()
    purge_binlogs(source)
    server.start_replica(channel=link.channel)


def kill_dump_threads(source: Server, replica: Optional[Server] = None) -> None:
    """End a source's dump threads as a lost connection does; the receivers reconnect by themselves."""
    for thread in source.dump_threads(replica):
        with contextlib.suppress(pymysql.MySQLError):
            source.execute(f"KILL {thread}")


def lose_tail(lab: Lab, work: Work, server: Optional[Server] = None) -> None:
    """Let a source lose its last transactions after they have replicated: a power loss with sync_binlog=0.

    The clean state of its data directory is copied, ``work`` is run and replicated, the source is killed, the copy
    put back and the source started. Its replicas are ahead of it then.
    """
    source = server or lab.source
    lab.wait_all_in_sync()
    source.stop()
    source.save("before_tail")
    source.start()
    reconnect(lab)
    work()
    lab.wait_all_in_sync()
    lost = int(source.value("SELECT UNIX_TIMESTAMP()"))
    source.kill()
    source.restore("before_tail")
    source.start()
    # No host is back within the second in which it lost power; that second is in the lost events.
    source.wait_until(lambda: int(source.value("SELECT UNIX_TIMESTAMP()")) > lost, what="the next second")


def reconnect(lab: Lab, timeout: float = 30.0) -> None:
    """Wait until every receiver is connected (their retry interval is a second)."""
    for link in lab.links:
        replica, connected = lab.servers[link.replica], functools.partial(lab.connected, link)
        replica.wait_until(connected, timeout, f"channel {link.channel!r} to connect")


# -- links, delay, disk ----------------------------------------------------------------------------------------------


def _route(server: Server, action: str, address: str, check: bool = True) -> None:
    code, text = server.exec(f"PATH=$PATH:/sbin:/usr/sbin ip route {action} unreachable {address}/32", check=False)
    if code and check:
        raise LabError(f"{server.name}: no route change, for which the image needs iproute2: {text.strip()}")


def cut_link(lab: Lab, replica: Optional[Server] = None, channel: str = "") -> None:
    """Cut the network between a replica and its source; both stay reachable from here.

    The receiver is started anew, as it would otherwise notice only after replica_net_timeout (60 s).
    """
    link = _link(lab, replica, channel)
    server, source = lab.servers[link.replica], lab.servers[link.source]
    _route(server, "replace", source.host)
    _route(source, "replace", server.host)
    kill_dump_threads(source, server)
    server.stop_replica("IO_THREAD", link.channel)
    server.start_replica("IO_THREAD", link.channel)


def restore_link(lab: Lab, replica: Optional[Server] = None, channel: str = "") -> None:
    """Undo ``cut_link``; the receiver reconnects by itself within its retry interval."""
    link = _link(lab, replica, channel)
    server, source = lab.servers[link.replica], lab.servers[link.source]
    _route(server, "del", source.host, check=False)
    _route(source, "del", server.host, check=False)


def unplug(server: Server) -> None:
    """Disconnect a server from the network: nobody reaches it, not even the lab; open connections hang."""
    assert server.network is not None
    server.close()
    server.network.disconnect(server.container)


def plug(server: Server) -> None:
    """Undo ``unplug``: the server has its address again."""
    assert server.network is not None
    server.network.connect(server.container, ipv4_address=server.host)
    server.wait_ready()


def delay_replica(lab: Lab, seconds: int, replica: Optional[Server] = None, channel: str = "") -> None:
    """Make a replica apply everything ``seconds`` late."""
    link = _link(lab, replica, channel)
    server, words = lab.servers[link.replica], lab.flavour.words
    name = f" '{link.channel}'" if link.channel and lab.flavour.is_mariadb else ""
    # MySQL 5.6 and MariaDB refuse the change while the receiver runs.
    threads = "" if lab.flavour.is_mariadb or lab.flavour.version < (5, 7) else "SQL_THREAD"
    server.stop_replica(threads, link.channel)
    server.execute(f"{words.change}{name} TO {words.prefix}_DELAY = {int(seconds)}" + server.for_channel(link.channel))
    server.start_replica(threads, link.channel)


def fill_disk(server: Server, leave: int = 0) -> None:
    """Fill the file system of a server that was given a ``disk_size``, but for ``leave`` bytes."""
    text = server.read(f"df -B1 {HOME} | tail -n 1")
    size, _unused, free = (int(number) for number in text.split()[1:4])
    if size > 4 * 2**30:
        raise LabError(f"{server.name}: start the lab with disk_size; the disk of {size} bytes will not be filled")
    server.exec(f"head -c {max(0, free - leave)} /dev/zero > {HOME}/filler", check=False)


def free_disk(server: Server) -> None:
    """Undo ``fill_disk``."""
    server.exec(f"rm -f {HOME}/filler")


def break_locally(server: Server, *statements: str) -> None:
    """Run statements on a replica only, outside its binlog: the local write that makes it differ."""
    server.execute_unlogged(*statements)
