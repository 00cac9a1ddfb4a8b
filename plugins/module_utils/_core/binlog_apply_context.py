# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements of a binlog, to be run again: which may be, and the session that each of them has to run in.

Source: reference manuals of both engines, "mysqlbinlog" and "Server System Variables"; the bits of the flags were
measured on MySQL 5.6 and 9.7, MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import re
import struct
from typing import List, Mapping, Tuple

from .binlog.columns import NEWDECIMAL, column_decoder
from .binlog.columns_info import DECODE_ERRORS, ColumnInfo
from .binlog.query import Intvar, QueryEvent, Rand, Setting, UserVar, status_variables
from .statement import identifier

# Number of a collation: its character set and its name.
Collations = Mapping[int, Tuple[str, str]]

_COMMENT = re.compile(r"/\*(?![!M])[^*]*(?:\*(?!/)[^*]*)*\*/|(?:--\s|#)[^\n]*\n", re.S)
_VERSIONED = re.compile(r"/\*M?!\d*|\*/")
_WORD = re.compile(r"[A-Za-z_]+|`(?:[^`]|``)*`|'[^']*'|\S")

_WRITES = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE"))
_DEFINES = frozenset(("CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME"))
_HARMLESS = frozenset(("ANALYZE", "OPTIMIZE", "FLUSH"))
_OBJECTS = frozenset(
    "TABLE TABLES INDEX DATABASE SCHEMA VIEW TRIGGER PROCEDURE FUNCTION EVENT SEQUENCE PACKAGE".split()
)
_REFUSED = {
    "XA": "an XA statement",
    "LOAD": "LOAD DATA",
    "GRANT": "a statement about users or roles",
    "REVOKE": "a statement about users or roles",
    "SET": "a statement about users or roles",
    "CALL": "a call of a procedure",
}
_FILLERS = frozenset("OR REPLACE IF NOT EXISTS ONLINE OFFLINE IGNORE UNIQUE FULLTEXT SPATIAL VECTOR AGGREGATE".split())

_AUTO_IS_NULL, _NO_FOREIGN_KEYS, _RELAXED_UNIQUE = 1 << 14, 1 << 26, 1 << 27
# Without autocommit the server marks every statement; a definition ends its transaction in any case.
_NOT_AUTOCOMMIT = 1 << 19
# MariaDB, by bit; the last ones exist in later versions only and are set only where they are not at their default.
_NO_CHECKS, _EXPLICIT_DEFAULTS = 1 << 15, 1 << 24
_LATER = {1 << 28: "sql_if_exists = 1", 1 << 30: "system_versioning_insert_history = 1"}
# What only tells other readers of the binlog something, or is in the text as well.
_NOTHING = frozenset(
    ("catalog", "source_data_written", "table_map_for_update", "updated_schemas", "ddl_xid", "microseconds")
)
_NUMBERS = {
    "sql_mode": "sql_mode",
    "lc_time_names": "lc_time_names",
    "collation_database": "collation_database",
    "explicit_defaults_for_timestamp": "explicit_defaults_for_timestamp",
    "default_collation_for_utf8mb4": "default_collation_for_utf8mb4",
    "sql_require_primary_key": "sql_require_primary_key",
    "default_table_encryption": "default_table_encryption",
    "enable_cascade_triggers": "enable_cascade_triggers",
}
_INSERT_ID = 2
_STRING, _REAL, _INT, _DECIMAL = 0, 1, 2, 4


def words_of(text: str) -> List[str]:
    """The first words of a statement in upper case, without comments."""
    bare = _VERSIONED.sub(" ", _COMMENT.sub(" ", text[:4000]))
    return [match.group(0).upper() for match, _unused in zip(_WORD.finditer(bare), range(40))]


def is_definition(text: str) -> bool:
    """Whether the statement holds no rows, so that it may be shown."""
    return words_of(text)[:1] != [] and words_of(text)[0] not in _WRITES


def check(event: QueryEvent) -> None:
    """Whether a statement may be run again as it stands.

    :raises ValueError: it may not; the text says why, as the end of "it is ...".
    """
    words = words_of(event.text)
    first = words[0] if words else ""
    if event.error_code:
        raise ValueError("a statement that ended with error %d on its server" % event.error_code)
    if first in _REFUSED:
        raise ValueError(_REFUSED[first])
    if first in _HARMLESS or first in _WRITES:
        return
    if first not in _DEFINES:
        raise ValueError("a statement of an unknown kind (%s)" % (first or "nothing"))
    if first == "TRUNCATE":
        return
    if "TEMPORARY" in words[1:5]:
        raise ValueError("a statement about a temporary table")
    rest = [word for word in words[1:] if word not in _FILLERS]
    if first in ("CREATE", "ALTER") and rest[:1] and rest[0] in ("DEFINER", "ALGORITHM", "SQL"):
        rest = [word for word in rest if word in _OBJECTS]
    if rest[:1] and rest[0] in ("USER", "ROLE"):
        raise ValueError(_REFUSED["GRANT"])
    if not rest or rest[0] not in _OBJECTS:
        raise ValueError("a statement of an unknown kind (%s %s)" % (first, rest[0] if rest else ""))
    if "CURRENT_USER" in words or ("definer" in status_variables(event.status) and "DEFINER" not in words):
        raise ValueError("a statement that depends on who runs it")


def session(event: QueryEvent, mariadb: bool, collations: Collations) -> Tuple[str, ...]:
    """The statements that make a session the one that the statement ran in.

    :param collations: of the server that it is to run on.
    :raises ValueError: something of it cannot be restored; the text says what.
    """
    status = status_variables(event.status)
    unknown = status.get("unknown")
    if isinstance(unknown, bytes):
        raise ValueError("its context has the unknown status variable %d" % unknown[0])
    settings: List[str] = []
    for name, value in status.items():
        settings += _setting(name, value, mariadb, collations)
    micros = status.get("microseconds")
    made = ["USE %s" % identifier(event.schema)] if event.schema else []
    made.append("SET TIMESTAMP = %d.%06d" % (event.timestamp, micros if isinstance(micros, int) else 0))
    if settings:
        made.append("SET SESSION " + ", ".join(settings))
    for each in event.context:
        made.append(_before(each, collations))
    return tuple(made)


def _setting(name: str, value: Setting, mariadb: bool, collations: Collations) -> List[str]:
    if name in _NOTHING or name == "definer":
        return []
    if name == "flags" and isinstance(value, int):
        return _flags(value, mariadb)
    if name in _NUMBERS and isinstance(value, int):
        return ["%s = %d" % (_NUMBERS[name], value)]
    if name == "time_zone" and isinstance(value, str):
        return ["time_zone = '%s'" % value.replace("\\", "").replace("'", "")]
    if name == "auto_increment" and isinstance(value, tuple):
        return ["auto_increment_increment = %s, auto_increment_offset = %s" % (value[0], value[1])]
    if name == "character_sets" and isinstance(value, tuple):
        names = ("character_set_client", "collation_connection", "collation_server")
        return ["%s = %s" % pair for pair in zip(names, value)]
    if name == "character_set_collations" and isinstance(value, tuple):
        return ["character_set_collations = '%s'" % _pairs(value, collations)]
    raise ValueError("its context has %s, which cannot be restored" % name)


def _flags(value: int, mariadb: bool) -> List[str]:
    known = _AUTO_IS_NULL | _NO_FOREIGN_KEYS | _RELAXED_UNIQUE | _NOT_AUTOCOMMIT
    made = [
        "sql_auto_is_null = %d" % bool(value & _AUTO_IS_NULL),
        "foreign_key_checks = %d" % (not value & _NO_FOREIGN_KEYS),
        "unique_checks = %d" % (not value & _RELAXED_UNIQUE),
    ]
    if mariadb:
        known |= _NO_CHECKS | _EXPLICIT_DEFAULTS | sum(_LATER)
        made.append("check_constraint_checks = %d" % (not value & _NO_CHECKS))
        made.append("explicit_defaults_for_timestamp = %d" % bool(value & _EXPLICIT_DEFAULTS))
        made += [setting for bit, setting in _LATER.items() if value & bit]
    if value & ~known:
        raise ValueError("its context has unknown flags (0x%x)" % (value & ~known))
    return made


def _pairs(numbers: Tuple[object, ...], collations: Collations) -> str:
    names: List[str] = []
    for number in numbers[1::2]:
        charset, name = _collation(int(str(number)), collations)
        names.append("%s=%s" % (charset, name))
    return ",".join(names)


def _collation(number: int, collations: Collations) -> Tuple[str, str]:
    found = collations.get(number)
    if found is None:
        raise ValueError("it uses collation %d, which this server does not have" % number)
    return found


def _before(value: object, collations: Collations) -> str:
    if isinstance(value, Intvar):
        return "SET %s = %d" % ("INSERT_ID" if value.kind == _INSERT_ID else "LAST_INSERT_ID", value.value)
    if isinstance(value, Rand):
        return "SET rand_seed1 = %d, rand_seed2 = %d" % (value.seed1, value.seed2)
    if isinstance(value, UserVar):
        return "SET @%s := %s" % (identifier(value.name), _variable(value, collations))
    raise ValueError("its context is of an unknown kind")


def _variable(value: UserVar, collations: Collations) -> str:
    data = value.value
    if data is None:
        return "NULL"
    if value.type == _STRING:
        charset, collation = _collation(value.collation, collations)
        text = "_%s %s" % (charset, "0x" + data.hex() if data else "''")
        return text if charset == "binary" else "%s COLLATE %s" % (text, collation)
    try:
        if value.type == _INT:
            return str(int.from_bytes(data, "little", signed=not value.unsigned))
        if value.type == _REAL:
            return repr(struct.unpack("<d", data)[0])
        if value.type == _DECIMAL:
            number, _end = column_decoder(NEWDECIMAL, data[0] | data[1] << 8, ColumnInfo())(data, 2)
            return str(number)
    except DECODE_ERRORS:
        raise ValueError("the user variable @%s cannot be read" % value.name) from None
    raise ValueError("the user variable @%s is of an unknown type" % value.name)
