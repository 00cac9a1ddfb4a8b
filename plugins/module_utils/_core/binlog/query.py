# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Query events (statements), what may stand before one (INSERT_ID, RAND, user variables), and their session context.

Source: reference manuals of both engines, "Binary log event structure"; measured on MySQL 5.6 and 9.7, MariaDB 10.11
and 11.8.
"""

from __future__ import annotations

import struct
from typing import Dict, NamedTuple, Optional, Tuple, Union

from .compressed import inflate
from .header import BODY, parse_header

_FIXED = struct.Struct("<IIBHH")
_TEXT = BODY + _FIXED.size
_SCHEMA_SIZE, _STATUS_SIZE = BODY + 8, BODY + 11

Setting = Union[int, str, bytes, float, None, Tuple[int, ...], Tuple[str, ...]]


class Intvar(NamedTuple):
    """The value that INSERT_ID (kind 2) or LAST_INSERT_ID (kind 1) has for the statement that follows."""

    kind: int
    value: int


class Rand(NamedTuple):
    """The seeds of RAND() for the statement that follows."""

    seed1: int
    seed2: int


class UserVar(NamedTuple):
    """A user variable that the statement that follows reads; ``value`` as stored, None for NULL."""

    name: str
    value: Optional[bytes]
    type: int
    collation: int
    unsigned: bool


Context = Union[Intvar, Rand, UserVar]


class QueryEvent(NamedTuple):
    """A statement as the binlog holds it.

    :param text: the statement; bytes that are no UTF-8 are shown as backslash escapes.
    :param start: where the event begins in its file; inside a compressed transaction, where that begins.
    :param error_code: the error that the statement ended with on the source, which the replica expects to see too.
    :param status: the session context as stored; `status_variables` reads it.
    :param context: INSERT_ID, RAND seeds and user variables that the binlog sets before the statement.
    """

    schema: str
    text: str
    start: int
    end: int
    timestamp: int
    server_id: int
    thread_id: int
    error_code: int
    status: bytes
    context: Tuple[Context, ...] = ()


def statement_bytes(data: bytes, compressed: bool = False) -> bytes:
    """The statement of a query event, as bytes. Raises struct.error or ValueError when the event is cut off."""
    _thread, _seconds, schema_size, _error, status_size = _FIXED.unpack_from(data, BODY)
    at = _TEXT + status_size + schema_size
    if data[at : at + 1] != b"\0":
        raise ValueError("the schema of a query event does not end where it should")
    return inflate(data, at + 1) if compressed else data[at + 1 :]


def is_begin(data: bytes) -> bool:
    """Whether the statement of a query event, which ends in BEGIN behind a zero, is nothing else.

    :raises IndexError: the event is cut off.
    """
    return len(data) == _TEXT + data[_SCHEMA_SIZE] + (data[_STATUS_SIZE] | data[_STATUS_SIZE + 1] << 8) + 6


def parse_query(
    data: bytes, start: int, end: int, text: bytes, context: Tuple[Context, ...] = (), extra: int = 0
) -> QueryEvent:
    """A query event whose statement `statement_bytes` has found.

    :param extra: bytes that the event has between its fixed part and its context (LOAD DATA).
    :raises struct.error: the event is cut off.
    """
    thread_id, _seconds, schema_size, error, status_size = _FIXED.unpack_from(data, BODY)
    at = _TEXT + extra + status_size
    header = parse_header(data)
    return QueryEvent(
        data[at : at + schema_size].decode("utf-8", "backslashreplace"),
        text.decode("utf-8", "backslashreplace"),
        start,
        end,
        header.timestamp,
        header.server_id,
        thread_id,
        error,
        data[_TEXT + extra : at],
        context,
    )


# A LOAD DATA statement has 4 numbers for the name of its file before its context (reference manual, "LOAD DATA").
LOAD_EXTRA = 13


def load_statement_bytes(data: bytes) -> bytes:
    """The statement of an Execute_load_query event. Raises struct.error when the event is cut off."""
    _thread, _seconds, schema_size, _error, status_size = _FIXED.unpack_from(data, BODY)
    return data[_TEXT + LOAD_EXTRA + status_size + schema_size + 1 :]


def parse_intvar(data: bytes) -> Intvar:
    """INSERT_ID or LAST_INSERT_ID. Raises struct.error when cut off."""
    return Intvar(*struct.unpack_from("<BQ", data, BODY))


def parse_rand(data: bytes) -> Rand:
    """The seeds. Raises struct.error when cut off."""
    return Rand(*struct.unpack_from("<QQ", data, BODY))


def parse_user_var(data: bytes) -> UserVar:
    """A user variable. Raises struct.error or ValueError when cut off."""
    (size,) = struct.unpack_from("<I", data, BODY)
    at = BODY + 4 + size
    name = data[BODY + 4 : at].decode("utf-8", "backslashreplace")
    if data[at]:
        return UserVar(name, None, 0, 0, False)
    kind, collation, length = struct.unpack_from("<BII", data, at + 1)
    end = at + 10 + length
    if end > len(data):
        raise ValueError("a user variable is cut off")
    return UserVar(name, data[at + 10 : end], kind, collation, bool(data[end] & 1) if end < len(data) else False)


# Number: (name, form). A form is one for `struct`, or the name of a reader below.
_COMMON: Dict[int, Tuple[str, str]] = {
    0: ("flags", "<I"),
    1: ("sql_mode", "<Q"),
    2: ("catalog", "terminated"),
    3: ("auto_increment", "<HH"),
    4: ("character_sets", "<HHH"),
    5: ("time_zone", "text"),
    6: ("catalog", "text"),
    7: ("lc_time_names", "<H"),
    8: ("collation_database", "<H"),
    9: ("table_map_for_update", "<Q"),
    10: ("source_data_written", "<I"),
    11: ("definer", "texts"),
    12: ("updated_schemas", "names"),
    13: ("microseconds", "3"),
    16: ("explicit_defaults_for_timestamp", "<B"),
    17: ("ddl_xid", "<Q"),
    18: ("default_collation_for_utf8mb4", "<H"),
    19: ("sql_require_primary_key", "<B"),
    20: ("default_table_encryption", "<B"),
    21: ("enable_cascade_triggers", "<B"),
    128: ("microseconds", "3"),
    129: ("ddl_xid", "<Q"),
    131: ("character_set_collations", "pairs"),
}
_NO_NAMES = 254


def status_variables(status: bytes) -> Dict[str, Setting]:
    """The session context of a statement by name; ``unknown`` holds the bytes from the first that is not known on.

    A single number stands as itself, several as a tuple. Nothing is raised: what is cut off is unknown.
    """
    found: Dict[str, Setting] = {}
    pos = 0
    while pos < len(status):
        name, form = _COMMON.get(status[pos], ("", ""))
        try:
            if not name:
                raise ValueError("not known")
            value, end = _setting(status, pos + 1, form)
            if end > len(status):
                raise ValueError("cut off")
        except (struct.error, IndexError, ValueError):
            found["unknown"] = status[pos:]
            return found
        found[name], pos = value, end
    return found


def _setting(status: bytes, pos: int, form: str) -> Tuple[Setting, int]:
    if form.startswith("<"):
        numbers = struct.unpack_from(form, status, pos)
        return (numbers[0] if len(numbers) == 1 else numbers), pos + struct.calcsize(form)
    if form == "3":
        return int.from_bytes(status[pos : pos + 3], "little"), pos + 3
    if form == "pairs":
        count = status[pos]
        return struct.unpack_from("<%dH" % (2 * count), status, pos + 1), pos + 1 + 4 * count
    if form == "names":
        return _names(status, pos)
    texts, end = [], pos
    for _unused in range(2 if form == "texts" else 1):
        begin = end + 1
        end = begin + status[end]
        texts.append(status[begin:end].decode("utf-8", "backslashreplace"))
    if form == "terminated":
        end += 1
    return (tuple(texts) if form == "texts" else texts[0]), end


def _names(status: bytes, pos: int) -> Tuple[Setting, int]:
    count = status[pos]
    pos += 1
    names = []
    for _unused in range(0 if count == _NO_NAMES else count):
        end = status.index(b"\0", pos)
        names.append(status[pos:end].decode("utf-8", "backslashreplace"))
        pos = end + 1
    return tuple(names), pos
