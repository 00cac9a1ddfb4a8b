# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions of a binlog, from its events: the one function that others call.

Source: reference manuals of both engines, "Binary log event structure" and, for the groups of MariaDB, "Global
Transaction ID"; measured on MySQL 5.6 and 9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import zlib
from typing import Any, Callable, Iterable, Iterator, Optional, Protocol, Tuple, Union, cast

from ..errors import BinlogError
from .columns_info import DECODE_ERRORS
from .framing import Framer
from .mapped import Layout, LayoutFor
from .payload import Decompress
from .query import QueryEvent
from .rows import RowChange
from .table_map import TableName
from .transaction import COMMIT, DDL, INCIDENT, ROLLBACK, UNFINISHED, XA, XID, Transaction
from .whole import Whole, whole

__all__ = [
    "COMMIT",
    "DDL",
    "INCIDENT",
    "ROLLBACK",
    "UNFINISHED",
    "XA",
    "XID",
    "Event",
    "Layout",
    "LayoutFor",
    "QueryEvent",
    "RowChange",
    "TableName",
    "Transaction",
    "transactions",
]

# (type, start, end, data). ``data`` is header and body without the checksum; only a format description keeps its own.
Event = Tuple[int, int, int, bytes]
# Or in the place of an event's bytes whole transactions, as what `Packets` hand out.
WHOLE = -1


class Packets(Protocol):
    """Events of a server, which lie as packets in a buffer, so that transactions can be taken out in one piece."""

    def together(self, whole: Whole) -> Iterator[Tuple[int, int, int, Any]]:
        """The events, and in the place of those of which ``whole`` makes transactions a list of these, as `WHOLE`."""


def transactions(
    events: Union[Iterable[Event], Packets],
    layout_for: LayoutFor,
    rows: bool = True,
    decompress: Optional[Decompress] = None,
    file: str = "",
) -> Iterator[Transaction]:
    """The transactions that these events make, each as soon as its last event is there.

    A transaction that the events break off is left out: its end was never written, or has not been read.

    :param events: of one stream, in order; rotate events (artificial ones, too) name the file.
    :param layout_for: the columns of a table map, None when they are not known, or not wanted yet; asked
        until they are.
    :param rows: False finds transactions, their tables and statements at several times the speed.
    :param decompress: for compressed transactions of MySQL; without it these have no tables and are ``lossy``.
    :param file: the file that the first events are of, when no rotate event says it.
    :raises BinlogError: garbage, truncation, an unknown event, or a start amid a transaction. ``context`` has the
        file and the offset.
    """
    framer = Framer(layout_for, rows, decompress, file)
    handlers, other, start = framer.handlers, framer.other, 0
    try:
        for kind, start, end, data in _together(events, framer):
            if kind < 0:
                yield from data
                continue
            handler = handlers.get(kind)
            if handler is None:
                other(kind, data)
                continue
            done = handler(start, end, data)
            if done is not None:
                yield done
    except BinlogError as error:
        if error.where:
            raise
        raise _at(framer.file, start, error.answer, error.advice) from None
    except (*DECODE_ERRORS, zlib.error, RecursionError, MemoryError) as error:
        raise _at(framer.file, start, "%s: %s" % (type(error).__name__, error), "") from None


def _together(events: Union[Iterable[Event], Packets], framer: Framer) -> Iterable[Tuple[int, int, int, Any]]:
    together: Optional[Callable[[Whole], Iterable[Tuple[int, int, int, Any]]]] = getattr(events, "together", None)
    return cast(Iterable[Event], events) if together is None else together(whole(framer))


def _at(file: str, start: int, answer: str, advice: str) -> BinlogError:
    return BinlogError(
        "decode the binlog",
        "%s:%d" % (file, start),
        answer,
        advice or "The binlog is damaged or cut off here; mysqlbinlog (mariadb-binlog) on that server tells which.",
        {"file": file, "position": start},
    )
