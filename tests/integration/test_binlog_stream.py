# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binlogs of real servers, streamed: the same events as the server itself lists, from any start, and clear errors."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.transactions import (
    Event,
    Transaction,
    transactions,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    BadInputError,
    BinlogError,
    PrivilegeError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import Gtid, GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._server import zstd
from ansible_collections.replicaops.mysql.plugins.module_utils._server.binlog_stream import (
    BinlogStream,
    free_server_id,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Connection, Login, connect
from integration import binlog_scenario
from lab import faults
from lab.accounts import ACCOUNTS
from lab.server import Server
from lab.topology import Lab
from unit.binlogs import layout_for

BIG = 18_000_000
every_flavour = pytest.mark.every_flavour


def connected(server: Server, user: str = "root", **options: Any) -> Connection:
    return connect(Login(host=server.host, user=user, password=ACCOUNTS[user].password, **options))


def stream(server: Server, start: Any, **options: Any) -> BinlogStream:
    return BinlogStream(connected(server), start, **options)


def read(server: Server, start: Any, rows: bool = True, **options: Any) -> List[Transaction]:
    return list(transactions(stream(server, start, **options), layout_for, rows=rows, decompress=zstd.decompress))


class Written(NamedTuple):
    """A server with the scenario in its binlog, and behind it, in the next file, a transaction of large rows."""

    server: Server
    file: str
    last_file: str
    transactions: Tuple[Transaction, ...]

    @property
    def start(self) -> Coordinates:
        """Where the scenario begins."""
        return Coordinates(self.file, 4)


@pytest.fixture(scope="module")
def written(flavour: str) -> Iterator[Written]:
    options = {**binlog_scenario.full_metadata(flavour), "innodb_log_file_size": "256M"}
    if flavour == "mysql-9.7":
        options = {**binlog_scenario.full_metadata(flavour), "innodb_redo_log_capacity": "512M"}
    with Lab(flavour, "single", options=options) as lab:
        server = lab.source
        file = binlog_scenario.run(server)
        server.execute(
            "CREATE DATABASE large",
            "CREATE TABLE large.t (id INT PRIMARY KEY, v LONGBLOB)",
            "INSERT INTO large.t VALUES (1, REPEAT('0123456789', %d))" % (BIG // 10),
            "INSERT INTO large.t VALUES (2, 'small')",
            "UPDATE large.t SET v = CONCAT(v, '!')",
        )
        found = tuple(read(server, Coordinates(file, 4), verify=True))
        yield Written(server, file, server.coordinates()[0], found)


@every_flavour
def test_the_events_are_those_that_the_server_lists(written: Written) -> None:
    mine: List[Tuple[str, int, int]] = []
    with stream(written.server, written.start, verify=True) as events:
        for _kind, start, end, data in events:
            if end > start:
                mine.append((written.file if not mine else mine[-1][0], start, end))
                if data[4] == header.ROTATE:
                    assert events.file == written.last_file
            elif mine and data[4] == header.ROTATE:
                mine.append((events.file, 0, 0))
    mine = [one for one in mine if one[2]]
    for file in (written.file, written.last_file):
        shown = binlog_scenario.shown(written.server, file)
        ends = [row[0] for row in shown[1:]] + [0]
        # MariaDB 11.8 shows no end for some; MySQL shows what a compressed transaction holds, at its end.
        listed = [(start, end or after) for (start, end, _kind, _info), after in zip(shown, ends) if start != end]
        assert [(start, end) for name, start, end in mine if name == file] == listed


def test_the_transactions_have_the_gtids_that_the_server_executed(written: Written) -> None:
    gtids = [one.gtid for one in written.transactions]
    shown = chain(*(binlog_scenario.shown(written.server, file) for file in (written.file, written.last_file)))
    pattern = r"GTID ([0-9]+-[0-9]+-[0-9]+)" if written.server.flavour.is_mariadb else r"GTID_NEXT= '([^']+)'"
    expected = [found.group(1) for *_place, info in shown for found in [re.search(pattern, info)] if found]
    assert gtids == expected and len(gtids) > 20
    if not written.server.flavour.is_mariadb:
        executed = GtidSet.parse(written.server.gtid_position())
        assert executed.contains(GtidSet.from_gtids(Gtid.parse(gtid) for gtid in gtids))


def test_events_larger_than_a_packet_arrive_whole(written: Written) -> None:
    large = [change for one in written.transactions for change in one.changes if change.table.schema == "large"]
    value = b"0123456789" * (BIG // 10)
    images = [(change.before, change.after) for change in large]
    assert images == [
        (None, (1, value)),
        (None, (2, b"small")),
        ((1, value), (1, value + b"!")),
        ((2, b"small"), (2, b"small!")),
    ]


def test_any_transaction_is_a_start_by_position(written: Written) -> None:
    every = list(written.transactions)
    for number in range(0, len(every), 5):
        assert read(written.server, every[number].start, rows=False) == frames(every[number:])
    assert read(written.server, every[-1].end) == []


@every_flavour
def test_any_transaction_is_a_start_by_gtid(written: Written) -> None:
    every = list(written.transactions)
    server = written.server
    begin = before(server, every[0].gtid)
    for number in (0, 1, len(every) // 2, len(every) - 2, len(every)):
        done = [one.gtid for one in every[:number]]
        if server.flavour.is_mariadb:
            start = done[-1] if done else begin
        else:
            start = str(GtidSet.parse(begin) | GtidSet.from_gtids(Gtid.parse(gtid) for gtid in done))
        assert read(server, start, rows=False) == frames(every[number:])


def before(server: Server, first: str) -> str:
    """Everything that the server has executed before a transaction of its own."""
    if server.flavour.is_mariadb:
        domain, number, sequence = first.split("-")
        return "%s-%s-%d" % (domain, number, int(sequence) - 1) if int(sequence) > 1 else ""
    uuid, last = first.split(":")
    return "%s:1-%d" % (uuid, int(last) - 1) if int(last) > 1 else ""


def frames(found: Sequence[Transaction]) -> List[Transaction]:
    return [one._replace(changes=(), undecoded=()) for one in found]


def test_a_hole_in_the_gtid_set_gives_that_transaction_alone(written: Written) -> None:
    if written.server.flavour.is_mariadb:
        pytest.skip("a position of MariaDB has no holes")
    missing = written.transactions[7]
    executed = GtidSet.parse(written.server.gtid_position()) - GtidSet.from_gtid(Gtid.parse(missing.gtid))
    assert read(written.server, str(executed)) == [missing]


def test_the_stream_ends_where_it_should(written: Written) -> None:
    every = list(written.transactions)
    for number in (0, 5, len(every) - 1):
        stop = every[number].end
        with stream(written.server, written.start, stop_at=stop) as events:
            found = list(transactions(events, layout_for, rows=False))
            assert [one.last for one in found] == [one.last for one in every[: number + 1]]
            assert events.position == stop
    # Also when the server would wait for more behind it.
    end = Coordinates(*written.server.coordinates())
    assert len(read(written.server, written.start, rows=False, stop_at=end, blocking=True)) == len(every)


def test_a_blocking_stream_shows_that_it_lives_and_then_what_is_new(written: Written) -> None:
    server = written.server
    start = Coordinates(*server.coordinates())
    seen: List[int] = []
    deadline = time.monotonic() + 60
    with stream(server, start, blocking=True, heartbeat=0.2, deadline=deadline) as events:
        for kind, first, end, _data in events:
            seen.append(kind)
            if kind == header.HEARTBEAT and seen.count(kind) == 1:
                assert first == end and events.position == start
                server.execute("CREATE DATABASE news")
            if kind == header.QUERY:
                break
    server.execute("DROP DATABASE news")
    assert header.HEARTBEAT in seen and seen[-1] == header.QUERY


def test_a_deadline_and_silence_end_the_stream(written: Written) -> None:
    start = Coordinates(*written.server.coordinates())
    with pytest.raises(BinlogError, match="the time for it was over"):
        list(stream(written.server, start, blocking=True, heartbeat=0.1, deadline=time.monotonic() + 0.5))
    with pytest.raises(BinlogError, match="sent nothing for too long at " + re.escape(str(start))):
        list(stream(written.server, start, blocking=True, heartbeat=60, timeout=0.3))


def test_a_connection_that_is_cut_amid_the_stream_says_where(written: Written) -> None:
    server = written.server
    start = Coordinates(*server.coordinates())
    with stream(server, start, blocking=True, heartbeat=0.2) as events, pytest.raises(BinlogError) as raised:
        for kind, *_rest in events:
            if kind == header.HEARTBEAT:
                server.execute("KILL %d" % events.connection.connection_id)
    message = raised.value.message()
    assert str(start) in message and "run it again" in message
    assert raised.value.context["position"] == start.position


def refused(make: Callable[[], BinlogStream]) -> BinlogError:
    with pytest.raises(BinlogError) as raised:
        list(make())
    return raised.value


def test_a_start_that_is_not_there_says_why_and_what_to_do(written: Written) -> None:
    server = written.server
    error = refused(lambda: stream(server, Coordinates("binlog.999999", 4)))
    assert error.context["errno"] == 1236 and "SHOW BINARY LOGS" in error.message()
    error = refused(lambda: stream(server, Coordinates(written.last_file, 1 << 31)))
    assert error.context["errno"] == 1236 and "beyond the end of the file" in error.message()
    error = refused(lambda: stream(server, Coordinates(written.file, written.transactions[3].first + 7)))
    assert error.context["errno"] == 1236 and "SHOW BINLOG EVENTS" in error.message()


def test_a_start_amid_a_transaction_is_refused(written: Written) -> None:
    every = [one for one in written.transactions if one.changes and one.ending == "xid"]
    with stream(written.server, every[0].start) as events:
        inside = next(start for kind, start, _end, _data in events if kind == header.TABLE_MAP)
    with pytest.raises(BinlogError, match="no transaction begins here"):
        read(written.server, Coordinates(every[0].file, inside))


def test_a_gtid_set_of_the_other_engine_is_bad_input(written: Written) -> None:
    start = "%s:1-5" % binlog_scenario.UUID if written.server.flavour.is_mariadb else "0-1-5"
    with pytest.raises(BadInputError, match="The start is no GTID"):
        stream(written.server, start)


def test_a_missing_privilege_is_named(written: Written) -> None:
    server = written.server
    server.execute_unlogged("CREATE USER 'nobody'@'%' IDENTIFIED BY 'nobody-secret-11aa'")
    login = Login(host=server.host, user="nobody", password="nobody-secret-11aa")
    with pytest.raises(PrivilegeError, match="Grant the account REPLICATION SLAVE"):
        list(BinlogStream(connect(login), written.start))


def test_a_stream_over_tls(written: Written) -> None:
    if written.server.flavour.name not in ("mysql-9.7", "mariadb-11.8"):
        pytest.skip("no certificate on this server")
    secure = stream(written.server, written.start, stop_at=written.transactions[-1].end)
    assert isinstance(secure.connection.driver._sock, ssl.SSLSocket)
    assert list(transactions(secure, layout_for, decompress=zstd.decompress)) == list(written.transactions)


def test_purged_files_and_purged_gtids_are_told_apart_from_other_errors(
    lab_of: Callable[..., Lab], flavour: str
) -> None:
    server = lab_of(flavour, "single").source
    server.execute("CREATE DATABASE a", "FLUSH BINARY LOGS", "CREATE DATABASE b")
    first = server.query("SHOW BINARY LOGS")[0]["Log_name"]
    assert faults.purge_binlogs(server, flush=False) != first
    assert "not on the server (any more)" in refused(lambda: stream(server, Coordinates(first, 4))).message()
    error = refused(lambda: stream(server, ""))
    assert error.context["errno"] in (1236, 13114) and error.advice and "error log" not in error.advice


def test_a_server_without_a_binlog_says_so(lab_of: Callable[..., Lab], flavour: str) -> None:
    options = {"skip_log_bin": "1", "log_replica_updates": "0"}
    if flavour == "mysql-5.6":
        options.update(gtid_mode="OFF", enforce_gtid_consistency="OFF")
    server = lab_of(flavour, "single", gtid=False, options=options).source
    assert "set log_bin" in refused(lambda: stream(server, Coordinates("binlog.000001", 4))).message()


def test_our_stream_leaves_the_replica_s_own_alone(lab_of: Callable[..., Lab], flavour: str) -> None:
    lab = lab_of(flavour)
    (the_replica_s,) = lab.source.dump_threads()
    start = Coordinates(*lab.source.coordinates())
    opened: List[BinlogStream] = []
    iterators: List[Iterator[Event]] = []
    for _unused in range(2):  # nor do two of ours end each other
        opened.append(stream(lab.source, start, blocking=True, heartbeat=0.1))
        iterators.append(iter(opened[-1]))
        while next(iterators[-1])[0] != header.HEARTBEAT:
            pass
    ours = [each.connection.connection_id for each in opened]
    assert sorted(lab.source.dump_threads()) == sorted([the_replica_s, *ours])
    assert all(next(each)[0] == header.HEARTBEAT for each in iterators)
    with connected(lab.source) as connection:
        taken = {lab.source.server_id, lab.replica.server_id}
        assert free_server_id(connection, [7]) not in taken | {7} | {each.server_id for each in opened}
    for each in opened:
        each.close()
    lab.source.execute("CREATE DATABASE still_alive")
    lab.wait_in_sync()


def listed_by_mysqlbinlog(server: Server, file: str) -> Optional[str]:
    code, _text = server.exec("command -v mysqlbinlog", check=False)
    if code:
        return None
    return server.read("mysqlbinlog --base64-output=DECODE-ROWS -vv /lab/data/" + file)


@pytest.mark.engine("mysql")
def test_mysqlbinlog_sees_the_same(written: Written) -> None:
    text = listed_by_mysqlbinlog(written.server, written.file)
    if text is None:
        pytest.skip("this server's image has no mysqlbinlog")
    found = [one for one in written.transactions if one.file == written.file]
    kinds = {"INSERT INTO": "write", "UPDATE": "update", "DELETE FROM": "delete"}
    theirs = [
        (kinds[kind], table) for kind, table in re.findall(r"^### (INSERT INTO|UPDATE|DELETE FROM) (.*)$", text, re.M)
    ]
    mine = [(row.kind, "`%s`.`%s`" % row.table) for one in found for row in one.changes]
    assert mine == theirs and len(mine) > 20
    starts = {int(place) for place in re.findall(r"^# at ([0-9]+)$", text, re.M)}
    assert {one.first for one in found} <= starts
