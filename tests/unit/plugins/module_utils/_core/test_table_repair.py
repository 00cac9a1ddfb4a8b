# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and row images out of what SELECT gives, and the sentences about tables that are not decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import row_repair_rows as wants
from ansible_collections.replicaops.mysql.plugins.module_utils._core import table_repair, table_repair_make
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_info import ColumnInfo
from ansible_collections.replicaops.mysql.plugins.module_utils._core.binlog.columns_json import printed
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_map import made as table_map
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_report import Outcome
from ansible_collections.replicaops.mysql.plugins.module_utils._core.row_repair_steps import Look
from ansible_collections.replicaops.mysql.plugins.module_utils._core.table_repair import Said, Wish
from unit import made

ID = ColumnInfo("id", column_type="int", data_type="int")
TEXT = ColumnInfo("v", charset="utf8mb4", column_type="varchar(10)", data_type="varchar", length=40)
JSON = ColumnInfo("j", column_type="json", data_type="json")
SHAPE = wants.Shape(b"\x03\x0f\xf5", (ID, TEXT, JSON), (0,))
METADATA = (0, 40, 4)


@pytest.mark.parametrize(
    ("data_type", "text", "value"),
    [
        ("int", "-5", -5),
        ("decimal", "00.50", "0.50"),
        ("varchar", "C3A4", b"\xc3\xa4"),
        ("date", "2024-02-29", "2024-02-29"),
        ("uuid", "00112233-4455-6677-8899-aabbccddeeff", bytes.fromhex("00112233445566778899aabbccddeeff")),
        ("inet4", "10.0.0.1", b"\x0a\0\0\x01"),
        ("inet6", "::1", bytes(15) + b"\x01"),
    ],
)
def test_keys_of_a_comparison_become_canonical(data_type: str, text: str, value: Any) -> None:
    assert table_repair.key_of((text,), (ColumnInfo("k", data_type=data_type),)) == (value,)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid"):
        table_repair.key_of(("x",), (ID,))


def test_rows_become_images_documents_too() -> None:
    row = (1, b"a", printed(b'{"a": [1, 2.5, null]}'))
    parts = table_repair.image(row, SHAPE, METADATA)
    assert parts[:2] == (b"\x01\0\0\0", b"\x01a") and parts[2] is not None and len(parts[2]) > 10
    found = table_repair.wanted([(1,), (2,), (3,)], {(1,): row, (3,): (3, b"x", None)}, {(2,): row}, SHAPE, METADATA)
    assert found[(1,)].parts == parts and found[(1,)].known is None
    assert found[(2,)].parts is None and found[(2,)].known is not None
    assert found[(3,)].parts == (b"\x03\0\0\0", b"\x01x", None)
    assert "cannot be written" in table_repair.wanted([(1,)], {(1,): (1, b"a")}, {}, SHAPE, METADATA)[(1,)].why


def test_only_what_was_compared_is_proven() -> None:
    name = wants.TableName("shop", "t")
    equal = Outcome({name: (SHAPE, wants.Compared(5, (), {}))}, {})
    assert Said(equal, {}).proof == "rows_proven"
    assert Said(equal, {"shop.u": "no primary key"}).proof == "unproven"
    assert Said(Outcome({}, {}), {}).proof == "unproven"
    told = table_repair.sentence(Said(equal, {"shop.u": "no primary key"}), 0, False, "binlog.000001:4")
    assert "5 rows in 1 table" in told and "shop.u: no primary key" in told


def test_a_definition_is_made_under_its_own_schema_only() -> None:
    text = "CREATE TABLE `a``b` (\n  `id` int\n) COMMENT='100%'"
    create = table_repair_make.creation(("s", "a`b"), text)
    assert create == "CREATE TABLE `s`.`a``b` (\n  `id` int\n) COMMENT='100%'"
    with pytest.raises(ValueError, match="no plain definition"):
        table_repair_make.creation(("s", "t"), "CREATE VIEW `t` AS select 1")
    trigger = table_repair_make.Trigger("CREATE TRIGGER x ...", "ANSI", "latin1", "latin1_swedish_ci")
    making = table_repair_make.Making(("s", "a`b"), create, text, (trigger,), "CREATE DATABASE `s`")
    server = made.server(variables={"super_read_only": "ON"})
    steps = table_repair_make.steps([making], server, [Look("", shown="SHOW CREATE TABLE `s`.`a``b`")])
    queries = [step.statement.display() for step in steps]
    assert queries[0] == "SET SESSION sql_log_bin = 0" and queries[-1] == "SET SESSION sql_log_bin = 1"
    assert queries.index("SET GLOBAL super_read_only = 0") < queries.index("SET GLOBAL super_read_only = 1")
    assert queries.index("CREATE DATABASE `s`") < queries.index("USE `s`") < queries.index(create)
    assert queries[queries.index("CREATE TRIGGER x ...") + 1].startswith("SET SESSION sql_mode = ''")
    half = table_repair_make.steps([replace(making, half=True)], server, [Look("", shown="SHOW")])
    again = [step.statement.display() for step in half]
    assert again[again.index(create) - 1] == "DROP TABLE `s`.`a``b`" and "DROP TABLE `s`.`a``b`" not in queries


def test_what_is_refused_before_anything_is_read() -> None:
    channel, server = made.channel(filters={"Replicate_Do_DB": "x"}), made.server()
    with pytest.raises(RefusedError, match="filters"):
        table_repair.check(Wish(("a.b",)), server, channel, 60)
    with pytest.raises(RefusedError, match="delayed"):
        table_repair.check(Wish(("a.b",)), server, made.channel(delay=3600), 60)
    with pytest.raises(BadInputError):
        table_repair.check(Wish(()), server, made.channel(), 60)
    with pytest.raises(RefusedError, match="max_rows"):
        table_repair.refuse_many(11, Wish(("a.b",), max_rows=10), server, made.channel())


def test_vectors_have_their_sizes_beside_them() -> None:
    column = ColumnInfo("v", column_type="vector(3)", data_type="vector")
    mysql, mariadb = (table_map("s", "t", (ID, column), (False, True), maria) for maria in (False, True))
    assert mysql.type_codes == b"\x03\xf2" and mysql.optional is not None and mysql.optional.dimensions == (None, 3)
    assert mariadb.type_codes == b"\x03\x0f" and mariadb.metadata == (0, 12) and mariadb.optional is None
