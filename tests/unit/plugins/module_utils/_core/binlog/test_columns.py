# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders of column values: bytes that real servers wrote, every layout of decimals, and damaged bytes."""

from __future__ import annotations

import struct
import zlib
from typing import Any, List, Tuple

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import columns_number, columns_text
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import (
    DECODE_ERRORS,
    ColumnInfo,
    column_decoder,
    described,
    string_length,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import Json
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_time import Texts
from hypothesis import given, settings
from hypothesis import strategies as st

PLAIN = ColumnInfo()
UNSIGNED = ColumnInfo(unsigned=True)


def decode(code: int, metadata: int, data: bytes, column: ColumnInfo = PLAIN) -> Any:
    """The value of bytes that stand amid others, all of which it must take."""
    value, end = column_decoder(code, metadata, column)(b"\xaa" + data + b"\xaa" * 3, 1)
    assert end == 1 + len(data)
    return value


def image(types: List[Tuple[int, int, ColumnInfo]], data: str) -> List[Any]:
    """A whole row image behind its bitmap of NULLs."""
    raw, offset, values = bytes.fromhex(data), 0, []
    for code, metadata, column in types:
        value, offset = column_decoder(code, metadata, column)(raw, offset)
        values.append(value)
    assert offset == len(raw)
    return values


@pytest.mark.parametrize(
    ("code", "data", "signed", "unsigned"),
    [
        (1, "ff", -1, 255),
        (2, "0080", -32768, 32768),
        (9, "ffff7f", 8388607, 8388607),
        (9, "000080", -8388608, 8388608),
        (3, "feffffff", -2, 4294967294),
        (8, "ffffffffffffff7f", 2**63 - 1, 2**63 - 1),
        (8, "0000000000000080", -(2**63), 2**63),
    ],
)
def test_integers(code: int, data: str, signed: int, unsigned: int) -> None:
    assert decode(code, 0, bytes.fromhex(data)) == signed
    assert decode(code, 0, bytes.fromhex(data), UNSIGNED) == unsigned


def test_floating_point_numbers_are_their_bits() -> None:
    minus_zero = struct.pack("<d", -0.0)
    assert decode(5, 8, minus_zero) == minus_zero != decode(5, 8, struct.pack("<d", 0.0))
    assert decode(4, 4, struct.pack("<f", 1.5)) == struct.pack("<f", 1.5)


def test_years_bits_and_members() -> None:
    assert decode(13, 0, b"\x00") == 0
    assert decode(13, 0, b"\x7e") == 2026
    assert decode(16, 3 | 1 << 8, b"\x05\xff") == 0x05FF
    assert decode(16, 0 | 8 << 8, b"\x80" + b"\0" * 7) == 1 << 63
    assert decode(254, 247 | 2 << 8, b"\x2c\x01") == 300
    assert decode(254, 248 | 8 << 8, b"\x01" + b"\0" * 6 + b"\x80") == 1 | 1 << 63


def test_decimal_as_the_manual_shows_it() -> None:
    assert decode(246, 14 | 4 << 8, bytes.fromhex("810dfb38d204d2")) == "1234567890.1234"
    assert decode(246, 14 | 4 << 8, bytes.fromhex("7ef204c72dfb2d")) == "-1234567890.1234"


def packed_decimal(negative: bool, digits: str, scale: int) -> bytes:
    """The bytes of a decimal, made group by group: an independent way to the format."""
    sizes = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
    before, after = digits[: len(digits) - scale], digits[len(digits) - scale :]
    first = len(before) % 9
    groups = ([before[:first]] if first else []) + [before[n : n + 9] for n in range(first, len(before), 9)]
    groups += [after[n : n + 9] for n in range(0, len(after), 9)]
    data = bytearray(b"".join(int(group).to_bytes(sizes[len(group)], "big") for group in groups))
    if negative:
        data = bytearray(byte ^ 0xFF for byte in data)
    data[0] ^= 0x80
    return bytes(data)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_decimals_of_every_precision_and_scale(data: st.DataObject) -> None:
    precision = data.draw(st.integers(1, 65))
    scale = data.draw(st.integers(0, min(30, precision)))
    digits = data.draw(st.text("0123456789", min_size=precision, max_size=precision))
    negative = data.draw(st.booleans())
    whole = str(int(digits[: precision - scale] or "0"))
    wanted = whole + ("." + digits[precision - scale :] if scale else "")
    if negative and digits.strip("0"):
        wanted = "-" + wanted
    assert decode(246, precision | scale << 8, packed_decimal(negative, digits, scale)) == wanted


NEW_TIMES = [(10, 0), (19, 0), (19, 3), (19, 6), (18, 0), (18, 1), (18, 3), (18, 6), (17, 0), (17, 1), (17, 4), (17, 6)]
OLD_TIMES = [(10, ""), (11, "time"), (11, "time(3)"), (11, "time(6)"), (12, "datetime"), (12, "datetime(1)")]
OLD_TIMES += [(12, "datetime(3)"), (12, "datetime(6)"), (7, "timestamp"), (7, "timestamp(1)"), (7, "timestamp(4)")]
OLD_TIMES += [(7, "timestamp(6)")]
FIRST = ["2020-02-03", "12:13:14", "12:13:14.567", "12:13:14.567891", "2020-02-03 12:13:14", "2020-02-03 12:13:14.5"]
FIRST += ["2020-02-03 12:13:14.567", "2020-02-03 12:13:14.567891", "2020-02-03 12:13:14", "2020-02-03 12:13:14.5"]
FIRST += ["2020-02-03 12:13:14.5678", "2020-02-03 12:13:14.567891"]
SECOND = ["0000-00-00", "-12:13:14", "-12:13:14.567", "-838:59:59.999999", "0000-00-00 00:00:00"]
SECOND += ["9999-12-31 23:59:59.9", "0000-00-00 00:00:00.000", "9999-12-31 23:59:59.999999", "0000-00-00 00:00:00"]
SECOND += ["0000-00-00 00:00:00.0", "1970-01-01 00:00:00.5000", "1970-01-01 00:00:01.000000"]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (
            "43c80f80c34e80c34e162680c34e08aa5399a586c34e99a586c34e3299a586c34e162699a586c34e08aa53"
            "5e380e5a5e380e5a325e380e5a162e5e380e5a08aa53",
            FIRST,
        ),
        (
            "0000007f3cb27f3cb1e9da4b9104f0bdc18000000000fef3ff7efb5a80000000000000fef3ff7efb0f423f"
            "00000000000000000000000000138800000001000000",
            SECOND,
        ),
    ],
)
def test_times_that_mariadb_wrote(data: str, wanted: List[str]) -> None:
    assert image([(code, digits, PLAIN) for code, digits in NEW_TIMES], data) == wanted


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (
            "43c80fe2d90100b6a6f34702c97c2650d3a272ee395f12000000a90e9f8389004209b64f61c70101f5f02615f4d3"
            "5a0e385e5e380e5a055e380e5a162e5e380e5a08aa53",
            FIRST,
        ),
        (
            "0000001e26fe00b16857b900000000000100000000000000000344d965ffff0000000000000004fcee3943bfffff"
            "00000000000000000000000000138800000001000000",
            SECOND,
        ),
    ],
)
def test_times_of_the_old_form_that_mariadb_wrote(data: str, wanted: List[str]) -> None:
    assert image([(code, 0, ColumnInfo(column_type=shown)) for code, shown in OLD_TIMES], data) == wanted


def test_texts_are_forgotten_before_they_fill_the_memory() -> None:
    texts = Texts(str)
    for number in range(1 << 18):
        assert texts[number] == str(number)
    assert len(texts) <= 1 << 17


def test_text_and_bytes() -> None:
    assert decode(15, 255, b"\x02ab") == b"ab"
    assert decode(15, 256, b"\x02\x00ab") == b"ab"
    assert decode(254, 254 | 12 << 8, b"\x01x") == b"x"
    for size, prefix in ((1, b"\x02"), (2, b"\x02\0"), (3, b"\x02\0\0"), (4, b"\x02\0\0\0")):
        assert decode(252, size, prefix + b"\0 ") == b"\0 "
    assert decode(255, 4, b"\x01\0\0\0g") == b"g"
    assert decode(242, 4, b"\x04\0\0\0" + struct.pack("<f", 1.0)) == struct.pack("<f", 1.0)


def test_a_long_char_keeps_its_length_in_the_byte_of_its_type() -> None:
    # CHAR(255) of utf8mb4 has 1020 bytes: 0x3fc, whose two high bits stand, turned, in 0xfe.
    metadata = (0xFE ^ 0x30) | 0xFC << 8
    assert string_length(metadata) == 1020
    assert decode(254, metadata, b"\x01\x00x") == b"x"
    assert string_length(0xFE | 0xFF << 8) == 255


def test_zeros_at_the_end_of_bytes_of_fixed_length_are_as_select_shows_them() -> None:
    assert decode(254, 254 | 4 << 8, b"\x01a", ColumnInfo(charset="binary")) == b"a\0\0\0"
    assert decode(254, 254 | 4 << 8, b"\x00", ColumnInfo(data_type="inet4")) == bytes(4)
    assert decode(254, 254 | 4 << 8, b"\x01a", ColumnInfo(charset="latin1")) == b"a"


def test_compressed_columns_that_mariadb_wrote() -> None:
    assert decode(141, 401, bytes.fromhex("080089644b4ca43d0000")) == b"a" * 100
    assert decode(140, 2, bytes.fromhex("080089c84b4a1a1e0000")) == b"b" * 200
    assert decode(141, 12001, bytes.fromhex("060000") + b"short") == b"short"
    assert decode(140, 4, bytes(4)) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\x40abc",
        b"\x89\x64",
        b"\x89\x64\xff\xff",
        b"\x89\x05" + zlib.compress(b"a" * 100)[2:],
        b"\x8f" + b"\xff" * 7,
        b"\x8c\x40\x00\x00\x01" + zlib.compress(b"a")[2:],
    ],
)
def test_damaged_compressed_columns(data: bytes) -> None:
    with pytest.raises(ValueError, match="compressed"):
        columns_text.decompress(data)


def test_a_compressed_column_with_the_wrapper_of_zlib() -> None:
    packed = b"\x81\x64" + zlib.compress(b"a" * 100)
    assert columns_text.decompress(packed) == b"a" * 100


def test_documents_are_left_alone_until_they_are_needed() -> None:
    value = decode(245, 4, b"\x02\0\0\0\xff\xff")
    assert isinstance(value, Json)


@pytest.mark.parametrize(
    ("code", "metadata"),
    [(0, 0), (6, 0), (20, 0), (139, 0), (243, 0), (246, 0), (246, 5 | 6 << 8), (246, 66), (252, 0), (252, 5), (245, 9),
     (18, 7), (19, 7), (17, 255), (254, 247), (254, 248 | 9 << 8)],
)  # fmt: skip
def test_what_no_column_can_be(code: int, metadata: int) -> None:
    with pytest.raises(ValueError, match=r"decimal|type|length|fraction|enum"):
        column_decoder(code, metadata, PLAIN)


def test_the_size_of_a_decimal() -> None:
    assert [columns_number.decimal_size(*shape) for shape in ((14, 4), (65, 30), (1, 0), (1, 1))] == [7, 30, 1, 1]


CASES = [
    *((code, 0) for code in (1, 2, 3, 8, 9, 13, 7, 10, 11, 12, 14)),
    *((code, size) for code in (140, 249, 252, 245, 242, 255) for size in (1, 2, 3, 4)),
    *((code, digits) for code in (17, 18, 19) for digits in range(7)),
    *((15, 10), (15, 300), (141, 10), (141, 300), (253, 10), (4, 4), (5, 8), (16, 3 | 1 << 8)),
    *((246, 12 | 2 << 8), (246, 65 | 30 << 8), (246, 9), (246, 5 | 2 << 8), (246, 18 | 4 << 8)),
    *((254, 254 | 5 << 8), (254, 247 | 1 << 8), (254, 248 | 8 << 8), (254, 0xCE | 0x10 << 8)),
]


@given(st.sampled_from(CASES), st.binary(max_size=24), st.sampled_from(["", "datetime(6)", "time(3)", "timestamp(2)"]))
@settings(max_examples=1500, deadline=None)
def test_garbage_ends_in_a_value_or_a_documented_error(case: Tuple[int, int], data: bytes, shown: str) -> None:
    decoder = column_decoder(*case, ColumnInfo(column_type=shown))
    try:
        value, end = decoder(data, 0)
    except DECODE_ERRORS:
        return
    assert end > 0
    hash(value if not isinstance(value, Json) else end)
    assert value is not None


def test_what_a_table_map_alone_says_of_a_column() -> None:
    assert described("a", 252, 3, False).data_type == "mediumtext"
    assert described("a", 252, 2, True).data_type == "blob"
    assert described("a", 15, 10, True).data_type == "varbinary"
    assert described("a", 254, 254 | 9 << 8, True) == ColumnInfo("a", data_type="binary", charset="binary")
    assert described("a", 254, 247 | 1 << 8, False).data_type == "enum"
    assert described("a", 17, 3, False).data_type == "timestamp"
