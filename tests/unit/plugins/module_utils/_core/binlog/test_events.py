# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers, format descriptions, packed numbers, statements' context, MariaDB's compression, payload containers."""

from __future__ import annotations

import struct
import zlib

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import format as format_event
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import header, packed, query
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.compressed import inflate
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.payload import inner_events
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from hypothesis import given
from hypothesis import strategies as st
from unit.binlogs import NAMES, decoded, event, events, saved_payload, u64

NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))


def variable(number: int) -> bytes:
    """A number as MySQL's serialization library writes it."""
    for more in range(8):
        if number < 1 << 7 * (more + 1):
            return (number << (more + 1) | (1 << more) - 1).to_bytes(more + 1, "little")
    return b"\xff" + number.to_bytes(8, "little")


@given(NUMBERS)
def test_variable_integers(number: int) -> None:
    data = b"?" + variable(number)
    assert packed.variable_integer(data + b"more", 1) == (number, len(data))
    signed = (number >> 1) if not number & 1 else -(number >> 1) - 1
    assert packed.variable_signed(data, 1) == (signed, len(data))
    with pytest.raises(IndexError):
        packed.variable_integer(data[:-1], 1)


@given(NUMBERS)
def test_packed_integers(number: int) -> None:
    size = 0 if number < 251 else 2 if number < 1 << 16 else 3 if number < 1 << 24 else 8
    data = (
        number.to_bytes(1, "little")
        if not size
        else bytes(({2: 252, 3: 253, 8: 254}[size],)) + number.to_bytes(size, "little")
    )
    assert packed.packed_integer(data + b"more", 0) == (number, len(data))
    with pytest.raises(IndexError):
        packed.packed_integer(data[:-1], 0)


def test_packed_integers_that_are_none() -> None:
    for first in (251, 255):
        with pytest.raises(ValueError):
            packed.packed_integer(bytes((first,)) + bytes(9), 0)
    with pytest.raises(IndexError):
        packed.packed_bytes(b"\5abc", 0)


@pytest.mark.parametrize("name", NAMES)
def test_format_descriptions_of_every_flavour(name: str) -> None:
    kind, start, _end, data = events(name)[0]
    form = format_event.parse_format(data)
    assert (kind, start) == (header.FORMAT_DESCRIPTION, 4)
    assert form.mariadb == name.startswith("mariadb") and name.split("-")[1] in form.server_version
    assert form.checksum == (name not in ("mysql-5.6-anonymous", "mysql-9.7-anonymous", "mariadb-11.8"))
    assert form.post_header_length(header.TABLE_MAP) == 8
    assert form.post_header_length(250) == 0


def test_a_format_description_of_another_version_is_an_error() -> None:
    good = events("mysql-9.7")[0][3]
    for place, value in ((header.BODY, 3), (header.BODY + 56, 27), (len(good) - 5, 9)):
        with pytest.raises(BinlogError, match="the format description says"):
            format_event.parse_format(good[:place] + bytes((value,)) + good[place + 1 :])
    with pytest.raises(BinlogError):
        format_event.parse_format(good[:60])


def test_a_rotate_event_names_a_file() -> None:
    assert format_event.parse_rotate(event(header.ROTATE, u64(4) + b"binlog.000003")[3]) == format_event.Rotate(
        "binlog.000003", 4
    )
    for name in (b"", b"a\0b", b"x" * 600):
        with pytest.raises(BinlogError):
            format_event.parse_rotate(event(header.ROTATE, u64(4) + name)[3])


def test_a_header_that_is_cut_off_is_an_error() -> None:
    data = event(header.XID, u64(1))[3]
    assert header.parse_header(data).size == len(data)
    with pytest.raises(BinlogError):
        header.parse_header(data[:18])


@pytest.mark.parametrize("name", NAMES)
def test_the_context_of_real_statements_is_known_to_the_end(name: str) -> None:
    said = [statement for one in decoded(name) for statement in one.statements]
    contexts = [query.status_variables(statement.status) for statement in said]
    assert len(said) > 5 and not [context for context in contexts if "unknown" in context]
    assert all({"flags", "sql_mode", "character_sets"} <= set(context) for context in contexts)


def test_context_variables_by_hand() -> None:
    status = (
        b"\0" + struct.pack("<I", 1) + b"\3" + struct.pack("<HH", 2, 1) + b"\5\6+00:00" + b"\6\3std"
        + b"\13\4root\1%" + b"\14\2one\0two\0" + b"\15\1\2\3"
    )  # fmt: skip
    assert query.status_variables(status) == {
        "flags": 1,
        "auto_increment": (2, 1),
        "time_zone": "+00:00",
        "catalog": "std",
        "definer": ("root", "%"),
        "updated_schemas": ("one", "two"),
        "microseconds": 0x030201,
    }
    assert query.status_variables(status + b"\xee1234") == {
        **query.status_variables(status),
        "unknown": b"\xee1234",
    }


@given(st.binary(max_size=40))
def test_any_context_is_read_or_unknown(status: bytes) -> None:
    assert isinstance(query.status_variables(status), dict)


def squeezed(content: bytes, claimed: int, size: int = 2, mark: int = 0x80) -> bytes:
    return bytes((mark | size,)) + claimed.to_bytes(size, "big") + zlib.compress(content)


def test_what_mariadb_compresses() -> None:
    assert inflate(b"??" + squeezed(b"text" * 50, 200), 2) == b"text" * 50


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x82",
        squeezed(b"text", 5),  # says more than it has
        squeezed(b"text" * 9, 5),  # and less
        squeezed(b"text", 4, mark=0),
        squeezed(b"text", 4, mark=0xF0),
        squeezed(bytes(1 << 20), 1 << 31, size=4),  # a length nobody could have compressed to this
        squeezed(b"text", 4)[:-3],
        b"\x82\0\4garbage",
    ],
)
def test_compressed_parts_that_lie_are_errors(data: bytes) -> None:
    with pytest.raises(BinlogError):
        inflate(data, 0)


(PAYLOAD,) = [data for kind, _start, _end, data in events("mysql-9.7") if kind == header.TRANSACTION_PAYLOAD]


def test_a_payload_holds_the_events_of_a_transaction() -> None:
    kinds = [kind for kind, _data in inner_events(PAYLOAD, saved_payload("mysql-9.7"))]
    assert kinds[0] == header.QUERY and kinds[-1] == header.XID and header.UPDATE_ROWS in kinds


def test_a_payload_that_is_not_compressed() -> None:
    (xid,) = [event(header.XID, u64(5))[3]]
    body = b"\2\3\xfc\xff\0" + b"\1\1" + bytes((len(xid),)) + b"\0" + xid
    assert list(inner_events(event(header.TRANSACTION_PAYLOAD, body)[3], lambda data, size: b"")) == [(header.XID, xid)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\1\1\7\0abc", "has 3 bytes and says 7"),
        (b"\2\1\5\0abc", "in the unknown way 5"),
        (b"\2\1\0\3\5\xfd\xff\xff\xff\0\0abc", "claims 16777215 bytes from"),
        (b"\2\1\0\3\1\7\0abc", "has 0 bytes and not 7"),
        (b"\0abc", "an event has 3 bytes"),
        (b"\0" + bytes(19), "is cut off"),
    ],
)
def test_payloads_that_lie_are_errors(body: bytes, words: str) -> None:
    with pytest.raises(BinlogError, match=words):
        list(inner_events(event(header.TRANSACTION_PAYLOAD, body)[3], lambda data, size: b""))
