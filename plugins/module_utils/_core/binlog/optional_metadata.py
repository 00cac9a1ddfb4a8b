# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata that a table map carries beyond the types: signedness, names, character sets, keys and more.

MySQL 8 and MariaDB 10.5 write signedness, character sets and geometry types always and the rest with
``binlog_row_metadata=FULL``. It is a list of (type, length, value); a type that is not known here is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from .packed import packed_bytes, packed_integer

# YEAR is among them, as unsigned (measured on MySQL 9.7 and MariaDB 11.8).
NUMERIC = frozenset((1, 2, 3, 4, 5, 8, 9, 13, 246))
_TEXT = frozenset((15, 140, 141, 249, 250, 251, 252, 253, 254))
# Besides these, columns of this type have a collation (measured on MySQL 9.7 and MariaDB 10.11 and 11.8).
_TEXT_OF_MYSQL = _TEXT | {242}
_TEXT_OF_MARIADB = _TEXT | {255}
ENUM = 247
SET = 248
GEOMETRY = 255
VECTOR = 242


@dataclass(frozen=True)
class OptionalMetadata:
    """What is known about each column; a field is None where the event does not say, so is an item for a column
    that the field does not concern.

    :param unsigned: numeric columns.
    :param collations: number of the collation of each text, ENUM and SET column (63 is binary).
    :param names: column names.
    :param values: the strings of ENUM and SET columns, as bytes of the column's character set.
    :param geometry_types: of geometry columns.
    :param primary_key: positions of the primary key's columns, in the key's order; () when the event names none.
    :param primary_key_prefixes: characters of each of them that belong to the key, 0 for all.
    :param visible: False for invisible columns.
    :param dimensions: of vector columns.
    :param unknown: numbers of the metadata types that are not known here, or are about other columns than expected.
    """

    unsigned: Optional[Tuple[Optional[bool], ...]] = None
    collations: Optional[Tuple[Optional[int], ...]] = None
    names: Optional[Tuple[str, ...]] = None
    values: Optional[Tuple[Optional[Tuple[bytes, ...]], ...]] = None
    geometry_types: Optional[Tuple[Optional[int], ...]] = None
    primary_key: Tuple[int, ...] = ()
    primary_key_prefixes: Tuple[int, ...] = ()
    visible: Optional[Tuple[bool, ...]] = None
    dimensions: Optional[Tuple[Optional[int], ...]] = None
    unknown: Tuple[int, ...] = ()


def true_type(code: int, metadata: int) -> int:
    """The type of a column: ENUM and SET are stored as STRING, with their own code in the metadata."""
    if code != 254:
        return code
    inner = metadata & 0xFF
    return inner if inner in (ENUM, SET) else 254


def parse(data: bytes, pos: int, type_codes: bytes, metadata: Sequence[int], mariadb: bool) -> OptionalMetadata:
    """The metadata from an offset to the end. Raises ValueError or IndexError when it is cut off."""
    reader = _Reader(type_codes, metadata, _TEXT_OF_MARIADB if mariadb else _TEXT_OF_MYSQL)
    unknown: List[int] = []
    while pos < len(data):
        kind = data[pos]
        value, pos = packed_bytes(data, pos + 1)
        read = _READERS.get(kind)
        try:
            if read is None:
                raise _MisfitError
            read(reader, value)
        except _MisfitError:
            # A server that is newer than this may count columns of a new type among the others.
            unknown.append(kind)
    return replace(reader.result(), unknown=tuple(unknown))


class _MisfitError(Exception):
    """The metadata is not about the columns that it should be about."""


class _Reader:
    def __init__(self, type_codes: bytes, metadata: Sequence[int], text: FrozenSet[int]) -> None:
        self.text = text
        self.types = [true_type(code, meta) for code, meta in zip(type_codes, metadata)]
        self.fields: Dict[str, Any] = {}

    def result(self) -> OptionalMetadata:
        return OptionalMetadata(**self.fields)

    def _all(self, name: str) -> List[Any]:
        """The list of a field that several metadata types fill together."""
        found: List[Any] = list(self.fields.get(name) or [None] * len(self.types))
        return found

    def _columns(self, wanted: Callable[[int], bool]) -> List[int]:
        return [number for number, code in enumerate(self.types) if wanted(code)]

    def _put(self, name: str, columns: Sequence[int], values: Sequence[Any]) -> None:
        if len(values) != len(columns):
            raise _MisfitError
        known = self._all(name)
        for column, value in zip(columns, values):
            known[column] = value
        self.fields[name] = tuple(known)

    def signedness(self, value: bytes) -> None:
        columns = self._columns(lambda code: code in NUMERIC)
        if len(value) < (len(columns) + 7) // 8:
            raise ValueError("too few bits of signedness")
        self._put("unsigned", columns, [bool(value[i >> 3] << (i & 7) & 0x80) for i in range(len(columns))])

    def names(self, value: bytes) -> None:
        names = [name.decode("utf-8", "backslashreplace") for name in _strings(value)]
        self._put("names", range(len(self.types)), names)

    def text_default(self, value: bytes) -> None:
        self._default(_numbers(value), self._columns(lambda code: code in self.text))

    def text_each(self, value: bytes) -> None:
        self._put("collations", self._columns(lambda code: code in self.text), _numbers(value))

    def choice_default(self, value: bytes) -> None:
        self._default(_numbers(value), self._columns(lambda code: code in (ENUM, SET)))

    def choice_each(self, value: bytes) -> None:
        self._put("collations", self._columns(lambda code: code in (ENUM, SET)), _numbers(value))

    def _default(self, numbers: List[int], columns: List[int]) -> None:
        collations = [numbers[0]] * len(columns)
        for index, collation in zip(numbers[1::2], numbers[2::2]):
            if index >= len(collations):
                raise _MisfitError
            collations[index] = collation
        self._put("collations", columns, collations)

    def set_values(self, value: bytes) -> None:
        self._put("values", self._columns(lambda code: code == SET), _string_lists(value))

    def enum_values(self, value: bytes) -> None:
        self._put("values", self._columns(lambda code: code == ENUM), _string_lists(value))

    def geometry(self, value: bytes) -> None:
        self._put("geometry_types", self._columns(lambda code: code == GEOMETRY), _numbers(value))

    def vector(self, value: bytes) -> None:
        self._put("dimensions", self._columns(lambda code: code == VECTOR), _numbers(value))

    def key(self, value: bytes) -> None:
        self._key(_numbers(value), [])

    def prefix_key(self, value: bytes) -> None:
        numbers = _numbers(value)
        self._key(numbers[0::2], numbers[1::2])

    def _key(self, columns: List[int], prefixes: List[int]) -> None:
        if any(column >= len(self.types) for column in columns):
            raise ValueError("the primary key has a column that the table has not")
        self.fields["primary_key"] = tuple(columns)
        self.fields["primary_key_prefixes"] = tuple(prefixes) or (0,) * len(columns)

    def visibility(self, value: bytes) -> None:
        if len(value) < (len(self.types) + 7) // 8:
            raise ValueError("too few bits of visibility")
        self.fields["visible"] = tuple(bool(value[i >> 3] << (i & 7) & 0x80) for i in range(len(self.types)))


def _numbers(value: bytes) -> List[int]:
    numbers: List[int] = []
    pos = 0
    while pos < len(value):
        number, pos = packed_integer(value, pos)
        numbers.append(number)
    return numbers


def _strings(value: bytes) -> List[bytes]:
    strings: List[bytes] = []
    pos = 0
    while pos < len(value):
        string, pos = packed_bytes(value, pos)
        strings.append(string)
    return strings


def _string_lists(value: bytes) -> List[Tuple[bytes, ...]]:
    lists: List[Tuple[bytes, ...]] = []
    pos = 0
    while pos < len(value):
        count, pos = packed_integer(value, pos)
        strings: List[bytes] = []
        for _unused in range(min(count, len(value))):
            string, pos = packed_bytes(value, pos)
            strings.append(string)
        lists.append(tuple(strings))
    return lists


_READERS: Dict[int, Callable[[_Reader, bytes], None]] = {
    1: _Reader.signedness,
    2: _Reader.text_default,
    3: _Reader.text_each,
    4: _Reader.names,
    5: _Reader.set_values,
    6: _Reader.enum_values,
    7: _Reader.geometry,
    8: _Reader.key,
    9: _Reader.prefix_key,
    10: _Reader.choice_default,
    11: _Reader.choice_each,
    12: _Reader.visibility,
    13: _Reader.vector,
}
