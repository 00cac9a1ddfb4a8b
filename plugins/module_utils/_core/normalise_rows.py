# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access to the raw rows that `_server/reader.py` returned, tolerant of sections and columns that are not there."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

from .account_statement import masked_error
from .snapshot import Coordinates, Fault

Row = Mapping[str, Any]
Value = TypeVar("Value")

_STATUS_TIME = re.compile(r"^(\d\d)(\d\d)(\d\d) +(\d{1,2}):(\d\d):(\d\d)$")
_ON = frozenset(("yes", "on", "true", "1", "ignored"))


class Sections:
    """The sections of one raw reading."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._sections: Mapping[str, Any] = raw.get("sections") or {}

    def has(self, name: str) -> bool:
        """True when the section was read, whether it has rows or not."""
        section = self._sections.get(name)
        return section is not None and not section.get("error")

    def rows(self, name: str) -> List[Row]:
        """The rows; none when the section is missing or failed."""
        section = self._sections.get(name) or {}
        return list(section.get("rows") or []) if not section.get("error") else []

    def first(self, name: str) -> Row:
        """The first row, or an empty one."""
        rows = self.rows(name)
        return rows[0] if rows else {}

    def of_channel(self, name: str, channel: str) -> List[Row]:
        """The rows of one channel, however the section spells the column; all rows where it has no such column."""
        return [row for row in self.rows(name) if _channel(row) in (None, channel)]

    def pairs(self, name: str) -> Dict[str, str]:
        """A section of SHOW VARIABLES or SHOW STATUS as a mapping."""
        return {text(row, "Variable_name"): text(row, "Value") for row in self.rows(name)}

    def faults(self) -> Dict[str, Fault]:
        """What could not be read, and why."""
        found: Dict[str, Fault] = {}
        for name, section in self._sections.items():
            error = section.get("error")
            if error:
                found[name] = Fault(int(error.get("number") or 0), masked_error(str(error.get("text") or "")))
        return found


def _channel(row: Row) -> Optional[str]:
    for column in ("CHANNEL_NAME", "Channel_name", "Channel_Name", "Connection_name"):
        if column in row:
            return text(row, column)
    return None


def text(row: Row, column: str, default: str = "") -> str:
    """A column as text; the default when it is missing or NULL."""
    value = row.get(column)
    return default if value is None else str(value)


def number(row: Row, column: str) -> Optional[int]:
    """A column as a whole number; None when it is missing, NULL or no number."""
    value = row.get(column)
    if value is None:
        return None
    try:
        return int(float(value)) if "." in str(value) else int(value)
    except (TypeError, ValueError):
        return None


def whole(row: Row, column: str, default: int = 0) -> int:
    """A column as a whole number, or the default."""
    found = number(row, column)
    return default if found is None else found


def flag(value: Any) -> int:
    """1 for yes in any spelling of any server, otherwise 0."""
    return int(str(value).strip().lower() in _ON)


def coordinates(row: Row, file: str, position: str) -> Optional[Coordinates]:
    """A file and a position; None without a file."""
    name = text(row, file)
    return Coordinates(name, whole(row, position)) if name else None


def fault(row: Row, number_column: str, text_column: str, time_column: str = "") -> Optional[Fault]:
    """An error, which is there when it has a number or a text: MySQL 5.6 and MariaDB show some with number 0.

    Servers quote the failing statement in the text. No password in it goes any further than this.
    """
    code, message = whole(row, number_column), masked_error(text(row, text_column))
    if not code and not message:
        return None
    return Fault(code, message, moment(text(row, time_column)) if time_column else "")


def moment(value: str) -> str:
    """A time as ISO text: of SHOW STATUS (``261120 23:27:03``) or of performance_schema; '' for none."""
    match = _STATUS_TIME.match(value.strip())
    if match:
        year, month, day, hour, minute, second = match.groups()
        return "20%s-%s-%sT%02d:%s:%s" % (year, month, day, int(hour), minute, second)
    return "" if value.startswith("0000-00-00") else value.strip().replace(" ", "T")


def parsed(parse: Callable[[str], Value], row: Row, column: str) -> Optional[Value]:
    """A column in a parsed form; None when it is missing, NULL or cannot be parsed."""
    value = row.get(column)
    if value is None:
        return None
    try:
        return parse(str(value))
    except ValueError:
        return None


def first_of(row: Row, columns: Tuple[str, ...]) -> Any:
    """The value of the first of these columns that is there and not NULL."""
    return next((row[column] for column in columns if row.get(column) is not None), None)


def folded(row: Row) -> Dict[str, Any]:
    """The row with column names in lower case."""
    return {name.lower(): value for name, value in row.items()}
