# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known about a column beyond its type code, and what a value of a binlog image can be."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple

Value = Any
Decoder = Callable[[bytes, int], Tuple[Value, int]]

# What a decoder raises on damaged input besides BinlogError. They are not caught for each value, as that would cost
# more than the decoding: whoever walks the rows of an event catches them once for the event, and checks after each
# row that the offset is not beyond the event's end (a slice at the end is short without an error).
DECODE_ERRORS = (struct.error, IndexError, ValueError, KeyError, OverflowError)


@dataclass(frozen=True)
class ColumnInfo:
    """A column as information_schema.COLUMNS or the binlog's own metadata describes it; '' and None: not known.

    :param unsigned: of a number.
    :param charset: of text; ``binary`` for bytes.
    :param length: the longest value in bytes.
    :param column_type: as SHOW says: ``enum('a','b')``, ``binary(16)``, ``uuid``.
    :param data_type: ``varchar``; in lower case.
    :param generated: ``STORED`` or ``VIRTUAL``.
    """

    name: str = ""
    unsigned: bool = False
    charset: str = ""
    collation: str = ""
    length: Optional[int] = None
    column_type: str = ""
    data_type: str = ""
    generated: str = ""
    invisible: bool = False
