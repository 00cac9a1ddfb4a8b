# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transactions that a replica has not applied yet: which one it fails at, what ends a run that rows can be told of.

The state that rows are brought to is that of the replica's applied point. For a key that only pending transactions
touch it is the image before the first of them, so that the applier finds what each of them expects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from . import touched_statement
from .binlog.table_map import TableName
from .binlog.transactions import DDL, INCIDENT, XA, Transaction
from .errors import RefusedError
from .skip_plan import broken
from .snapshot import GTID, Channel, Coordinates, Server

FAILING = "failing"
PENDING = "pending"

_PLACE = re.compile(r"(?:at|the event's) (?:source|master) log (?P<file>[^,;]*), end_log_pos (?P<end>\d+)")
_NUMBERED = re.compile(r"\.\d+$")


@dataclass(frozen=True)
class Failing:
    """What is known of the transaction that stopped the applier: its GTID, or a point inside of it, or nothing.

    Where nothing is known it is the first pending one: appliers without parallel workers, and those that commit in
    the source's order, fail there.
    """

    gtid: str = ""
    point: Optional[Coordinates] = None

    def is_it(self, transaction: Transaction) -> bool:
        """Whether a pending transaction is the failing one; the first one is asked first."""
        if self.gtid:
            return transaction.gtid == self.gtid
        if self.point is not None:
            return self.point.file == transaction.file and transaction.first < self.point.position <= transaction.last
        return True


def failing(server: Server, channel: Channel) -> Failing:
    """What the status tells of the failing transaction.

    :raises RefusedError: the applier shows no error.
    """
    fault = broken(channel)
    if fault is None:
        raise RefusedError(
            "compare the rows of %s" % channel.label, server.address,
            "its applier shows no error, so that there is no failing transaction",
            "Name the transactions, or ask for the pending ones.",
        )  # fmt: skip
    if fault.gtid and channel.mode == GTID and not server.flavour.is_mariadb:
        return Failing(fault.gtid)
    return Failing(point=_place(fault.text, channel))


def _place(text: str, channel: Channel) -> Optional[Coordinates]:
    """The point that an error names.

    Parallel workers of MySQL 5.6 may say that the event's log is FIRST, and that before it or nothing (measured): then
    it is the file that the applier reads, where the receiver is in the same. MariaDB 11.8 says an end of 0.
    """
    places = [(found.group("file"), int(found.group("end"))) for found in _PLACE.finditer(text)]
    named = next((place for place in places if _NUMBERED.search(place[0])), None)
    if named is None and places and channel.executed is not None and channel.read is not None:
        named = (channel.executed.file, places[0][1]) if channel.executed.file == channel.read.file else None
    return Coordinates(*named) if named is not None and named[1] else None


def unhealable(transaction: Transaction) -> str:
    """Why rows after this transaction, or of it, cannot be told from images; '' when they can.

    A definition ends the run: what comes after it stands in another form than the rows have now.
    """
    if transaction.lossy:
        return "it is not fully known: %s" % transaction.lossy
    if transaction.ending == INCIDENT:
        return "the source says that its binlog lacks something there"
    if transaction.ending == XA:
        return "it is a part of an XA transaction"
    for statement in transaction.statements:
        said = " ".join(statement.text.split())[:80]
        effect = touched_statement.effect(statement.text, statement.schema)
        if effect.everything:
            return "it is logged as a statement, which does not show the rows: %s" % said
        if effect.tables or effect.schemas:
            return "it changes a definition: %s" % said
    return "it is no change of rows" if transaction.ending == DDL and not transaction.statements else ""


def touches(transaction: Transaction, spell: Callable[[str], str], table: TableName) -> str:
    """What a transaction may do to a table's rows that no image of it shows, as the end of a sentence; '' for nothing.

    :param spell: how the servers compare names.
    """
    if transaction.lossy:
        names = {TableName(spell(one.schema), spell(one.name)) for one in transaction.tables}
        return "is not fully known: %s" % transaction.lossy if not names or table in names else ""
    for statement in transaction.statements:
        effect = touched_statement.effect(statement.text, statement.schema)
        schemas = {spell(schema) for schema in effect.schemas}
        tables = {TableName(spell(schema), spell(name)) for schema, name in effect.tables}
        if effect.everything or table.schema in schemas or table in tables:
            return "is the statement %s" % " ".join(statement.text.split())[:80]
    return ""


def refused(server: Server, channel: Channel, transaction: Transaction, why: str) -> RefusedError:
    """The first pending transaction is none whose rows can be healed."""
    return RefusedError(
        "heal the rows of %s" % channel.label, server.address,
        "the first transaction to be applied (%s) cannot be healed row by row: %s"
        % (transaction.gtid or transaction.start, why),
        _advice(why),
        {"transaction": transaction.gtid or str(transaction.start)},
    )  # fmt: skip


def _advice(why: str) -> str:
    if "to make it the same" in why:
        return "Run that statement there with sql_log_bin = 0 once it is right, and start the applier."
    if "no such table" in why or "no primary key" in why:
        return "Make the whole table equal to the source's (table_repair, with create_missing where it is not there)."
    return (
        "Find the position that the data is at (playbook reposition), pass it when its effect is there (playbook skip),"
        " or make the tables equal to the source's (table_repair)."
    )


@dataclass(frozen=True)
class WorkerRecord:
    """How far one parallel worker of MySQL got.

    :param last: where the last transaction that it applied ends in the source's binlog.
    :param number: that one's bit in ``bits``, counted from a checkpoint.
    :param bits: the transactions since the checkpoint that this worker applied.
    """

    last: Coordinates
    number: int
    bits: FrozenSet[int]


def worker_records(rows: Sequence[Mapping[str, object]]) -> Tuple[WorkerRecord, ...]:
    """Records of rows of mysql.slave_worker_info, with the bitmap as hexadecimal digits.

    Bit i stands in byte i // 8, lowest first (measured on MySQL 9.7 and 5.6).
    """
    made: List[WorkerRecord] = []
    for row in rows:
        name = str(row["Master_log_name"] or "")
        if not name:
            continue
        data = bytes.fromhex(str(row["Checkpoint_group_bitmap"] or ""))
        bits = frozenset(index * 8 + bit for index, byte in enumerate(data) for bit in range(8) if byte >> bit & 1)
        last = Coordinates(name, int(str(row["Master_log_pos"])))
        made.append(WorkerRecord(last, int(str(row["Checkpoint_seqno"])), bits))
    return tuple(made)


def done_above(mark: Coordinates, records: Sequence[WorkerRecord], ends: Sequence[Coordinates]) -> FrozenSet[str]:
    """Which transactions above the low-water mark parallel workers have applied already, by where they end.

    The position in the status is only the last checkpoint (measured on MySQL 9.7: 39622 while a worker was at 179559).
    A worker's bit for its own last transaction tells where its bitmap lies over the source's transactions.

    :param ends: of the transactions after the mark, in order, at least up to the furthest worker.
    """
    places: Dict[str, int] = {str(end): place for place, end in enumerate(ends)}
    done: Set[str] = set()
    for record in records:
        place = places.get(str(record.last))
        if place is None or mark.reached(record.last):
            continue
        done.add(str(record.last))
        for earlier in range(place):
            if record.number - (place - earlier) in record.bits:
                done.add(str(ends[earlier]))
    return frozenset(done)
