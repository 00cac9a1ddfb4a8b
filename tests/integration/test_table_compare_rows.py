# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""table_compare on real servers: every kind of difference is found, whatever the types and keys."""

from __future__ import annotations

from typing import Any, List

import pytest
from integration.comparing import (
    compare,
    different,
    proof_schema,
    reasons,
    writers,
)
from integration.conftest import Pair
from lab.topology import Lab

# A class of column types: name, column, value on the source, value planted on the replica. The planted value is always
# one that the server itself calls equal, or the smallest step away.
TYPES = (
    ("integer", "BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"),
    ("decimal", "DECIMAL(65,30)", "1.000000000000000000000000000001", "1.000000000000000000000000000002"),
    ("long_double", "DOUBLE", "-1.2345678901234567e-100", "-1.2345678901234565e-100"),
    ("double", "DOUBLE", "0.1", "0.1 + 1.3877787807814457e-17"),
    ("fixed_double", "DOUBLE(10,2)", "0.12", "0.13"),
    ("no_number", "DOUBLE", "0e0", "NULL"),
    ("float", "FLOAT", "1.1", "1.1000001"),
    ("bits", "BIT(64)", "b'1'", "b'0'"),
    ("choice", "ENUM('a','b','')", "''", "0"),
    ("choices", "SET('a','b')", "'a'", "'a,b'"),
    ("letter_case", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "'Ab'", "'aB'"),
    ("trailing_space", "VARCHAR(20) CHARACTER SET latin1", "'a'", "'a '"),
    ("accent", "VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "'e'", "X'C3A9'"),
    ("wide", "VARCHAR(20) CHARACTER SET ucs2", "'a'", "'A'"),
    ("long_text", "LONGTEXT", "REPEAT('a', 100000)", "CONCAT(REPEAT('a', 99999), 'A')"),
    ("empty_text", "TEXT", "''", "NULL"),
    ("letter_n", "VARCHAR(10)", "'N'", "NULL"),
    ("fixed_bytes", "BINARY(4)", "X'00'", "X'0001'"),
    ("bytes", "VARBINARY(10)", "X'00'", "X''"),
    ("long_bytes", "LONGBLOB", "X'FF00'", "X'FF0000'"),
    ("date", "DATE", "'0000-00-00'", "'2000-01-01'"),
    ("datetime", "DATETIME(6)", "'2020-01-01 00:00:00.000001'", "'2020-01-01 00:00:00.000002'"),
    ("timestamp", "TIMESTAMP(6) NULL", "'2020-01-01 00:00:00'", "'2020-01-01 00:00:00.000001'"),
    ("time", "TIME(6)", "'-00:00:00.000001'", "'00:00:00.000001'"),
    ("year", "YEAR", "2000", "2001"),
    ("place", "GEOMETRY", "X'000000000101000000000000000000F03F000000000000F03F'",
     "X'E61000000101000000000000000000F03F000000000000F03F'"),
)  # fmt: skip


MYSQL_TYPES = (
    ("signed_zero", "DOUBLE", "0e0", "-0e0"),
    ("json", "JSON", "'{\"a\": 1}'", "'{\"a\": 1.0}'"),
    ("vector", "VECTOR(2)", "STRING_TO_VECTOR('[1,2]')", "STRING_TO_VECTOR('[1,2.0000002]')"),
)


MARIADB_TYPES = (
    ("json", "JSON", "'{\"a\": 1}'", "'{\"a\":1}'"),
    ("uuid", "UUID", "UUID()", "UUID()"),
    ("address", "INET6", "'::1'", "'::2'"),
)


def types_of(flavour: str) -> List[Any]:
    """The type classes a flavour has."""
    if flavour == "mysql-5.6":
        return list(TYPES)
    return [*TYPES, *(MARIADB_TYPES if flavour.startswith("mariadb") else MYSQL_TYPES)]


@pytest.fixture(name="still")
def still_pair(well: Pair) -> Lab:
    return well.lab


@pytest.mark.modes("gtid")
def test_every_type_is_compared_by_its_bytes(still: Lab) -> None:
    chosen = types_of(still.flavour.name)
    tables = [
        "CREATE TABLE proof.%s (id INT PRIMARY KEY, v %s) ENGINE=InnoDB" % (name, ddl)
        for name, ddl, _unused, _unused in chosen
    ]
    rows = [
        "INSERT INTO proof.%s VALUES (1, %s), (2, %s)" % (name, value, value)
        for name, _unused, value, _unused in chosen
    ]
    mode = "SET SESSION sql_mode = ''"
    with proof_schema(still, *tables, mode, *rows):
        assert compare(still.replica)["proof"] == "rows_proven"
        planted = ["REPLACE INTO proof.%s VALUES (2, %s)" % (name, other) for name, _unused, _unused, other in chosen]
        still.replica.execute_unlogged(mode, *planted)
        result = compare(still.replica)
    found = different(result)
    assert sorted(found) == sorted("proof." + name for name, _unused, _unused, _unused in chosen)
    for entries in found.values():
        assert [entry["what"] for entry in entries] == ["rows"]
        assert entries[0]["rows"] == [{"what": "changed", "key": {"id": "2"}, "columns": ["v"]}]


KEYS = (
    ("k_int", "k INT NOT NULL, PRIMARY KEY (k)", "{n}"),
    ("k_pair", "a INT NOT NULL, k INT NOT NULL, PRIMARY KEY (a, k)", "{n} % 7, {n}"),
    ("k_text", "k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL, PRIMARY KEY (k)",
     "CONCAT(IF({n} % 2, 'A', 'b'), HEX({n}))"),
    ("k_mixed", "a VARCHAR(9) CHARACTER SET latin1 NOT NULL, k DATETIME(6) NOT NULL, b VARBINARY(4) NOT NULL, "
     "PRIMARY KEY (a, k, b)",
     "CONCAT('x', {n} % 3), '2020-01-01' + INTERVAL {n} SECOND, UNHEX(LPAD(HEX({n}), 8, '0'))"),
    ("k_decimal", "k DECIMAL(10,3) NOT NULL, UNIQUE KEY u (k)", "{n} / 4 - 100"),
    ("k_bytes", "k BINARY(4) NOT NULL, PRIMARY KEY (k)", "UNHEX(LPAD(HEX({n}), 8, '0'))"),
    ("k_stamp", "k TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (k)",
     "'2020-01-01' + INTERVAL {n} SECOND"),
)  # fmt: skip


@pytest.mark.modes("gtid")
def test_missing_and_extra_rows_are_found_by_any_key_in_any_chunk(still: Lab) -> None:
    count = 500
    numbers = "CREATE TABLE proof.n (n INT PRIMARY KEY) ENGINE=InnoDB"
    fill = "INSERT INTO proof.n VALUES %s" % ", ".join("(%d)" % number for number in range(count))
    tables = ["CREATE TABLE proof.%s (%s) ENGINE=InnoDB" % (name, columns) for name, columns, _unused in KEYS]
    rows = [
        "INSERT INTO proof.%s SELECT %s FROM proof.n ORDER BY n" % (name, value.replace("{n}", "n"))
        for name, _unused, value in KEYS
    ]
    mode = "SET SESSION sql_mode = '', SESSION time_zone = '+00:00'"
    with proof_schema(still, numbers, fill, *tables, mode, *rows):
        equal = compare(still.replica, chunk_rows=64)
        assert equal["proof"] == "rows_proven", equal["msg"]
        assert all(entry["chunks"] >= 8 for entry in equal["compared"])
        for name, _unused, value in KEYS:
            wanted = "INSERT INTO proof.%s SELECT %s" % (name, value.replace("{n}", str(count + 1)))
            first = "DELETE FROM proof.%s ORDER BY k LIMIT 1" % name
            still.replica.execute_unlogged(mode, wanted, first)
        result = compare(still.replica, chunk_rows=64)
    found = different(result)
    assert sorted(found) == sorted("proof." + name for name, _unused, _unused in KEYS)
    for name, entries in found.items():
        assert entries[0]["counts"] == {"missing": 1, "extra": 1, "changed": 0}, name


@pytest.mark.modes("gtid")
def test_rows_are_told_apart_in_a_chunk_too_large_to_be_held(still: Lab) -> None:
    digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6"
    digits += " UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
    tables = ", ".join("%s AS t%d" % (digits, number) for number in range(5))
    value = " + ".join("t%d.d * %d" % (number, 10**number) for number in range(5))
    fill = "INSERT INTO proof.t SELECT %s, 'x' FROM %s" % (value, tables)
    with proof_schema(still, "CREATE TABLE proof.t (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB", fill):
        still.replica.execute_unlogged(
            "UPDATE proof.t SET v = 'y' WHERE id IN (0, 50000, 65000, 91000)",
            "DELETE FROM proof.t WHERE id BETWEEN 80000 AND 80004",
            "INSERT INTO proof.t VALUES (100001, 'z')",
        )
        result = compare(still.replica, chunk_rows=1000000)
    found = different(result)["proof.t"][0]
    assert found["counts"] == {"changed": 4, "missing": 5, "extra": 1} and found["complete"], found
    assert result["compared"][0]["rows"] == 100000 and result["compared"][0]["chunks"] < 10


@pytest.mark.modes("gtid", "position")
def test_definitions_and_tables_on_one_side_differ(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.same (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE proof.indexed (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE proof.typed (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE proof.gone (id INT PRIMARY KEY) ENGINE=InnoDB",
        "CREATE TABLE proof.counted (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB",
        "INSERT INTO proof.same VALUES (1, 1)",
    ):
        still.replica.execute_unlogged(
            "ALTER TABLE proof.indexed ADD INDEX extra (v)",
            "ALTER TABLE proof.typed MODIFY v BIGINT",
            "DROP TABLE proof.gone",
            "CREATE TABLE proof.own (id INT PRIMARY KEY) ENGINE=InnoDB",
            "ALTER TABLE proof.counted AUTO_INCREMENT = 1000",
        )
        result = compare(still.replica)
        still.replica.execute_unlogged("DROP TABLE proof.own")
        still.replica.execute_unlogged("CREATE TABLE proof.gone (id INT PRIMARY KEY)")
    found = {name: [entry["what"] for entry in entries] for name, entries in different(result).items()}
    assert found == {
        "proof.indexed": ["definition"],
        "proof.typed": ["definition"],
        "proof.gone": ["missing_on_replica"],
        "proof.own": ["missing_on_source"],
    }
    assert different(result)["proof.indexed"][0]["replica"] == ["KEY `extra` (`v`)"]
    assert result["proof"] == "unproven"


@pytest.mark.modes("gtid")
def test_tables_without_a_key_and_without_a_view(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.bag (v INT, w TEXT) ENGINE=InnoDB",
        "CREATE TABLE proof.bag2 (v INT, w TEXT) ENGINE=InnoDB",
        "CREATE TABLE proof.nullable (v INT, UNIQUE KEY (v)) ENGINE=InnoDB",
        "CREATE TABLE proof.old (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "CREATE TABLE proof.old2 (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "INSERT INTO proof.bag VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "INSERT INTO proof.bag2 VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "INSERT INTO proof.nullable VALUES (NULL), (NULL), (1)",
        "INSERT INTO proof.old VALUES (1, 1), (2, 2)",
        "INSERT INTO proof.old2 VALUES (1, 1), (2, 2)",
    ):
        equal = compare(still.replica)
        assert equal["proof"] == "rows_proven", equal["msg"]
        # A row twice instead of once: what a plain XOR of hashes cannot see.
        still.replica.execute_unlogged(
            "DELETE FROM proof.bag2 WHERE v = 1", "INSERT INTO proof.bag2 VALUES (3, ''), (3, '')",
            "UPDATE proof.old2 SET v = 3 WHERE id = 2",
        )  # fmt: skip
        result = compare(still.replica)
    found = different(result)
    assert sorted(found) == ["proof.bag2", "proof.old2"]
    assert found["proof.bag2"][0]["counts"] == {"missing": 2, "extra": 2, "changed": 0}
    assert found["proof.old2"][0]["rows"][0]["key"] == {"id": "2"}


@pytest.mark.modes("gtid")
def test_a_table_without_a_view_is_proven_between_two_writes_or_left_undecided(still: Lab) -> None:
    with proof_schema(still, "CREATE TABLE proof.w0 (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE) ENGINE=MyISAM"):
        with writers(still.source, 1):
            result = compare(still.replica)
        assert not result["different"], result["msg"]
        undecided = reasons(result).get("proof.w0", "")
        assert "after the point" in undecided if result["proof"] == "unproven" else not undecided, result["msg"]


@pytest.mark.engine("mariadb")
@pytest.mark.modes("gtid")
def test_sequences_are_compared_while_they_count(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE SEQUENCE proof.s CACHE 1",
        "CREATE TABLE proof.w0 (id BIGINT DEFAULT NEXTVAL(proof.s) PRIMARY KEY, v DOUBLE) ENGINE=InnoDB",
    ):
        with writers(still.source, 1):
            result = compare(still.replica)
        assert not result["different"], result["msg"]
        for name, why in reasons(result).items():
            assert name == "proof.s" and "after the point" in why, result["msg"]
        still.wait_in_sync()
        equal = compare(still.replica)
        assert equal["proof"] == "rows_proven" and not equal["undecided"], equal["msg"]
        still.replica.execute_unlogged("DO SETVAL(proof.s, 1000000)")
        result = compare(still.replica)
        assert different(result)["proof.s"][0]["counts"] == {"missing": 1, "extra": 1, "changed": 0}, result["msg"]
        assert list(different(result)) == ["proof.s"]


@pytest.mark.modes("gtid")
def test_everything_is_verified_only_when_everything_is_equal(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE VIEW proof.v AS SELECT id FROM proof.t",
        "CREATE PROCEDURE proof.p() SELECT 1",
        "CREATE TRIGGER proof.r BEFORE INSERT ON proof.t FOR EACH ROW SET NEW.v = 1",
        "CREATE EVENT proof.e ON SCHEDULE EVERY 1 YEAR DO SET @a = 1",
    ):
        whole = compare(still.replica, ["all"])
        assert whole["proof"] == "fully_verified", whole["msg"]
        still.replica.execute_unlogged("CREATE OR REPLACE VIEW proof.v AS SELECT v FROM proof.t")
        result = compare(still.replica, ["all"])
        assert [entry["table"] for entry in result["different"]] == ["view proof.v"], result["msg"]
        assert result["proof"] == "unproven"
        assert compare(still.replica)["proof"] == "rows_proven"
