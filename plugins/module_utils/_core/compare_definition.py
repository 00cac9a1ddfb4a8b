# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table definitions in a form in which two servers' SHOW CREATE TABLE can be compared.

Set aside is what changes no row and differs by version or history: the next AUTO_INCREMENT value, the row format and
other storage options, display widths of integers, the order of keys, the spelling of the same character set or default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Mapping, Tuple

_COLUMN = re.compile(r"`(?:[^`]|``)*` ")
_QUOTED = re.compile(r"'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`", re.S)
_COMMENTED = re.compile(r"/\*M?!\d*\s*(.*?)\s*\*/", re.S)
_OPTION = re.compile(r"(DEFAULT )?([A-Z_]+(?: SET| DIRECTORY)?)=('(?:[^'\\]|''|\\.)*'|\([^)]*\)|\S+)")
_KEEP = frozenset(("ENGINE", "CHARSET", "COLLATE", "COMMENT"))
_SPELLING: Tuple[Tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.I), text)
    for pattern, text in (
        (r"\butf8\b", "utf8mb3"),
        (r"\butf8_", "utf8mb3_"),
        (r"\bcurrent_timestamp\(\)", "CURRENT_TIMESTAMP"),
        (r"\bcurrent_timestamp\b", "CURRENT_TIMESTAMP"),
        # A collation names its character set; MySQL 8 and later show both or one, by how the column was made.
        (r" CHARACTER SET (\w+) (?=COLLATE \1_)", " "),
        (r" USING BTREE\b", ""),
        (r" PERSISTENT\b", " STORED"),
        (r" GENERATED ALWAYS AS\b", " AS"),
        (r"\bDEFAULT '(-?\d+(?:\.\d+)?)'", r"DEFAULT \1"),
        (r"\b(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)(?! zerofill| unsigned zerofill)", r"\1"),
        (r"\s+", " "),
    )
)


@dataclass(frozen=True)
class Parts:
    """A table's definition cut up, every part as the server printed it.

    :param columns: a line each, in order.
    :param keys: a line each: keys and constraints.
    :param options: those that mean something, by name (ENGINE, CHARSET, COLLATE, COMMENT).
    :param partitions: ``PARTITION BY ...``; '' for none.
    """

    columns: Tuple[str, ...]
    keys: Tuple[str, ...]
    options: Mapping[str, str]
    partitions: str
    versioned: bool


def parts(create: str) -> Parts:
    """A definition cut up.

    :param create: from SHOW CREATE TABLE.
    """
    lines = create.replace("\r\n", "\n").split("\n")
    columns: List[str] = []
    keys: List[str] = []
    end = len(lines) - 1
    for index in range(1, len(lines)):
        if lines[index].startswith(")"):
            end = index
            break
        text = lines[index].strip()
        text = text[:-1] if text.endswith(",") else text
        (columns if _COLUMN.match(text) else keys).append(text)
    tail = _COMMENTED.sub(r" \1 ", "\n".join(lines[end:])[1:])
    at = re.search(r"\bPARTITION BY\b", _QUOTED.sub(lambda m: "x" * len(m.group(0)), tail))
    head, partitions = (tail[: at.start()], tail[at.start() :]) if at else (tail, "")
    options = {found.group(2): found.group(3) for found in _OPTION.finditer(head) if found.group(2) in _KEEP}
    versioned = "WITH SYSTEM VERSIONING" in head
    return Parts(tuple(columns), tuple(keys), options, " ".join(partitions.split()), versioned)


def normal(create: str) -> Tuple[str, ...]:
    """A definition as lines: the columns in order, then keys and constraints sorted, then table options and partitions.

    :param create: from SHOW CREATE TABLE.
    """
    own = parts(create)
    lines = ["%s=%s" % (name, spelled(own.options[name])) for name in sorted(own.options)]
    if own.partitions:
        lines.append(normal_partitions(own.partitions))
    if own.versioned:
        lines.append("WITH SYSTEM VERSIONING")
    return (
        tuple(spelled(line) for line in own.columns) + tuple(sorted(spelled(line) for line in own.keys)) + tuple(lines)
    )


def normal_partitions(text: str) -> str:
    """The partitions of a table in one spelling."""
    return spelled(re.sub(r"\s*([(),=])\s*", r"\1", text.replace("`", ""))).strip()


def spelled(line: str) -> str:
    """The line with one spelling outside of quotes; a quoted number after DEFAULT loses its quotes."""
    kept: List[str] = []

    def hide(match: re.Match[str]) -> str:
        text = match.group(0)
        if re.match(r"'-?\d+(\.\d+)?'\Z", text) and line[: match.start()].endswith("DEFAULT "):
            return text
        kept.append(text)
        return "\0%d\0" % (len(kept) - 1)

    text = _COMMENTED.sub(r" \1 ", _QUOTED.sub(hide, line))
    for pattern, replacement in _SPELLING:
        text = pattern.sub(replacement, text)
    return re.sub(r"\0(\d+)\0", lambda m: kept[int(m.group(1))], text).strip()


def differences(source: str, replica: str) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """The lines of a definition that only the source has, and those that only the replica has.

    Columns in another order are a difference even when every line is on both sides.
    """
    mine, theirs = normal(source), normal(replica)
    if mine == theirs:
        return (), ()
    only_source = tuple(line for line in mine if line not in theirs)
    only_replica = tuple(line for line in theirs if line not in mine)
    if not only_source and not only_replica:
        order = "order: " + ", ".join(line.split(" ", 1)[0] for line in mine if line.startswith("`"))
        other = "order: " + ", ".join(line.split(" ", 1)[0] for line in theirs if line.startswith("`"))
        return (order,), (other,)
    return only_source, only_replica
