# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of MySQL: documents that MySQL 9.7 wrote beside their text, partial updates, and hostile documents."""

from __future__ import annotations

import json
import struct
from typing import Any, List

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog import json_binary
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_info import DECODE_ERRORS
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import (
    Json,
    printed,
    stored,
    updated,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json_text import (
    normal,
    number,
    quoted,
    render,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError
from hypothesis import example, given, settings
from hypothesis import strategies as st

# What MySQL 9.7 wrote into its binlog, and what SELECT returned of it.
NUMBERS = (
    "021000a3000501000f34000b3a000b42000b4a000b52000b5a000b62000f6a000f73000a7b000983000b8b000b9300079b00079f00f60402"
    "018100000000000000f83f408cb5781daf1544000000000000f03f000000000000008048afbc9af2d77a3edabc047e3ac51a44f6070b0280"
    "00000132f60609007fffff9bffffffffffffffff0000000000000080ffffffffffffefff010000000000000070110100c063ffff"
)
NUMBERS_TEXT = (
    "[1, 1.0, 1.5, 1e20, 1.0, -0.0, 0.0000001, 1.2345678901234568e20, 1.50, -100, 18446744073709551615,"
    " -9223372036854775808, -1.7976931348623157e308, 5e-324, 70000, -40000]"
)
OPAQUE = (
    "0208007b000f1c000f26000f30000f3a000f3d000401000402000400000a08000000000044a5190b0858bcfa335dffffff0c08a08601cca2"
    "44a5190f01050f3c" + "61" * 60
)
OPAQUE_TEXT = (
    '["2020-01-02", "-10:11:12.345000", "2020-01-02 10:11:12.100000", "base64:type15:BQ==",'
    ' "base64:type15:YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\\nYWFh",'
    " true, false, null]"
)
NESTED = (
    "0004004a00200000002000010021000200230003000500000c2600050100002e006162626363630771010a225cc3a902001c001200010013"
    "00010002140000180078790000040000000400"
)
NESTED_TEXT = '{"": 0, "a": "q\\u0001\\n\\"\\\\é", "bb": 1, "ccc": {"x": [], "y": {}}}'
LARGE = (
    "0102000000ac1101001e00000001001f000000040002230000000c390000006e6c6f6e6702001600090a00071200000000800000000070"
    "110100f0a204" + "79" * 70000
)
LARGE_TEXT = '{"n": [2147483648, 70000], "long": "%s"}' % ("y" * 70000)
CHANGED = "0003007400190001001a0001001b000300050100021e00002b00616263206403000d0005010005020005030001004900" + (
    "0b0001000c0c00783c" + "78" * 60
)
CHANGES = (
    ("0003242e6103050200", '{"a": 2, "b": [1, 2, 3], "c d": {"x": "%s"}}'),
    ("0104242e7a7a03050200", '{"a": 2, "b": [1, 2, 3], "zz": 2, "c d": {"x": "%s"}}'),
    ("0106242e625b315d03050700", '{"a": 2, "b": [1, 7, 2, 3], "zz": 2, "c d": {"x": "%s"}}'),
    ("0209242e22632064222e780206242e625b305d", '{"a": 2, "b": [7, 2, 3], "zz": 2, "c d": {}}'),
    (
        "0107242e625b35305d030507000003242e610b0202000a00050200050900",
        '{"a": [2, 9], "b": [7, 2, 3, 7], "zz": 2, "c d": {}}',
    ),
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (NUMBERS, NUMBERS_TEXT),
        (OPAQUE, OPAQUE_TEXT),
        (NESTED, NESTED_TEXT),
        (LARGE, LARGE_TEXT),
        ("0c03616263", '"abc"'),
        ("0400", "null"),
        ("050c00", "12"),
        ("0ff6080c038000000c0154", "12.340"),
        ("", "null"),
    ],
)
def test_a_document_is_the_same_from_the_binlog_and_from_select(data: str, text: str) -> None:
    binary, shown = Json(bytes.fromhex(data)), printed(text.encode("utf-8"))
    assert binary == shown and shown == binary
    assert binary == shown.text and hash(binary) == hash(shown) == hash(str(binary))
    assert binary != printed(b'"something else"') and binary != 1 and binary != b""


def test_the_values_are_those_of_the_document() -> None:
    assert json.loads(Json(bytes.fromhex(NESTED)).text) == {
        "": 0,
        "a": 'q\x01\n"\\é',
        "bb": 1,
        "ccc": {"x": [], "y": {}},
    }
    assert json.loads(Json(bytes.fromhex(NUMBERS)).text)[:4] == [1, 1.0, 1.5, 1e20]
    assert repr(Json(bytes.fromhex("050c00"))) == "Json('12')"


def test_partial_updates_one_after_another() -> None:
    document = Json(bytes.fromhex(CHANGED))
    for difference, text in CHANGES:
        wanted = printed((text % ("x" * 60) if "%s" in text else text).encode())
        document = updated(document, bytes.fromhex(difference))
        assert document == wanted


def test_a_partial_update_leaves_the_document_before_as_it_was() -> None:
    before = Json(bytes.fromhex(CHANGED))
    once = updated(before, bytes.fromhex(CHANGES[0][0]))
    updated(once, bytes.fromhex(CHANGES[1][0]))
    assert before == Json(bytes.fromhex(CHANGED)) and '"zz"' not in once.text


def test_a_partial_update_of_the_whole_document() -> None:
    assert updated(Json(bytes.fromhex("050c00")), b"\x00\x01$\x03" + bytes.fromhex("050d00")) == "13"


@pytest.mark.parametrize(
    "difference",
    [
        "00",
        "0003242e6103",
        "0003242e6a03050200",
        "0103242e6103050200",
        "0203242e6a",
        "0203242e61ff",
        "0305242e62030502",
        "0303242e6103050200",
        "0003242e62ff",
        "0002612e03050200",
        "0006242e625b395d03050700",
        "0006242e615b305d03050700",
        "0003242e2203050200",
        "0004245b305d03050200",
    ],
)
def test_damaged_partial_updates(difference: str) -> None:
    with pytest.raises(BinlogError):
        _unused = updated(Json(bytes.fromhex(CHANGED)), bytes.fromhex(difference)).text


def test_a_document_from_select_cannot_be_updated_in_parts() -> None:
    with pytest.raises(BinlogError, match="came as text"):
        updated(printed(b"{}"), b"")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", "0"),
        ("-12", "-12"),
        ("1.0", "1.0"),
        ("1.50", "1.5"),
        ("1.5", "1.5"),
        ("-0.0", "-0.0"),
        ("1e20", "100000000000000000000.0"),
        ("1e+20", "100000000000000000000.0"),
        ("1e21", "1.0e21"),
        ("1.25e300", "1.25e300"),
        ("0.0000001", "1.0e-7"),
        ("1e-07", "1.0e-7"),
        ("0.001", "0.001"),
        ("123.456", "123.456"),
        ("9" * 40, "9" * 40),
        ("0." + "1" * 28, "1." + "1" * 27 + "e-1"),
    ],
)
def test_numbers_have_one_text_for_one_value(text: str, wanted: str) -> None:
    assert number(text) == wanted


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_keeps_its_value(value: float) -> None:
    text = number(repr(value))
    assert struct.pack("<d", float(text)) == struct.pack("<d", value)
    assert number(text) == text
    assert ("." in text) or ("e" in text)


@pytest.mark.parametrize("text", ["", "1.", "nan", "inf", "-", "1e", "--1", "1e99999999999"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON number"):
        number(text)


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab é", max_size=4), inner, max_size=4),
    max_leaves=20,
)


def tree(value: Any) -> Any:
    """A document as a tree of normal texts."""
    if isinstance(value, dict):
        return {name: tree(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [tree(inner) for inner in value]
    return quoted(value) if isinstance(value, str) else json.dumps(value)


@given(DOCUMENTS)
@example({"": [[], {}], "b": {"a": []}})
def test_text_of_a_tree_and_normal_text_of_a_text_agree(value: Any) -> None:
    ordered = json.loads(json.dumps(value))
    text = render(tree(ordered))
    assert json.loads(text) == value
    assert normal(text) == text
    # Spaces and escapes that are not needed make no difference; the server's order of members is the text's own.
    assert normal(json.dumps(json.loads(text), indent=2)) == text


@pytest.mark.parametrize("text", [b"", b" ", b"nul", b'"a', b"\xff", b"'a'", b'"\\x"', b"{a:1}"])
def test_what_is_not_json(text: bytes) -> None:
    with pytest.raises(BinlogError):
        printed(text)


def small_array(values: List[bytes]) -> bytes:
    """An array of values with their type bytes, which all lie behind its header."""
    header, body = b"", b""
    start = 4 + 3 * len(values)
    for value in values:
        header += value[:1] + struct.pack("<H", start + len(body))
        body += value[1:]
    return b"\x02" + struct.pack("<HH", len(values), start + len(body)) + header + body


def test_documents_of_100_levels_and_no_more() -> None:
    inner = b"\x02\x00\x00\x04\x00"
    deepest = 100
    for _unused in range(deepest - 1):
        inner = small_array([inner])
    assert Json(inner).text == "[" * deepest + "]" * deepest
    with pytest.raises(BinlogError, match="100 levels"):
        _unused_text = Json(small_array([inner])).text


def test_parts_that_point_at_each_other_do_not_grow_without_end() -> None:
    # Each of 20 levels holds 50 references to one and the same next level: 50**20 values from 3 KiB.
    body = b""
    for _unused in range(20):
        header = 4 + 3 * 50
        entry = b"\x02" + struct.pack("<H", header) if body else b"\x04\x00\x00"
        body = struct.pack("<HH", 50, header + len(body)) + entry * 50 + body
    with pytest.raises(BinlogError, match="overlap"):
        _unused_text = Json(b"\x02" + body).text


def test_a_container_that_is_its_own_part() -> None:
    with pytest.raises(BinlogError, match="own header"):
        _unused = Json(b"\x02" + struct.pack("<HH", 1, 7) + b"\x02\x00\x00").text


@given(st.binary(max_size=60))
@example(b"\x0c\xff\xff\xff\xff\xff\xff")
@example(b"\x0b" + struct.pack("<d", float("nan")))
@example(b"\x0f\xf6\x02\x41\x00")
@settings(max_examples=1500, deadline=None)
def test_garbage_is_a_document_or_one_clear_error(data: bytes) -> None:
    try:
        assert isinstance(Json(data).text, str)
    except BinlogError as error:
        assert "JSON" in str(error)


@given(st.integers(0, len(NESTED) // 2 - 1), st.integers(0, 255), st.sampled_from([NESTED, NUMBERS, OPAQUE, CHANGED]))
@settings(max_examples=600, deadline=None)
def test_documents_with_a_damaged_byte(place: int, byte: int, document: str) -> None:
    data = bytearray.fromhex(document)
    data[place] = byte
    try:
        json_binary.decode(bytes(data))
    except DECODE_ERRORS:
        return
    hash(Json(bytes(data)))


def test_the_length_of_a_document() -> None:
    for size in (1, 2, 3, 4):
        value, end = stored(size)(b"\x03" + bytes(size - 1) + bytes.fromhex("050c00") + b"rest", 0)
        assert (value, end) == ("12", size + 3)
