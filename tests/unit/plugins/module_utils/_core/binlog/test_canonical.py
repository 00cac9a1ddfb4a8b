# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical values: what is asked of a server, what its answer becomes, and how a value becomes a literal again."""

from __future__ import annotations

import copy
import pickle
import struct
from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.canonical import (
    ABSENT,
    parser,
    select_expression,
    sql_literal,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import Json
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BinlogError


def column(data_type: str, column_type: str = "", charset: str = "") -> ColumnInfo:
    return ColumnInfo("c", data_type=data_type, column_type=column_type or data_type, charset=charset)


# Fails where the value is there and could not be made into bytes.
SURE = "IF(`c` IS NULL, NULL, CAST(18446744073709551615 + 1 + LENGTH(`c`) AS BINARY))"
DOUBLE = struct.Struct("<d").pack


@pytest.mark.parametrize(
    ("described", "answer", "value"),
    [
        (column("int"), b"-5", -5),
        (column("bigint"), b"00018446744073709551615", 2**64 - 1),
        (column("year"), b"2026", 2026),
        (column("bit"), b"7", 7),
        (column("enum"), b"3", 3),
        (column("set"), b"9223372036854775809", 2**63 + 1),
        (column("decimal"), b"0000012.30", "12.30"),
        (column("decimal"), b"-0.50", "-0.50"),
        (column("decimal"), b"-0.00", "0.00"),
        (column("decimal"), b"0", "0"),
        (column("double"), b"-0", DOUBLE(-0.0)),
        (column("double"), b"-1.7976931348623157e308", DOUBLE(-1.7976931348623157e308)),
        (column("float"), b"0.10000000149011612", struct.pack("<f", 0.1)),
        (column("datetime"), b"2020-01-02 03:04:05.600", "2020-01-02 03:04:05.600"),
        (column("time"), b"-838:59:59", "-838:59:59"),
        (column("date"), b"0000-00-00", "0000-00-00"),
        (column("varchar"), b"\xff a ", b"\xff a "),
        (column("longblob"), b"", b""),
        (column("uuid"), bytes(16), bytes(16)),
        (column("point"), b"\0\x01", b"\0\x01"),
        (column("vector"), b"\0\0\x80?", b"\0\0\x80?"),
        (column("json"), b'{"a": [1, 2.50]}', '{"a":[1,2.5]}'),
    ],
)
def test_what_a_server_answers_becomes_one_value(described: ColumnInfo, answer: bytes, value: Any) -> None:
    found = parser(described)(answer)
    assert found == value and hash(found) == hash(value)
    assert parser(described)(None) is None


@pytest.mark.parametrize(
    ("data_type", "answer"),
    [("int", b"x"), ("decimal", b"1e5"), ("decimal", b""), ("double", b"x"), ("time", b"\xff"), ("json", b"{'")],
)
def test_answers_that_no_server_gives(data_type: str, answer: bytes) -> None:
    with pytest.raises((ValueError, BinlogError)):
        parser(column(data_type))(answer)


@pytest.mark.parametrize(
    ("described", "wanted"),
    [
        (column("int"), "CAST(CAST(`c` AS CHAR) AS BINARY)"),
        (column("float"), "CAST(CAST(`c` * 1e0 AS CHAR) AS BINARY)"),
        (column("double"), "CAST(CAST(`c` AS CHAR) AS BINARY)"),
        (column("double", "double(10,2)"), "CAST(CAST(`c` * 1e0 AS CHAR) AS BINARY)"),
        (column("set"), "CAST(CAST(CAST(`c` AS UNSIGNED) AS CHAR) AS BINARY)"),
        (column("varchar"), "CAST(`c` AS BINARY)"),
        (column("uuid"), "CAST(`c` AS BINARY)"),
        (column("blob"), "COALESCE(CAST(`c` AS BINARY), %s)" % SURE),
        (column("json"), "COALESCE(NULLIF(CAST(CONVERT(`c` USING utf8mb4) AS BINARY), ''), %s)" % SURE),
        (column("polygon"), "COALESCE(UNHEX(HEX(`c`)), %s)" % SURE),
    ],
)
def test_what_is_selected(described: ColumnInfo, wanted: str) -> None:
    assert select_expression(described, "`c`") == wanted


def test_types_that_cannot_be_read() -> None:
    for ask in (lambda c: select_expression(c, "`c`"), parser, lambda c: sql_literal(1, c)):
        with pytest.raises(ValueError, match="type rainbow"):
            ask(column("rainbow"))
    with pytest.raises(ValueError, match="YEAR"):
        select_expression(column("year", "year(2)"), "`c`")


@pytest.mark.parametrize(
    ("described", "value", "literal"),
    [
        (column("int"), -5, "-5"),
        (column("int"), None, "NULL"),
        (column("decimal"), "-12.30", "-12.30"),
        (column("double"), DOUBLE(1e300), "1e+300"),
        (column("float"), struct.pack("<f", 0.1), "0.10000000149011612"),
        (column("datetime"), "2020-01-02 03:04:05", "'2020-01-02 03:04:05'"),
        (column("varchar", charset="latin1"), b"a'\\", "_latin1 X'61275c'"),
        (column("varchar"), b"a", "X'61'"),
        (column("binary"), b"a\0", "X'6100'"),
        (column("inet4"), b"\x01\x02\x03\x04", "'1.2.3.4'"),
        (column("inet6"), bytes(15) + b"\x01", "'0000:0000:0000:0000:0000:0000:0000:0001'"),
        (column("uuid"), bytes(range(16)), "'00010203-0405-0607-0809-0a0b0c0d0e0f'"),
        (column("set", "set('a')"), 1, "1"),
        (column("json"), Json(bytes.fromhex("050c00")), "CAST(CONVERT(X'3132' USING utf8mb4) AS JSON)"),
    ],
)
def test_literals(described: ColumnInfo, value: Any, literal: str) -> None:
    assert sql_literal(value, described) == literal


def test_a_set_with_its_64th_member_goes_by_names() -> None:
    names = ["s%d" % number for number in range(63)] + ["it''s"]
    described = column("set", "set(%s)" % ",".join("'%s'" % name for name in names))
    assert sql_literal(1 << 63 | 1, described) == "'s0,it''s'"
    with pytest.raises(ValueError, match="members"):
        sql_literal(1 << 63, column("set"))


@pytest.mark.parametrize(
    ("data_type", "value"),
    [("decimal", "1; DROP"), ("datetime", "'"), ("varchar", "text"), ("int", ABSENT), ("int", "5"), ("decimal", "")],
)
def test_no_literal_of_what_no_column_holds(data_type: str, value: Any) -> None:
    with pytest.raises(ValueError, match="not a value"):
        sql_literal(value, column(data_type))


def test_absent_is_one_thing_and_not_null() -> None:
    assert ABSENT is not None and not ABSENT
    assert repr(ABSENT) == "ABSENT"
    assert copy.deepcopy(ABSENT) is ABSENT and pickle.loads(pickle.dumps(ABSENT)) is ABSENT
