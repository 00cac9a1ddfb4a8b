# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row of the replica's status and what belongs to it -> `snapshot.Channel`."""

from __future__ import annotations

from typing import List, Mapping, Optional, Tuple

from .dialect import Dialect
from .gtid_mariadb import GtidPosition
from .gtid_mysql import GtidSet
from .normalise_gaps import position_gaps
from .normalise_rows import (
    Row,
    Sections,
    coordinates,
    fault,
    first_of,
    flag,
    moment,
    number,
    parsed,
    text,
    whole,
)
from .normalise_settings import filters, settings
from .snapshot import CONNECTING, GTID, POSITION, RUNNING, STOPPED, Channel, Fault, Worker

# "Preparing" is what MariaDB shows between START SLAVE and the first attempt to connect.
_RECEIVER = {"yes": RUNNING, "connecting": CONNECTING, "preparing": CONNECTING}
_PARALLEL = ("replica_parallel_workers", "slave_parallel_workers", "slave_parallel_threads")


def channel(sections: Sections, dialect: Dialect, status: Row, variables: Mapping[str, str]) -> Channel:
    """The channel of one row of SHOW REPLICA STATUS / SHOW ALL SLAVES STATUS."""
    columns = dialect.columns
    name = channel_name(status)
    applier = RUNNING if text(status, columns["applier_running"]).lower() == "yes" else STOPPED
    parallel = _parallel(variables)
    return Channel(
        name=name,
        source_host=text(status, columns["source_host"]),
        source_port=whole(status, columns["source_port"]),
        source_user=text(status, columns["source_user"]),
        source_uuid=text(status, columns["source_uuid"]),
        source_server_id=whole(status, columns["source_server_id"]),
        mode=_mode(status),
        receiver=_RECEIVER.get(text(status, columns["receiver_running"]).lower(), STOPPED),
        applier=applier,
        receiver_state=text(status, columns["receiver_state"]),
        applier_state=text(status, columns["applier_state"]) or text(status, "Slave_SQL_State"),
        receiver_fault=_timed(
            fault(status, "Last_IO_Errno", "Last_IO_Error", "Last_IO_Error_Timestamp"),
            sections.of_channel("connections", name),
        ),
        applier_fault=_timed(
            fault(status, "Last_SQL_Errno", "Last_SQL_Error", "Last_SQL_Error_Timestamp"),
            sections.of_channel("coordinators", name),
        ),
        read=coordinates(status, columns["read_file"], columns["read_position"]),
        executed=coordinates(status, columns["executed_file"], columns["executed_position"]),
        relay=coordinates(status, "Relay_Log_File", "Relay_Log_Pos"),
        workers=_workers(sections.of_channel("workers", name)),
        parallel=parallel,
        retrieved=parsed(GtidSet.parse, status, "Retrieved_Gtid_Set"),
        executed_gtids=parsed(GtidSet.parse, status, "Executed_Gtid_Set"),
        io_position=parsed(GtidPosition.parse, status, "Gtid_IO_Pos"),
        using_gtid=text(status, "Using_Gtid"),
        seconds_behind=number(status, columns["seconds_behind"]),
        delay=whole(status, "SQL_Delay"),
        delay_remaining=number(status, "SQL_Remaining_Delay"),
        until=_until(status),
        skip_counter=whole(status, "Skip_Counter"),
        filters=filters(sections, status, name),
        settings=settings(sections, status, name, columns["source_host"].partition("_")[0]),
        position_gaps=position_gaps(sections, name, applier == RUNNING, parallel),
        relay_space=whole(status, "Relay_Log_Space"),
    )


def channel_name(status: Row) -> str:
    """MySQL's channel name or MariaDB's connection name; empty where there is only one unnamed channel."""
    return str(first_of(status, ("Channel_Name", "Connection_name")) or "")


def _mode(status: Row) -> str:
    if "Using_Gtid" in status:
        return GTID if text(status, "Using_Gtid").lower() in ("slave_pos", "current_pos") else POSITION
    return GTID if flag(status.get("Auto_Position")) else POSITION


def _parallel(variables: Mapping[str, str]) -> int:
    value = next((variables[name] for name in _PARALLEL if name in variables), "0")
    return int(value) if value.isdigit() else 0


def _timed(found: Optional[Fault], rows: List[Row]) -> Optional[Fault]:
    """The fault with performance_schema's time when that tells of the same error: it is in UTC, the status row's in the
    server's own time zone."""
    if found is None:
        return None
    for row in rows:
        if whole(row, "LAST_ERROR_NUMBER") == found.number:
            return Fault(found.number, found.text, moment(text(row, "LAST_ERROR_TIMESTAMP")) or found.timestamp)
    return found


def _workers(rows: List[Row]) -> Tuple[Worker, ...]:
    return tuple(_worker(row, index) for index, row in enumerate(rows, 1))


def _worker(row: Row, index: int) -> Worker:
    error = fault(row, "LAST_ERROR_NUMBER", "LAST_ERROR_MESSAGE", "LAST_ERROR_TIMESTAMP")
    applying = text(row, "APPLYING_TRANSACTION")
    if error is not None and not applying:
        # 5.7 and MariaDB know only what a worker has seen last, which after an error is the transaction that failed.
        applying = text(row, "LAST_SEEN_TRANSACTION")
    return Worker(
        number=whole(row, "WORKER_ID", index),  # MariaDB does not number its workers
        running=flag(row.get("SERVICE_STATE")) == 1,
        fault=error,
        transaction=applying,
        state=text(row, "PROCESSLIST_STATE"),
        process=whole(row, "PROCESSLIST_ID"),
    )


def _until(status: Row) -> str:
    """What START ... UNTIL was told: ``SQL_AFTER_GTIDS``, ``Source binlog.000002:4``; empty without UNTIL."""
    condition = text(status, "Until_Condition")
    if condition in ("", "None"):
        return ""
    at = coordinates(status, "Until_Log_File", "Until_Log_Pos")
    return "%s %s" % (condition, at) if at else condition
