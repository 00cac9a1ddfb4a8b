# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other way round of `json_binary`: MySQL's binary form of a document, from the text that the server prints of it.

What the server prints alike becomes alike: a date inside a document becomes the text that it is printed as, and a
decimal number that a double holds exactly becomes that double. The form is that of `json_binary` (MySQL 9.7).
"""

from __future__ import annotations

import json
import struct
from typing import Any, List, Sequence, Tuple

from .columns_info import ColumnInfo
from .columns_json_text import DEPTH, number
from .encode_values import encode

_LITERALS = {None: 0, True: 1, False: 2}
_INLINE_SIZES = {4: 2, 5: 2, 7: 4}
_MOST_SMALL = 0xFFFF
_DECIMAL_TYPE = 246
_DECIMAL_DIGITS = 65
_DECIMAL_SCALE = 30


class _Number(str):
    """A number as it stands in the text."""


def document(text: str) -> bytes:
    """The binary form.

    :param text: the document as the server prints it, or its normal text.
    :raises ValueError: it is no JSON, or holds a number that no document holds.
    """
    tree = json.loads(text, parse_int=_Number, parse_float=_Number, strict=False)
    kind, data = _value(tree, 0)
    return bytes((kind,)) + data


def _value(value: Any, depth: int) -> Tuple[int, bytes]:
    """Type and bytes of a value."""
    if depth > DEPTH:
        raise ValueError("a JSON document of more than %d levels" % DEPTH)
    if isinstance(value, _Number):
        return _number(value)
    if value is None or isinstance(value, bool):
        return 4, bytes((_LITERALS[value],))
    if isinstance(value, str):
        data = value.encode("utf-8")
        return 12, _length(len(data)) + data
    if isinstance(value, dict):
        members = sorted(((name.encode("utf-8"), one) for name, one in value.items()), key=lambda m: (len(m[0]), m[0]))
        return _container([name for name, _one in members], [one for _name, one in members], depth, True)
    return _container([], value, depth, False)


def _number(text: str) -> Tuple[int, bytes]:
    if text.lstrip("-").isdigit():
        whole = int(text)
        for kind, form, low, high in ((5, "<h", -(1 << 15), 1 << 15), (7, "<i", -(1 << 31), 1 << 31),
                                      (9, "<q", -(1 << 63), 1 << 63), (10, "<Q", 0, 1 << 64)):  # fmt: skip
            if low <= whole < high:
                return kind, struct.pack(form, whole)
        return _decimal(text)
    if number(repr(float(text))) == number(text):
        return 11, struct.pack("<d", float(text))
    return _decimal(text)


def _decimal(text: str) -> Tuple[int, bytes]:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    if "e" in digits.lower():
        raise ValueError("not a JSON number: %s" % text[:40])
    whole, _point, fraction = digits.partition(".")
    whole = whole.lstrip("0")
    precision, scale = max(len(whole) + len(fraction), 1), len(fraction)
    if precision > _DECIMAL_DIGITS or scale > _DECIMAL_SCALE:
        raise ValueError("not a JSON number: %s" % text[:40])
    plain = sign + (whole or "0") + ("." + fraction if fraction else "")
    data = bytes((precision, scale)) + encode(plain, _DECIMAL_TYPE, precision + (scale << 8), ColumnInfo())
    return 15, bytes((_DECIMAL_TYPE,)) + _length(len(data)) + data


def _length(number_of: int) -> bytes:
    out = bytearray()
    while True:
        byte, number_of = number_of & 0x7F, number_of >> 7
        out.append(byte | (0x80 if number_of else 0))
        if not number_of:
            return bytes(out)


def _container(names: Sequence[bytes], values: Sequence[Any], depth: int, keyed: bool) -> Tuple[int, bytes]:
    found = [_value(value, depth + 1) for value in values]
    small = _packed(names, found, keyed, False)
    if small is not None:
        return (0 if keyed else 2), small
    large = _packed(names, found, keyed, True)
    if large is None:
        raise ValueError("a JSON document that is too large")
    return (1 if keyed else 3), large


def _packed(names: Sequence[bytes], values: Sequence[Tuple[int, bytes]], keyed: bool, large: bool) -> Any:
    """The bytes of a container; None when its offsets do not fit into two bytes."""
    form, width = ("<I", 4) if large else ("<H", 2)
    at = 2 * width + (len(names) * (width + 2) if keyed else 0) + len(values) * (1 + width)
    most = _MOST_SMALL if not large else 0xFFFFFFFF
    keys: List[bytes] = []
    for name in names:
        if len(name) > _MOST_SMALL:
            raise ValueError("a JSON member with a name of more than 65535 bytes")
        if at > most:
            return None
        keys.append(struct.pack(form, at) + struct.pack("<H", len(name)))
        at += len(name)
    entries: List[bytes] = []
    rest: List[bytes] = []
    for kind, data in values:
        size = _INLINE_SIZES.get(kind, width + 1)
        if size <= width:
            entries.append(bytes((kind,)) + data.ljust(width, b"\xff" if data[-1:] >= b"\x80" and kind != 4 else b"\0"))
            continue
        if at > most:
            return None
        entries.append(bytes((kind,)) + struct.pack(form, at))
        rest.append(data)
        at += len(data)
    if at > most or len(values) > most:
        return None
    head = struct.pack(form, len(values)) + struct.pack(form, at)
    return head + b"".join(keys) + b"".join(entries) + b"".join(names) + b"".join(rest)
