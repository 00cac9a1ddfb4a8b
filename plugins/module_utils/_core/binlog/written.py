# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readers of rows that are written out for a table's very columns, as Python source, and then compiled.

`runs.reader` walks over lists that say what to do, and that costs as much as the values themselves. What is written
here has them spelled out, as the constructors are that `dataclasses` writes. For two integers, a VARCHAR, a DECIMAL and
a column that is NULL the reader of an image is::

    def make(given):
        (g0, g1, g2, g3, g4, g5) = given

        def read(data, pos):
            v0, v1, v2 = g0(data, pos)
            start = pos + 15
            pos = start + v2
            v2 = data[start:pos]
            v3, w3 = g1(data, pos)
            value = (v0, v1, v2, (g2[v3] + g3[w3] if v3 > g4 else g5(v3 + w3)), None)
            pos += 6
            return value, pos

        return read

The source consists of the fragments below and of numbers that are counted here. Nothing that a server sent gets into
it: no name, no form and no value is a part of it, and what depends on a column's type is ``given`` as objects.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .runs import Field, Reader

# From (data, offset, where the event ends) to the rows, and the offset behind them. Whether that is the end is for the
# caller to say: what is read by length may be beyond it.
Rows = Callable[[bytes, int, int], Tuple[List[Any], int]]

_FRAME = "def make(given):\n    (%s) = given\n%s"
_READER = """\
    def read(data, pos):
%s
        return value, pos
    return read
"""
_ROWS = """\
    def rows(data, pos, end):
        changes = []
        while pos < end:
%s
            changes.append(%s(%s, (%s, %s, %s, %s, False)))
        return changes, pos
    return rows
"""
_CHOICE = """\
            if %s:
%s
            else:
                %s, pos = %s(data, pos)
                %s"""


class _Source:
    """What a function is given, by names."""

    def __init__(self) -> None:
        self._given: List[Any] = []

    def give(self, thing: Any) -> str:
        """Give something to the function; the name that it has there."""
        self._given.append(thing)
        return "g%d" % (len(self._given) - 1)

    def compiled(self, body: str) -> Any:
        """The function of this source."""
        names = "".join(["g%d," % number for number in range(len(self._given))])
        return _compiled(_FRAME % (names, body))(self._given)


@lru_cache(maxsize=64)
def _compiled(source: str) -> Callable[[Sequence[Any]], Any]:
    """What makes functions of this source: tables with columns of the same types share one."""
    scope: Dict[str, Any] = {}
    exec(source, scope)
    made: Callable[[Sequence[Any]], Any] = scope["make"]
    return made


class _Image:
    """The lines that read an image.

    :param letters: that the names begin with: of values, of second halves, and of what was made of values.
    :param earlier: those of the image before, whose values are taken where the same bytes make them.
    """

    def __init__(self, source: _Source, letters: str, earlier: str = "") -> None:
        self._give, self._letters, self._earlier = source.give, letters, earlier
        self.lines: List[str] = []
        # Names of bytes that the image behind this one can have, too.
        self.kept: List[str] = []
        self._values: List[str] = []
        # What is read next, all at once.
        self._names: List[str] = []
        self._form = "<"

    def read(self, fields: Sequence[Field], nulls: Sequence[bool], skip: int, target: str) -> List[str]:
        """The lines; they leave the values in ``target``."""
        self._form = "<%dx" % skip
        for number, (field, null) in enumerate(zip(fields, nulls)):
            if null:
                self._values.append("None")
            else:
                self._column(number, field)
        size = self._run()
        self.lines.append("%s = (%s)" % (target, "".join([value + "," for value in self._values])))
        if size > 0:
            self.lines.append("pos += %d" % size)
        return self.lines

    def _column(self, number: int, field: Field) -> None:
        name, half, made = ("%s%d" % (letter, number) for letter in self._letters)
        self._names.append(name)
        if field.halves is not None:
            size, above, first, second, whole = field.halves
            self._names.append(half)
            self._form += "%ds%ds" % (size, struct.calcsize(field.form) - size)
            parts = self._give(first), name, self._give(second), half, name, self._give(above)
            text = "(%s[%s] + %s[%s] if %s > %s else " % parts
            self._values.append(text + "%s(%s + %s))" % (self._give(whole), name, half))
            return
        self._form += field.form
        if field.long:
            size = self._run()
            self.lines += ["start = pos + %d" % size, "pos = start + %s" % name, "%s = data[start:pos]" % name]
        if field.convert is None:
            self._values.append(name)
        elif field.long:
            self._kept(number, self._give(field.convert), name, made)
        else:
            self._values.append("%s(%s)" % (self._give(field.convert), name))

    def _kept(self, number: int, convert: str, name: str, made: str) -> None:
        """A long value that is the same object in both images of an update that does not change it."""
        line = "%s = %s(%s)" % (made, convert, name)
        if self._earlier:
            before = "%s%d" % (self._earlier[0], number), "%s%d" % (self._earlier[2], number)
            line = "%s = %s if %s == %s else %s(%s)" % (made, before[1], name, before[0], convert, name)
        self.lines.append(line)
        self.kept.append(name)
        self._values.append(made)

    def _run(self) -> int:
        """Read what is next; how many bytes that takes."""
        form = struct.Struct(self._form)
        if self._form == "<B":
            self.lines.append("%s = data[pos]" % self._names[0])
        elif self._names:
            self.lines.append("%s, = %s(data, pos)" % (", ".join(self._names), self._give(form.unpack_from)))
        self._names, self._form = [], "<"
        return form.size


def _indented(lines: Sequence[str], depth: int) -> str:
    return "\n".join([" " * depth + line for line in lines])


def written(fields: Sequence[Field], nulls: Sequence[bool], skip: int) -> Reader:
    """As `runs.reader`: it takes longer to make and half as long to read."""
    source = _Source()
    lines = _Image(source, "vwm").read(fields, nulls, skip, "value")
    made: Reader = source.compiled(_READER % _indented(lines, 8))
    return made


class Common:
    """The images of a table that nearly all are like.

    :param nulls: their bitmap.
    :param absent: the columns that it says are NULL.
    :param read: reads any image.
    """

    def __init__(self, fields: Sequence[Field], nulls: bytes, absent: Sequence[bool], read: Reader) -> None:
        self.fields, self.nulls, self.absent, self.read = fields, nulls, absent, read


def written_rows(change: type, table: Any, kind: str, before: Optional[Common], after: Optional[Common]) -> Rows:
    """What makes changes of rows; most of their images are of these.

    :param change: a NamedTuple of table, kind, both images, and whether these lack columns.
    """
    source = _Source()
    parts: List[str] = []
    earlier = ""
    for common, target, letters in ((before, "before", "vwm"), (after, "after", "xyn")):
        if common is None:
            continue
        skip = len(common.nulls)
        same = "data[pos] == %d" % common.nulls[0]
        if skip != 1:
            same = "data.startswith(%s, pos)" % source.give(common.nulls)
        image = _Image(source, letters, earlier)
        lines = image.read(common.fields, common.absent, skip, target)
        kept = " = ".join([*image.kept, "None"]) if target == "before" else "pass"
        parts.append(_CHOICE % (same, _indented(lines, 16), target, source.give(common.read), kept))
        earlier = letters
    body = "\n".join(parts), source.give(tuple.__new__), source.give(change), source.give(table), source.give(kind)
    images = "before" if before is not None else "None", "after" if after is not None else "None"
    made: Rows = source.compiled(_ROWS % (body + images))
    return made
