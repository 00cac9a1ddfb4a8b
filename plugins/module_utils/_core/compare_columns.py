# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a column's value is read so that two values are equal exactly when the stored values are.

Text is compared by its bytes, never by a collation; floating-point numbers by their bits, or by a text that tells any
two apart; JSON of MySQL by its normal form; the rest as numbers or in the server's one way to write them. Measured on
MySQL 9.7 and 5.6 and MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

from .flavour import parse_flavour
from .statement import identifier

NUMBER = "number"
FLOAT = "float"
INDEX = "index"
TIME = "time"
TEXT = "text"
BINARY = "binary"
DOCUMENT = "document"
OPAQUE = "opaque"

_KINDS: Mapping[str, str] = dict(
    [(name, NUMBER) for name in "tinyint smallint mediumint int integer bigint decimal numeric year bool".split()]
    + [(name, FLOAT) for name in "float double real".split()]
    + [(name, INDEX) for name in "bit enum set".split()]
    + [(name, TIME) for name in "date datetime timestamp time uuid inet4 inet6".split()]
    + [(name, TEXT) for name in "char varchar tinytext text mediumtext longtext".split()]
    + [(name, BINARY) for name in "binary varbinary tinyblob blob mediumblob longblob".split()]
    + [("json", DOCUMENT)]
    + [
        (name, OPAQUE)
        for name in (
            "geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection "
            "geomcollection vector"
        ).split()
    ]
)

# Kinds by which rows can be put into the same order on both sides and found again.
_ORDERED = frozenset((NUMBER, TIME, TEXT, BINARY))
_LONG = frozenset("tinytext text mediumtext longtext tinyblob blob mediumblob longblob json".split())
# Kinds whose texts never hold a comma and are never the letter N.
_PLAIN = frozenset((NUMBER, INDEX, TIME))


@dataclass(frozen=True)
class Column:
    """A column as information_schema.COLUMNS describes it.

    :param data_type: ``varchar``; in lower case.
    :param column_type: ``varchar(20)``.
    :param length: the longest value in bytes, or None where that has no meaning.
    :param charset: of text, else ''.
    :param virtual: computed when read, so that nothing of it is stored.
    """

    name: str
    data_type: str
    column_type: str = ""
    length: Optional[int] = None
    charset: str = ""
    collation: str = ""
    nullable: bool = True
    virtual: bool = False

    @property
    def kind(self) -> str:
        """How it is compared; '' for a type that is not known."""
        return _KINDS.get(self.data_type, "")

    @property
    def long(self) -> bool:
        """Whether its values may be too long to be put into one string with the row's others: kept outside of it."""
        return self.data_type in _LONG or self.kind == OPAQUE

    @property
    def orders(self) -> bool:
        """Whether it can be part of the key that rows are read by."""
        return self.kind in _ORDERED and self.data_type not in _LONG

    def shape(self) -> Tuple[str, str, str, str]:
        """What must be the same on both sides for the rows to be comparable."""
        charset = "utf8mb3" if self.charset == "utf8" else self.charset
        return (self.name, self.data_type, charset, without_width(self.column_type))


@dataclass(frozen=True)
class Key:
    """A primary or unique key without NULLs: its name and columns in order."""

    name: str
    columns: Tuple[str, ...]


def without_width(column_type: str) -> str:
    """An integer type less its display width, which MySQL 8.0.19 and later no longer print (it changes no value)."""
    for name in ("tinyint", "smallint", "mediumint", "bigint", "int", "year"):
        if column_type.startswith(name + "("):
            return name + column_type[column_type.index(")") + 1 :]
    return column_type


def value(column: Column) -> str:
    """SQL for the value as a short text or bytes which differs whenever the stored value does; NULL for NULL.

    :raises ValueError: for a type that is not known.
    """
    name = identifier(column.name)
    if column.kind == FLOAT:
        return "CAST(%s AS CHAR)" % exact(column.data_type, column.column_type, name)
    if column.kind == INDEX:
        # Not plus zero: that makes a DOUBLE of a SET, which has no room for 64 members.
        return "CAST(CAST(%s AS UNSIGNED) AS CHAR)" % name
    if column.kind in (NUMBER, TIME):
        return "CAST(%s AS CHAR)" % name
    if column.kind == TEXT:
        return "CAST(%s AS BINARY)" % name
    if column.kind == BINARY:
        return name
    if column.kind == DOCUMENT:
        # MySQL 9.7 makes an empty text of a document that is longer than max_allowed_packet; other types become NULL.
        return "NULLIF(CAST(CAST(%s AS CHAR) AS BINARY), '')" % name
    if column.kind == OPAQUE:
        return "HEX(%s)" % name
    raise ValueError("columns of type %s cannot be compared" % (column.data_type or "?"))


def exact(data_type: str, column_type: str, name: str) -> str:
    """SQL for a floating-point number whose text holds every digit (measured on MySQL 9.7 and 5.6, MariaDB 11.8).

    FLOAT shows six digits only, and a declared number of digits behind the point cuts the rest. Times one makes a
    DOUBLE of both (not plus zero: that loses the sign of -0). But MySQL prints a computed DOUBLE with 22 characters
    at most, one too few for a long negative one, and the column itself with all.

    :param name: the column as the statement names it, quoted.
    """
    return "%s * 1e0" % name if data_type == "float" or "(" in column_type else name


def part(column: Column) -> str:
    """SQL for what a column adds to the string that stands for its row: never the same for two different values.

    Numbers and times end with a comma, which none has in it; a floating-point number adds 25 bytes, of which the first
    is zero; text and bytes begin with their length, and what may be longer than a row adds its hash. A value that the
    server fails to make (longer than max_allowed_packet) makes the whole string NULL, which the caller counts; a NULL
    in the column does not.
    """
    text, name = value(column), identifier(column.name)
    if column.kind in _PLAIN:
        # A number needs no CAST to become text here, and a row with many is hashed in half the time without.
        text = name if column.kind == NUMBER else text
        return "IFNULL(%s, 'N'), ','" % text if column.nullable else "%s, ','" % text
    if column.kind == FLOAT:
        # A point holds the very bits, and is made five times as quickly as a text that tells all numbers apart.
        return "IFNULL(POINT(%s, 0), 'N')" % name if column.nullable else "POINT(%s, 0)" % name
    inner = "SHA2(%s, 256)" % text if column.long else "LENGTH(%s), ':', %s" % (name, text)
    if column.nullable:
        return "IF(%s IS NULL, 'N', %s)" % (name, inner if column.long else "CONCAT(%s)" % inner)
    return inner


def has_sha1(version: str) -> bool:
    """Whether a server of that version surely has SHA1: MySQL 9.6 and later lack it, and MD5 as well.

    :param version: as the server gives it.
    """
    flavour = parse_flavour(version)
    return flavour.is_mariadb or flavour.version < (9, 6, 0)


def row_hash(columns: Sequence[Column], sha1: bool) -> str:
    """SQL for a hash of the row's stored columns, in the order given; NULL when the server could not make it.

    :param sha1: both servers have SHA1, which takes a third less time on MySQL 5.6. SHA2 is the one hash of more than
        64 bits that all servers have.
    """
    whole = "CONCAT(%s)" % ", ".join([part(column) for column in columns if not column.virtual] or ["''"])
    return "SHA1(%s)" % whole if sha1 else "SHA2(%s, 224)" % whole


def key_value(column: Column) -> str:
    """SQL for a key column's value as a plain ASCII text that `key_literal` turns into a literal again."""
    name = identifier(column.name)
    if column.kind == TEXT:
        return "HEX(CAST(%s AS BINARY))" % name
    if column.kind == BINARY:
        return "HEX(%s)" % name
    return "CAST(%s AS CHAR)" % name


def key_literal(column: Column, text: str) -> str:
    """The literal that is equal to a key column's value by the column's own collation.

    :param text: from `key_value`.
    :raises ValueError: when it is not what that returns (nothing else is ever put into a statement).
    """
    if column.kind in (TEXT, BINARY):
        bytes.fromhex(text)
        # The introducer gives the bytes back their character set; the column's collation then decides.
        return ("_%s " % column.charset if column.kind == TEXT else "") + "X'%s'" % text
    if column.kind == NUMBER:
        if not text.lstrip("-").replace(".", "", 1).isdigit():
            raise ValueError("not a number: %r" % text)
        return text
    if not text or set(text) - set("0123456789abcdefABCDEF:-. "):
        raise ValueError("not a time or an address: %r" % text)
    return "'%s'" % text


def key_shown(column: Column, text: str) -> str:
    """A key column's value for people; text that is not valid UTF-8 is shown as its bytes."""
    if column.kind not in (TEXT, BINARY):
        return text
    raw = bytes.fromhex(text)
    if column.kind == BINARY or column.charset not in ("utf8", "utf8mb3", "utf8mb4", "ascii", "latin1"):
        return "0x" + text
    try:
        shown = raw.decode("cp1252" if column.charset == "latin1" else "utf-8")
    except UnicodeDecodeError:
        return "0x" + text
    return shown if shown.isprintable() else "0x" + text
