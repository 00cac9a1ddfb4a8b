# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table definitions in a form in which two servers' SHOW CREATE TABLE can be compared.

Set aside is what changes no row and differs by version or history: the next AUTO_INCREMENT value, the row format and
other storage options, display widths of integers, the order of keys, the spelling of the same character set or default.
"""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

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
        (r" USING BTREE\b", ""),
        (r" PERSISTENT\b", " STORED"),
        (r" GENERATED ALWAYS AS\b", " AS"),
        (r"\bDEFAULT '(-?\d+(?:\.\d+)?)'", r"DEFAULT \1"),
        (r"\b(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)(?! zerofill| unsigned zerofill)", r"\1"),
        (r"\s+", " "),
    )
)


def normal(create: str) -> Tuple[str, ...]:
    """A definition as lines: the columns in order, then keys and constraints sorted, then table options and partitions.

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
        line = _spelled(text[:-1] if text.endswith(",") else text)
        (columns if _COLUMN.match(line) else keys).append(line)
    return tuple(columns) + tuple(sorted(keys)) + _options(lines[end:])


def _options(lines: List[str]) -> Tuple[str, ...]:
    """The table's options that mean something, sorted, and its partitions as one line."""
    text = _COMMENTED.sub(r" \1 ", "\n".join(lines)[1:])
    at = re.search(r"\bPARTITION BY\b", _QUOTED.sub(lambda m: "x" * len(m.group(0)), text))
    head, partitions = (text[: at.start()], text[at.start() :]) if at else (text, "")
    found: Dict[str, str] = {}
    for match in _OPTION.finditer(head):
        if match.group(2) in _KEEP:
            found[match.group(2)] = _spelled(match.group(3))
    lines_out = ["%s=%s" % item for item in sorted(found.items())]
    if partitions:
        lines_out.append(_spelled(re.sub(r"\s*([(),=])\s*", r"\1", partitions.replace("`", ""))).strip())
    if "WITH SYSTEM VERSIONING" in head:
        lines_out.append("WITH SYSTEM VERSIONING")
    return tuple(lines_out)


def _spelled(line: str) -> str:
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
