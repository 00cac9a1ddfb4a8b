# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What MariaDB compresses inside single events: one byte of algorithm and size of the length, the length, zlib.

Source: MariaDB's documentation of ``log_bin_compress``; measured on MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import zlib

from .header import broken

# zlib cannot make more of its input (its manual, "Maximum Expansion Factor"); what claims more is no honest length.
_MOST_EXPANSION = 1040
# max_allowed_packet is 1 GiB at most.
_LONGEST = 1 << 30


def inflate(data: bytes, pos: int) -> bytes:
    """The content of the compressed part that begins at an offset and goes to the end.

    :raises BinlogError: it is not compressed in a way that is known, or has another length than it says.
    """
    if pos >= len(data):
        raise broken("a compressed event ends before its content")
    mark = data[pos]
    size = mark & 7
    if not mark & 0x80 or mark >> 4 & 7 or not 1 <= size <= 4:
        raise broken("a compressed event has the unknown form 0x%02x" % mark)
    begin = pos + 1 + size
    length = int.from_bytes(data[pos + 1 : begin], "big")
    if length > min((len(data) - begin) * _MOST_EXPANSION, _LONGEST):
        raise broken("a compressed event claims %d bytes from %d" % (length, len(data) - begin))
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data[begin:], length + 1)
    except zlib.error as error:
        raise broken("a compressed event is damaged (%s)" % error) from None
    if len(content) != length or not inflater.eof:
        raise broken("a compressed event does not have the length it says")
    return content
