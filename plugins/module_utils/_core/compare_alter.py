# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that give a replica's table the definition that it has on the source, where no value is lost by them.

Nothing is guessed: a column that only the replica has, or a type that may not hold every value, is a refusal with its
reason. The statements want the strict mode that comes with them: there the server itself refuses what would not fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from .column_change import Default, generated, keeps_values
from .compare_definition import Parts, normal, normal_partitions, parts, spelled
from .statement import identifier, qualified

# Strict, so that a value which does not fit is an error; nothing else, so that every definition of the source is taken.
STRICT = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
UNLOGGED = "SET SESSION sql_log_bin = 0"

_NAME = re.compile(r"`((?:[^`]|``)*)`\s*")
_INDEX = re.compile(r"(?:UNIQUE |FULLTEXT |SPATIAL |VECTOR )?KEY `((?:[^`]|``)*)`")
_CONSTRAINT = re.compile(r"CONSTRAINT `((?:[^`]|``)*)` (FOREIGN KEY|CHECK)\b")
# A table of the same schema, which MySQL 5.6 looks for in the session's.
_REFERENCES = re.compile(r"REFERENCES (`(?:[^`]|``)*`) \(")
# Engines that keep what they are given, and take any table.
_ENGINES = frozenset(("innodb", "myisam", "aria", "rocksdb"))


@dataclass(frozen=True)
class Alter:
    """What makes the replica's definition the source's.

    :param statements: to run on the replica, one after another in one session; empty when refused.
    :param refused: why there are none, a phrase each.
    """

    statements: Tuple[str, ...] = ()
    refused: Tuple[str, ...] = ()


def alter(schema: str, name: str, source: str, replica: str) -> Alter:
    """The statements for a table that both sides have.

    :param source, replica: from SHOW CREATE TABLE.
    """
    if normal(source) == normal(replica):
        return Alter()
    mine, theirs = parts(source), parts(replica)
    columns = _Columns(mine, theirs)
    clauses = columns.clauses()
    drops, adds, refused = _keys(schema, mine, theirs, columns.renamed)
    first = ["DROP FOREIGN KEY %s" % key for key in drops[1]]
    options, why = _options(mine, theirs)
    refused = [*columns.refused, *refused, *why]
    middle = [*drops[0], *clauses, *adds[0], *options]
    last = list(adds[1])
    if normal_partitions(mine.partitions) != normal_partitions(theirs.partitions):
        if theirs.partitions and (middle or not mine.partitions):
            first.append("REMOVE PARTITIONING")
        if mine.partitions:
            last.append(mine.partitions)
    if refused or not (first or middle or last):
        return Alter((), tuple(refused or ("the definitions differ in a way that no ALTER TABLE changes",)))
    table = "ALTER TABLE %s " % qualified(schema, name)
    statements = [table + clause for clause in first]
    statements += [table + ", ".join(middle)] if middle else []
    statements += [table + clause for clause in last]
    return Alter((UNLOGGED, STRICT, *statements))


class _Columns:
    """Both sides' columns.

    :ivar renamed: the source's name by the replica's, for a column that has the same type and place on both sides.
    :ivar refused: what would lose values, or may.
    """

    def __init__(self, mine: Parts, theirs: Parts) -> None:
        self._mine = [_split(line) for line in mine.columns]
        self._theirs = [_split(line) for line in theirs.columns]
        self._defaults = (Default.of(theirs.options), Default.of(mine.options))
        self.refused: List[str] = []
        self.renamed: Dict[str, str] = {}
        wanted = {name.lower() for name, _unused in self._mine}
        there = {name.lower() for name, _unused in self._theirs}
        for (new, text), (old, other) in zip(self._mine, self._theirs):
            if new.lower() not in there and old.lower() not in wanted and spelled(text) == spelled(other):
                self.renamed[old] = new
        self._used = [*theirs.keys, *[text for _unused, text in self._theirs if generated(text)]]

    def clauses(self) -> List[str]:
        """The clauses that add, change, move and drop columns; what cannot be done is noted."""
        old_names = {new.lower(): old for old, new in self.renamed.items()}
        wanted = {name.lower() for name, _unused in self._mine}
        found: List[str] = []
        order: List[str] = []
        texts: Dict[str, str] = {}
        for name, text in self._theirs:
            now = self.renamed.get(name, name)
            if now.lower() in wanted:
                order.append(now.lower())
                texts[now.lower()] = text
            elif generated(text):
                found.append("DROP COLUMN %s" % identifier(name))
            else:
                self.refused.append("column %s is only on the replica, and its values would be lost" % name)
        for old in self.renamed:
            # MySQL does not rename a column that an expression names; MariaDB keeps the old name in it.
            if any(identifier(old) in line for line in self._used if "CHECK" in line or generated(line)):
                self.refused.append("column %s has another name, and an expression uses it" % old)
        before = ""
        for at, (name, text) in enumerate(self._mine):
            key = name.lower()
            place = " AFTER %s" % identifier(before) if before else " FIRST"
            moved = order[at : at + 1] != [key]
            if key not in texts:
                found.append("ADD COLUMN %s %s%s" % (identifier(name), text, place))
            else:
                found += self._changed(name, old_names.get(key, name), (texts[key], text), place if moved else "")
            if moved:
                order[:] = [other for other in order if other != key]
                order.insert(at, key)
            before = name
        return found

    def _changed(self, name: str, old: str, texts: Tuple[str, str], place: str) -> List[str]:
        same = spelled(texts[0]) == spelled(texts[1]) and self._defaults[0].same(self._defaults[1], texts[1])
        if not same:
            why = keeps_values(texts[0], texts[1], self._defaults)
            if why:
                self.refused.append("column %s: %s" % (name, why))
        if old != name:
            return ["CHANGE COLUMN %s %s %s%s" % (identifier(old), identifier(name), texts[1], place)]
        return [] if same and not place else ["MODIFY COLUMN %s %s%s" % (identifier(name), texts[1], place)]


def _split(line: str) -> Tuple[str, str]:
    match = _NAME.match(line)
    return (match.group(1).replace("``", "`"), line[match.end() :]) if match else ("", line)


def _keys(
    schema: str, mine: Parts, theirs: Parts, renamed: Dict[str, str]
) -> Tuple[Tuple[List[str], List[str]], Tuple[List[str], List[str]], List[str]]:
    """What to drop and what to add: clauses, and apart from these what needs a statement of its own: foreign keys."""
    here = {spelled(_with_new_names(line, renamed)): line for line in theirs.keys}
    there = {spelled(line): line for line in mine.keys}
    drops: Tuple[List[str], List[str]] = ([], [])
    adds: Tuple[List[str], List[str]] = ([], [])
    refused: List[str] = []
    for text, line in here.items():
        index, constraint = _INDEX.match(line), _CONSTRAINT.match(line)
        if text in there:
            continue
        if line.startswith("PRIMARY KEY"):
            drops[0].append("DROP PRIMARY KEY")
        elif index:
            drops[0].append("DROP INDEX `%s`" % index.group(1))
        elif constraint and constraint.group(2) == "CHECK":
            drops[0].append("DROP CONSTRAINT `%s`" % constraint.group(1))
        elif constraint:
            drops[1].append("`%s`" % constraint.group(1))
        else:
            refused.append("the replica has %s, which is not known" % line)
    for text, line in there.items():
        constraint = _CONSTRAINT.match(line)
        if text in here:
            continue
        if constraint and constraint.group(2) == "FOREIGN KEY":
            adds[1].append(
                "ADD " + _REFERENCES.sub(r"REFERENCES %s.\1 (" % identifier(schema).replace("\\", r"\\"), line)
            )
        elif constraint or line.startswith("PRIMARY KEY") or _INDEX.match(line):
            adds[0].append("ADD " + line)
        else:
            refused.append("the source has %s, which is not known" % line)
    return drops, adds, refused


def _with_new_names(line: str, renamed: Dict[str, str]) -> str:
    """A key as the server shows it once its columns are renamed: the first parentheses hold them."""
    found, depth, end = line.find("("), 0, len(line)
    for at in range(max(found, 0), len(line)):
        depth += (line[at] == "(") - (line[at] == ")")
        if not depth:
            end = at
            break
    inner = line[found:end]
    for old, new in renamed.items():
        inner = inner.replace(identifier(old), identifier(new))
    return line[:found] + inner + line[end:] if found >= 0 else line


def _options(mine: Parts, theirs: Parts) -> Tuple[List[str], List[str]]:
    """Clauses for the table's own options, and what is refused of them."""
    found: List[str] = []
    refused: List[str] = []
    if mine.versioned != theirs.versioned:
        refused.append("one side keeps versions of rows")
    engine = mine.options.get("ENGINE", "")
    if engine.lower() != theirs.options.get("ENGINE", "").lower():
        if engine.lower() in _ENGINES:
            found.append("ENGINE=%s" % engine)
        else:
            refused.append("the engine %s may not keep every row" % engine)
    if _differs(mine, theirs, ("CHARSET", "COLLATE")):
        found.append("DEFAULT CHARACTER SET %s" % mine.options.get("CHARSET", ""))
        if "COLLATE" in mine.options:
            found[-1] += " COLLATE %s" % mine.options["COLLATE"]
    if _differs(mine, theirs, ("COMMENT",)):
        found.append("COMMENT=%s" % mine.options.get("COMMENT", "''"))
    return found, refused


def _differs(mine: Parts, theirs: Parts, names: Sequence[str]) -> bool:
    return any(spelled(mine.options.get(name, "")) != spelled(theirs.options.get(name, "")) for name in names)
