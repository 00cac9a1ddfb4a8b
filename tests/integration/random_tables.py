# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of random columns with random values of every type that a server has, as SQL."""

from __future__ import annotations

import json
import math
import random
import struct
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Sequence, Tuple

Values = Callable[[random.Random], str]

EMOJI = "\U0001f600"
TEXTS = (
    "",
    " ",
    "a",
    "a  ",
    "\\0",
    "tab\\tline\\n",
    "it''s \\\\ \"q\" %s %%",
    "Ünïcödé ß Ÿ",
    "Ελληνικά",
    "Русский",
    "日本語テキスト",
    "中文字符",
    "한국어",
    "ไทย עברית",
    EMOJI,
    "x" + EMOJI + " ",
)
MEMBERS = 64


@dataclass(frozen=True)
class Kind:
    """A kind of column: how it is declared, and a function that makes SQL expressions for its values."""

    name: str
    declared: str
    values: Values
    nullable: bool = True


def one_of(*literals: str) -> Values:
    return lambda source: source.choice(literals)


def either(fixed: Sequence[str], made: Values) -> Values:
    """One of the extremes as often as something random."""
    return lambda source: source.choice(fixed) if source.random() < 0.5 else made(source)


def integers(prefix: str, size: int) -> List[Kind]:
    top = 1 << (8 * size)
    signed = either(
        ["0", "1", "-1", str(-top // 2), str(top // 2 - 1)],
        lambda source: str(source.randrange(-top // 2, top // 2)),
    )
    unsigned = either(["0", "1", str(top - 1), str(top // 2)], lambda source: str(source.randrange(top)))
    return [
        Kind(prefix, prefix, signed),
        Kind(prefix + " unsigned", prefix + " UNSIGNED", unsigned),
        Kind(prefix + " zerofill", prefix + " ZEROFILL", unsigned),
    ]


def decimals() -> List[Kind]:
    shapes = [(1, 0), (1, 1), (5, 2), (9, 0), (9, 9), (10, 0), (10, 2), (12, 2), (18, 9), (19, 10), (20, 6), (30, 30)]
    shapes += [(38, 10), (65, 0), (65, 30), (27, 18), (11, 1), (64, 29), (3, 3), (36, 4)]

    def of(precision: int, scale: int) -> Values:
        most = "9" * (precision - scale) + ("." + "9" * scale if scale else "")

        def made(source: random.Random) -> str:
            digits = "".join(source.choice("0123456789") for _unused in range(precision))
            before = digits[: precision - scale] or "0"
            return source.choice(("", "-")) + before + ("." + digits[precision - scale :] if scale else "")

        return either(["0", "-0", "1", "-1", most, "-" + most, "0.5", "-0.05"], made)

    kinds = [Kind("decimal", "DECIMAL(%d,%d)" % shape, of(*shape)) for shape in shapes]
    positive = either(["0", "9.99"], lambda source: "%.2f" % (source.random() * 10**6))
    return kinds + [Kind("decimal zerofill", "DECIMAL(10,2) ZEROFILL", positive)]


def random_float(source: random.Random, form: str, size: int) -> str:
    while True:
        value = struct.unpack(form, bytes(source.randrange(256) for _unused in range(size)))[0]
        if math.isfinite(value):
            return repr(value) if "e" in repr(value) else repr(value) + "e0"


def floats() -> List[Kind]:
    singles = ["0e0", "-0e0", "1e0", "-1.5e0", "0.1e0", "3.4028234e38", "-3.4028234e38", "1.17549435e-38", "1e-45"]
    doubles = ["0e0", "-0e0", "0.1e0", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308"]
    doubles += ["4.9e-324", "1e15", "1e16", "123456789.123456789e0", "1e100", "0.30000000000000004e0"]
    return [
        Kind("float", "FLOAT", either(singles, lambda source: random_float(source, "<f", 4))),
        Kind(
            "float(7,3)",
            "FLOAT(7,3)",
            either(["0", "-0e0", "1234.567"], lambda source: "%.4f" % source.uniform(-9e3, 9e3)),
        ),
        Kind("double", "DOUBLE", either(doubles, lambda source: random_float(source, "<d", 8))),
        Kind(
            "double(10,2)",
            "DOUBLE(10,2)",
            either(["0", "-0e0", "1e7"], lambda source: "%.5f" % source.uniform(-9e7, 9e7)),
        ),
        Kind("double unsigned", "DOUBLE UNSIGNED", either(doubles[2:4], lambda source: repr(source.random()))),
    ]


def bits() -> List[Kind]:
    return [
        Kind(
            "bit",
            "BIT(%d)" % size,
            either(["0", "1", str((1 << size) - 1)], lambda s, n=size: str(s.randrange(1 << n))),
        )
        for size in (1, 7, 8, 9, 16, 31, 33, 63, 64)
    ]


def day(source: random.Random) -> str:
    return "%04d-%02d-%02d" % (source.randrange(1, 10000), source.randrange(1, 13), source.randrange(1, 29))


def clock(source: random.Random, hours: int = 24) -> str:
    fraction = source.choice(("", ".%06d" % source.randrange(10**6), ".%d" % source.randrange(10)))
    return "%02d:%02d:%02d" % (source.randrange(hours), source.randrange(60), source.randrange(60)) + fraction


def times(latest: str) -> List[Kind]:
    days = [
        "'0000-00-00'",
        "'2020-00-00'",
        "'2021-11-00'",
        "'0000-01-01'",
        "'9999-12-31'",
        "'1000-01-01'",
        "'2024-02-29'",
    ]
    kinds = [
        Kind("date", "DATE", either(days, lambda source: "'%s'" % day(source))),
        Kind("year", "YEAR", either(["0", "'0000'", "1901", "2155", "2000"], lambda s: str(s.randrange(1901, 2156)))),
    ]
    for digits in range(7):
        shown = "(%d)" % digits if digits else ""
        moments = [text[:-1] + " 23:59:59'" for text in days] + [
            "'9999-12-31 23:59:59.999999'",
            "'2020-01-01 00:00:00.000001'",
        ]
        stamps = ["'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'1970-01-01 00:00:01.5'", "'%s'" % latest]
        clocks = ["'838:59:59'", "'-838:59:59'", "'00:00:00'", "'-00:00:00.5'", "'-00:00:01'", "'-12:59:59.999999'"]
        clocks += ["'-00:00:00.000001'", "'838:59:58.999999'", "'-838:59:58.9'"]
        kinds += [
            Kind("datetime", "DATETIME" + shown, either(moments, lambda s: "'%s %s'" % (day(s), clock(s)))),
            Kind("timestamp", "TIMESTAMP%s NULL DEFAULT NULL" % shown, either(stamps, stamp)),
            Kind("time", "TIME" + shown, either(clocks, lambda s: "'%s%s'" % (s.choice(("", "-")), clock(s, 838)))),
        ]
    return kinds


def stamp(source: random.Random) -> str:
    year = source.randrange(1971, 2037)
    return "'%04d%s %s'" % (year, day(source)[4:], clock(source))


def text(source: random.Random) -> str:
    return "'%s'" % "".join(source.choice(TEXTS) for _unused in range(source.randrange(1, 4)))


def texts(charsets: Dict[str, int]) -> List[Kind]:
    kinds = []
    for name, widest in sorted(charsets.items()):
        if name == "binary":
            continue
        # A CHAR of more than 255 bytes keeps its length elsewhere.
        sizes = sorted({1, 10, 255 // widest, min(255, 255 // widest + 1), 255})
        for size in sizes:
            kinds.append(Kind("char " + name, "CHAR(%d) CHARACTER SET %s" % (size, name), text))
        for size in (20, 255 // widest, 255 // widest + 1):
            kinds.append(Kind("varchar " + name, "VARCHAR(%d) CHARACTER SET %s" % (size, name), text))
        kinds.append(Kind("text " + name, "TEXT CHARACTER SET %s" % name, text))
    for size, most in (("TINY", 200), ("", 60000), ("MEDIUM", 70000), ("LONG", 70000)):
        long = "REPEAT('x ', %d)" % (most // 2)
        kinds.append(Kind(size.lower() + "text", size + "TEXT", either(["''", "'a '", long], text)))
        kinds.append(Kind(size.lower() + "blob", size + "BLOB", either(["''", "X'00'", long], hexadecimal)))
    return kinds


def hexadecimal(source: random.Random) -> str:
    length = source.randrange(12)
    data = bytes(source.randrange(256) for _unused in range(length)) + source.choice((b"", b"\0", b" ", b"\0\0"))
    return "X'%s'" % data.hex()


def binaries() -> List[Kind]:
    fixed = ["''", "X'00'", "X'0000'", "X'20'", "X'610020'", "X'FFFEFD'", "REPEAT(X'AB00', 100)"]
    kinds = [Kind("binary", "BINARY(%d)" % size, either(fixed, hexadecimal)) for size in (1, 3, 16, 255)]
    return kinds + [
        Kind("varbinary", "VARBINARY(%d)" % size, either(fixed, hexadecimal)) for size in (1, 16, 255, 256, 900)
    ]


def choices() -> List[Kind]:
    many = ",".join("'m%d'" % number for number in range(300))
    kinds = [
        Kind("enum", "ENUM('a','b','ü') CHARACTER SET utf8", one_of("'a'", "'b'", "'ü'", "'nothing'", "2")),
        Kind("enum of 300", "ENUM(%s)" % many, lambda source: "'m%d'" % source.randrange(300)),
    ]
    for count in (1, 8, 9, 16, 17, 24, 25, 33, MEMBERS):
        members = ",".join("'s%d'" % number for number in range(count))
        values = either(["''", str((1 << count) - 1), str(1 << count - 1)], lambda s, n=count: str(s.randrange(1 << n)))
        kinds.append(Kind("set", "SET(%s)" % members, values))
    return kinds


def shapes(srid: bool) -> List[Kind]:
    point = "ST_GeomFromText('POINT(%d %d)')"
    line = "ST_GeomFromText('LINESTRING(0 0,1 1,2.5 -3)')"
    area = "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,1 2,2 2,2 1,1 1))')"
    several = "ST_GeomFromText('MULTIPOINT(1 1,2 2)')"
    all_kinds = "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')"
    points = either([point % (0, 0)], lambda source: point % (source.randrange(-180, 180), source.randrange(-90, 90)))
    kinds = [Kind("geometry", "GEOMETRY", one_of(line, area, several, all_kinds)), Kind("point", "POINT", points)]
    kinds += [Kind("linestring", "LINESTRING", one_of(line)), Kind("polygon", "POLYGON", one_of(area))]
    kinds += [
        Kind("multipoint", "MULTIPOINT", one_of(several)),
        Kind("multilinestring", "MULTILINESTRING", one_of("ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))')")),
        Kind("multipolygon", "MULTIPOLYGON", one_of("ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')")),
        Kind("geometrycollection", "GEOMETRYCOLLECTION", one_of(all_kinds)),
    ]
    if srid:
        earth = "ST_GeomFromText('POINT(%d %d)', 4326)" % (10, 20)
        kinds.append(Kind("point srid", "POINT SRID 4326", one_of(earth)))
    return kinds


def document(source: random.Random, depth: int = 0) -> Any:
    """A random document."""
    kind = source.randrange(10 if depth < 4 else 7)
    if kind < 7:
        word = "".join(
            source.choice(("a", "é", EMOJI, "\n", '"', "\\", "\x01", "日")) for _unused in range(source.randrange(6))
        )
        number = source.choice(
            (0, 1, -1, 2**15, -(2**15), 2**16, 2**31, -(2**31), 2**32, 2**63 - 1, -(2**63), 2**64 - 1)
        )
        return source.choice(
            (None, True, False, number, source.randrange(-70000, 70000), source.uniform(-1e6, 1e6), word)
        )
    if kind == 7:
        return [document(source, depth + 1) for _unused in range(source.randrange(5))]
    return {"k%d%s" % (n, "é" * source.randrange(3)): document(source, depth + 1) for n in range(source.randrange(5))}


def documents() -> List[Kind]:
    def literal(value: Any) -> str:
        return "CAST('%s' AS JSON)" % json.dumps(value, ensure_ascii=False).replace("\\", "\\\\").replace("'", "''")

    deep: Any = 1
    for _unused in range(99):
        deep = [deep]
    fixed = [
        literal(value) for value in (None, True, 0, "", [], {}, [[]], {"": {}}, 1.0, -0.0, 1e20, 1e-7, "a b", deep)
    ]
    fixed += [literal([1.7976931348623157e308, 5e-324, 1e15, 1e16, 123456.789, 0.1, 100.0, 2.0**70])]
    fixed += [literal({"key%d" % n: "value %d" % n * 3 for n in range(3000)}), literal(list(range(-40000, 40000, 7)))]
    fixed += [literal({"long": "y" * 70000, "n": [2**31, 2**32, 70000]}), literal({"s": "y" * 127, "t": "z" * 128})]
    fixed += [
        "JSON_ARRAY(CAST('1.50' AS DECIMAL(5,2)), CAST(-100 AS DECIMAL(5,0)), CAST('-0.00' AS DECIMAL(5,2)))",
        "JSON_ARRAY(CAST('0.1234567890123456789012345678' AS DECIMAL(30,28)), CAST(REPEAT('9', 40) AS DECIMAL(40,0)))",
        "JSON_OBJECT('d', CAST('2020-01-02' AS DATE), 't', CAST('-10:11:12.345' AS TIME(3)))",
        "JSON_ARRAY(CAST('838:59:59' AS TIME), CAST('0000-00-00' AS DATE), CAST('0000-00-00' AS DATETIME))",
        "JSON_OBJECT('d', CAST('2020-01-02 10:11:12.1' AS DATETIME(1)), 'n', NOW(6), 'y', CAST(2020 AS YEAR))",
        "JSON_ARRAY(b'101', X'', CAST(X'0102' AS BINARY), CAST(REPEAT('a', 57) AS BINARY))",
        "JSON_ARRAY(CAST(REPEAT('b', 200) AS BINARY), CAST(REPEAT('b', 58) AS BINARY), X'61')",
        "JSON_ARRAY(ST_GeomFromText('POINT(1 2)'), CAST('null' AS JSON), NULL, TRUE, 18446744073709551615)",
        "CAST(CAST('2020-01-02' AS DATE) AS JSON)",
        "CAST(CAST('12.340' AS DECIMAL(6,3)) AS JSON)",
        "CAST(X'FF00' AS JSON)",
    ]
    return [Kind("json", "JSON", either(fixed, lambda source: literal(document(source))))]


def vectors(maker: str, nullable: bool) -> List[Kind]:
    def made(size: int) -> Values:
        def vector(source: random.Random) -> str:
            return "%s('[%s]')" % (maker, ",".join("%.6g" % source.uniform(-1e3, 1e3) for _unused in range(size)))

        return vector

    return [Kind("vector", "VECTOR(%d)" % size, made(size), nullable) for size in (1, 3, 300)]


def mariadb_kinds(version: Tuple[int, int]) -> List[Kind]:
    def hexes(source: random.Random, count: int) -> str:
        return "".join(source.choice("0123456789abcdef") for _unused in range(count))

    def uuid(source: random.Random) -> str:
        groups = [hexes(source, count) for count in (8, 4, 3, 4, 12)]
        groups[2] = source.choice("01234567f") + groups[2]
        return "'%s'" % "-".join(groups)

    def inet6(source: random.Random) -> str:
        return "'%s::%s'" % (hexes(source, 4), hexes(source, 3))

    def inet4(source: random.Random) -> str:
        return "'%d.%d.0.%d'" % tuple(source.randrange(256) for _unused in range(3))

    groups = ("00000000-0000-0000-0000-", "12345678-0000-1000-8000-", "ffffffff-ffff-ffff-ffff-")
    uuids = ["'%s%s'" % (group, last) for group in groups for last in ("000000000000", "ffffffffff00")]
    addresses = ["'::'", "'1::'", "'::ffff:1.2.3.4'", "'fe80::1'", "'::1.2.3.0'"]
    return [
        Kind("uuid", "UUID", either(uuids, uuid)),
        Kind("inet6", "INET6", either(addresses, inet6)),
        Kind("inet4", "INET4", either(["'0.0.0.0'", "'255.255.255.255'", "'10.0.0.0'"], inet4)),
        Kind("varchar compressed", "VARCHAR(50) COMPRESSED", text),
        Kind("varchar compressed", "VARCHAR(3000) COMPRESSED", either(["REPEAT('ab', 1000)", "''", "'a '"], text)),
        Kind("varbinary compressed", "VARBINARY(500) COMPRESSED", either(["REPEAT(X'00', 400)"], hexadecimal)),
        Kind("tinytext compressed", "TINYTEXT COMPRESSED", either(["REPEAT('z', 200)"], text)),
        Kind("text compressed", "TEXT COMPRESSED CHARACTER SET utf16", either(["REPEAT('abc', 9000)"], text)),
        Kind("longblob compressed", "LONGBLOB COMPRESSED", either(["REPEAT('abc', 90000)", "''"], hexadecimal)),
        Kind("json as text", "JSON", one_of("'{\"a\": 1}'", "'[1,2 ]'", "'null'")),
    ] + (vectors("Vec_FromText", False) if version >= (11, 7) else [])


def kinds_of(mariadb: bool, version: Tuple[int, int], charsets: Dict[str, int]) -> List[Kind]:
    """Every kind of column that a server has.

    :param charsets: its character sets with the most bytes of a character.
    """
    latest = "2106-02-07 06:28:15" if mariadb and version >= (11, 5) else "2038-01-19 03:14:07.999999"
    kinds = [kind for prefix, size in (("TINYINT", 1), ("SMALLINT", 2), ("MEDIUMINT", 3), ("INT", 4), ("BIGINT", 8))
             for kind in integers(prefix, size)]  # fmt: skip
    kinds += decimals() + floats() + bits() + times(latest) + texts(charsets) + binaries() + choices()
    kinds += shapes(not mariadb and version >= (8, 0))
    if mariadb:
        kinds += mariadb_kinds(version)
    elif version >= (5, 7):
        kinds += documents() + (vectors("STRING_TO_VECTOR", True) if version >= (9, 0) else [])
    return kinds
