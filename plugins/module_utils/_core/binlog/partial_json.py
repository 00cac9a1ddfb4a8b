# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Updates whose after image holds only what changed in its JSON documents (``binlog_row_value_options``).

Source: reference manual of MySQL 8.0 and later, "Partial Updates of JSON Values"; measured on MySQL 9.7.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Tuple

from . import columns_json
from .canonical import ABSENT
from .columns import JSON
from .columns_info import Decoder, Value
from .header import broken
from .packed import packed_integer

Image = Tuple[Value, ...]
Reader = Callable[[bytes, int], Tuple[Image, int]]

_PARTIAL = 1
_LENGTH_SIZE = 4


class AfterImages:
    """Reads the after images of one table's partial updates.

    :param type_codes: of all columns of the table.
    :param decoders: of all columns of the table.
    :param columns: positions of those that the images hold.
    """

    def __init__(self, type_codes: bytes, decoders: Sequence[Decoder], columns: Sequence[int]) -> None:
        self._decoders = decoders
        self._columns = columns
        # One bit for each JSON column of the table, whether or not the image holds it (measured on 9.7).
        self._bit_of: Dict[int, int] = {}
        for column, code in enumerate(type_codes):
            if code == JSON:
                self._bit_of[column] = len(self._bit_of)

    def read(self, data: bytes, pos: int, before: Image) -> Tuple[Image, int, bool]:
        """The image at an offset, the next offset, and whether a document's change could not be applied.

        Such a document, whose former state the before image does not hold, is ABSENT.

        :raises BinlogError: an update that does not fit its document.
        :raises IndexError: the image is cut off.
        """
        options, pos = packed_integer(data, pos)
        bits = b""
        if options & _PARTIAL:
            end = pos + (len(self._bit_of) + 7) // 8
            bits, pos = data[pos:end], end
        end = pos + (len(self._columns) + 7) // 8
        nulls, pos = data[pos:end], end
        if end > len(data):
            raise broken("a partial update is cut off")
        values: List[Value] = [ABSENT] * len(self._decoders)
        lacking = False
        for number, column in enumerate(self._columns):
            bit = self._bit_of.get(column, -1)
            if nulls[number >> 3] >> (number & 7) & 1:
                values[column] = None
            elif bits and bit >= 0 and bits[bit >> 3] >> (bit & 7) & 1:
                values[column], pos = _changed(data, pos, before[column])
                lacking = lacking or values[column] is ABSENT
            else:
                values[column], pos = self._decoders[column](data, pos)
        return tuple(values), pos, lacking


def _changed(data: bytes, pos: int, before: Value) -> Tuple[Value, int]:
    end = pos + _LENGTH_SIZE + int.from_bytes(data[pos : pos + _LENGTH_SIZE], "little")
    if end > len(data):
        raise broken("the change of a JSON document is cut off")
    if not isinstance(before, columns_json.Json):
        return ABSENT, end
    return columns_json.updated(before, data[pos + _LENGTH_SIZE : end]), end
