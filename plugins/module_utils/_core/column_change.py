# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a column can take another type and keep every value, when the server is in its strict mode.

Allowed is what either keeps every value as it is or is refused by the server itself (a number out of range, a NULL
where none may be; measured on MySQL 9.7 and 5.6, MariaDB 10.11 and 11.8). Not allowed is whatever rounds, cuts or pads
with no more than a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, Mapping, Optional, Tuple

_TYPE = re.compile(r"([a-z_0-9]+(?: precision)?)(\((?:'(?:[^'\\]|''|\\.)*'|[^')])*\))?", re.I)
_CHARSET = re.compile(r"\bCHARACTER SET (\w+)")
_COLLATE = re.compile(r"\bCOLLATE (\w+)")
_QUOTED = re.compile(r"'(?:[^'\\]|''|\\.)*'")
_NAMES = re.compile(r"`(?:[^`]|``)*`")
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_TEXTS = {"tinytext": 255, "text": 65535, "mediumtext": 16777215, "longtext": 1 << 32}
_BLOBS = {"tinyblob": 255, "blob": 65535, "mediumblob": 16777215, "longblob": 1 << 32}
_WIDEST = 4  # bytes of a character


@dataclass(frozen=True)
class Default:
    """What a column of text has when its own definition names none."""

    charset: str = ""
    collation: str = ""

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Default:
        """From a table's options."""
        return cls(_utf8(options.get("CHARSET", "")), _utf8(options.get("COLLATE", "")))

    def same(self, other: Default, text: str) -> bool:
        """Whether a column's definition means the same with both."""
        plain = _QUOTED.sub("", text)
        named = _CHARSET.search(plain) or _COLLATE.search(plain)
        return self == other or bool(named) or not _Type.of(text, self).is_text


@dataclass(frozen=True)
class _Type:
    """A column's type. ``size`` is the first number in its parentheses, ``scale`` the second."""

    base: str
    arguments: str
    size: Optional[int]
    scale: int
    charset: str

    @classmethod
    def of(cls, text: str, default: Default) -> _Type:
        match = _TYPE.match(text)
        base, arguments = (match.group(1).lower(), match.group(2) or "") if match else ("", "")
        numbers = [int(number) for number in re.findall(r"\d+", arguments)] if base not in ("enum", "set") else []
        charset = _CHARSET.search(_QUOTED.sub("", text))
        collation = _COLLATE.search(_QUOTED.sub("", text))
        own = charset.group(1) if charset else collation.group(1).split("_")[0] if collation else default.charset
        return cls(base, arguments, numbers[0] if numbers else None, numbers[1] if len(numbers) > 1 else 0, _utf8(own))

    @property
    def is_text(self) -> bool:
        return self.base in ("char", "varchar", "enum", "set") or self.base in _TEXTS

    @property
    def is_bytes(self) -> bool:
        return self.base in ("binary", "varbinary") or self.base in _BLOBS


def generated(text: str) -> bool:
    """Whether a column's definition computes it from others."""
    return bool(re.search(r"\bAS \(", _NAMES.sub("", _QUOTED.sub("''", text))))


def keeps_values(old: str, new: str, defaults: Tuple[Default, Default]) -> str:
    """Why a column may lose values by a change; '' when it does not.

    :param old, new: its definition on the replica and on the source, without its name.
    :param defaults: of the tables on the replica and on the source.
    """
    if generated(old) or generated(new):
        same = generated(old) == generated(new) and _stored(old) == _stored(new)
        return "" if same else "it is computed on one side only, or stored on one side only"
    before, after = _Type.of(old, defaults[0]), _Type.of(new, defaults[1])
    rule = _RULES.get(before.base, _same)
    if before.is_text and after.is_text and not _fits_charset(before.charset, after.charset):
        return "text in %s may not fit into %s" % (before.charset, after.charset)
    if rule(before, after):
        return ""
    return "values of %s%s may not stay the same in %s%s" % (before.base, before.arguments, after.base, after.arguments)


def _stored(text: str) -> bool:
    return bool(re.search(r"\b(STORED|PERSISTENT)\b", _QUOTED.sub("", text)))


def _utf8(name: str) -> str:
    return re.sub(r"\Autf8mb3(_|\Z)", r"utf8\1", name)


def _fits_charset(old: str, new: str) -> bool:
    return old == new or new == "utf8mb4" or old == "ascii" or (new == "utf8" and old == "latin1")


def _same(old: _Type, new: _Type) -> bool:
    return (old.base, old.arguments) == (new.base, new.arguments)


def _integer(old: _Type, new: _Type) -> bool:
    return new.base in _INTEGERS or new.base == "decimal"


def _decimal(old: _Type, new: _Type) -> bool:
    return new.base == "decimal" and new.scale >= old.scale


def _float(old: _Type, new: _Type) -> bool:
    return _same(old, new) or (old.size is None and new.base == "double" and new.size is None)


def _text(old: _Type, new: _Type) -> bool:
    if new.base == "char":
        return old.base == "char" and (new.size or 0) >= (old.size or 0)  # CHAR drops spaces at the end
    # Room in characters: at least what there is now at most.
    least = (new.size or 0) if new.base == "varchar" else _TEXTS.get(new.base, 0) // _WIDEST
    most = (old.size or 0) if old.base in ("char", "varchar") else _TEXTS[old.base]
    roomier = old.charset == new.charset and _TEXTS.get(new.base, 0) >= _TEXTS.get(old.base, 1 << 40)
    return (new.base == "varchar" or new.base in _TEXTS) and (least >= most or roomier)


def _bytes(old: _Type, new: _Type) -> bool:
    if old.base == "binary" or new.base == "binary":
        return _same(old, new)  # BINARY is padded
    room = (new.size or 0) if new.base == "varbinary" else _BLOBS.get(new.base, 0)
    return new.is_bytes and room >= ((old.size or 0) if old.base == "varbinary" else _BLOBS[old.base])


def _members(old: _Type, new: _Type) -> bool:
    return old.base == new.base and set(_QUOTED.findall(old.arguments)) <= set(_QUOTED.findall(new.arguments))


def _time(old: _Type, new: _Type) -> bool:
    return old.base == new.base and (new.size or 0) >= (old.size or 0)


def _date(old: _Type, new: _Type) -> bool:
    return new.base in ("date", "datetime")


def _bits(old: _Type, new: _Type) -> bool:
    return new.base == "bit" and (new.size or 1) >= (old.size or 1)


_RULES: Dict[str, Callable[[_Type, _Type], bool]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(("char", "varchar", *_TEXTS), _text),
    **dict.fromkeys(("binary", "varbinary", *_BLOBS), _bytes),
    **dict.fromkeys(("enum", "set"), _members),
    **dict.fromkeys(("datetime", "timestamp", "time"), _time),
    "decimal": _decimal,
    "float": _float,
    "double": _float,
    "date": _date,
    "bit": _bits,
}
