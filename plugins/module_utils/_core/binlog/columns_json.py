# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value of a JSON column of MySQL, and the partial updates by which the binlog can change it.

A document is read only when it is compared with other than the same bytes: most rows of a binlog never are.
"""

from __future__ import annotations

import json
import re
import struct
from typing import Callable, Dict, List, Optional, Tuple, TypeVar, Union

from ..errors import BinlogError
from . import columns_text, json_binary
from .columns_info import DECODE_ERRORS, Decoder
from .columns_json_text import DEPTH, Tree, normal, render
from .packed import packed_bytes

_REPLACE, _INSERT, _REMOVE = 0, 1, 2
_LEG = re.compile(r'\[([0-9]{1,9})\]|\.("(?:[^"\\]|\\.)*"|[^.\[\]"]+)', re.DOTALL)

Leg = Union[int, str]
Made = TypeVar("Made")


class Json:
    """A document: equal to another, and to its normal text, exactly when the server prints both alike.

    :param source: its binary form, or a tree.
    """

    __slots__ = ("_source", "_text")

    def __init__(self, source: Union[bytes, Tree, None], text: Optional[str] = None) -> None:
        self._source = source
        self._text = text

    @property
    def text(self) -> str:
        """The normal text.

        :raises BinlogError: when the binary form is damaged.
        """
        if self._text is None:
            self._text = _checked(lambda: render(self._parsed()))
        return self._text

    def tree(self) -> Tree:
        """The document as a new tree of dicts, lists and normal texts.

        :raises BinlogError: when the binary form is damaged, or the document came as text.
        """
        return _checked(lambda: _copy(self._parsed(), 0))

    def _parsed(self) -> Tree:
        if isinstance(self._source, bytes):
            return json_binary.decode(self._source)
        if self._source is None:
            raise ValueError("a document that came as text has no tree")
        return self._source

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Json):
            return isinstance(self._source, bytes) and self._source == other._source or self.text == other.text
        return self.text == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return "Json(%r)" % self.text

    def __str__(self) -> str:
        return self.text


def stored(length_size: int) -> Decoder:
    """Decoder of a document in its binary form, which is not looked at here.

    :raises ValueError: for a length of that many bytes.
    """
    if length_size != 4:
        plain = columns_text.blob(length_size)
        return lambda buffer, offset: _wrapped(*plain(buffer, offset))
    unpack = struct.Struct("<I").unpack_from

    def decode(buffer: bytes, offset: int) -> Tuple[Json, int]:
        start = offset + 4
        end = start + unpack(buffer, offset)[0]
        return Json(buffer[start:end]), end

    return decode


def _wrapped(data: bytes, end: int) -> Tuple[Json, int]:
    return Json(data), end


def printed(text: bytes) -> Json:
    """A document as the server prints it, in UTF-8.

    :raises BinlogError: when it is no JSON.
    """
    found = _checked(lambda: normal(text.decode("utf-8")))
    if not found:
        raise BinlogError("decode a JSON document", "", "it is empty")
    return Json(None, found)


def updated(before: Json, differences: bytes) -> Json:
    """The document after a partial update.

    :param before: the document of the before image.
    :param differences: what the after image holds in its place, without its length.
    :raises BinlogError: when the update is damaged or does not fit the document.
    """
    return _checked(lambda: Json(_updated(before.tree(), differences)))


def _checked(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except DECODE_ERRORS as error:
        raise BinlogError("decode a JSON document", "", str(error) or type(error).__name__) from None


def _copy(tree: Tree, depth: int) -> Tree:
    if isinstance(tree, str):
        return tree
    if depth >= DEPTH:
        raise ValueError("a JSON document of more than %d levels" % DEPTH)
    if isinstance(tree, dict):
        return {name: _copy(value, depth + 1) for name, value in tree.items()}
    return [_copy(value, depth + 1) for value in tree]


def _updated(tree: Tree, differences: bytes) -> Tree:
    # The document hangs in a list of one, so that it can be replaced like any other place.
    top: List[Tree] = [tree]
    offset = 0
    while offset < len(differences):
        operation = differences[offset]
        path, offset = packed_bytes(differences, offset + 1)
        value: Optional[Tree] = None
        if operation != _REMOVE:
            data, offset = packed_bytes(differences, offset)
            value = json_binary.decode(data)
        legs = _legs(path.decode("utf-8"))
        _apply(operation, _parent(top, legs), legs[-1], value)
    return top[0]


def _legs(path: str) -> Tuple[Leg, ...]:
    """The steps of a path, after one to the whole document."""
    if not path.startswith("$"):
        raise ValueError("a JSON path without its $")
    legs: List[Leg] = [0]
    offset = 1
    while offset < len(path):
        match = _LEG.match(path, offset)
        if not match or len(legs) > DEPTH:
            raise ValueError("a JSON path that cannot be read")
        index, name = match.groups()
        legs.append(int(index) if index is not None else json.loads(name, strict=False) if name[0] == '"' else name)
        offset = match.end()
    return tuple(legs)


def _parent(top: Tree, legs: Tuple[Leg, ...]) -> Tree:
    for leg in legs[:-1]:
        if isinstance(top, dict) and isinstance(leg, str):
            top = top[leg]
            continue
        if not isinstance(top, list) or not isinstance(leg, int):
            raise ValueError("a JSON path to a place that is not there")
        top = top[leg]
    return top


def _apply(operation: int, parent: Tree, leg: Leg, value: Optional[Tree]) -> None:
    if isinstance(parent, dict) and isinstance(leg, str):
        _apply_to_object(operation, parent, leg, value)
    elif isinstance(parent, list) and isinstance(leg, int):
        _apply_to_array(operation, parent, leg, value)
    else:
        raise ValueError("a JSON path to a place that is not there")


def _apply_to_object(operation: int, parent: Dict[str, Tree], name: str, value: Optional[Tree]) -> None:
    if (name in parent) == (operation == _INSERT):
        raise ValueError("a JSON member that is there already, or not there")
    if operation == _REMOVE:
        del parent[name]
    elif value is not None and operation in (_REPLACE, _INSERT):
        parent[name] = value
    else:
        raise ValueError("a JSON change of type %d" % operation)


def _apply_to_array(operation: int, parent: List[Tree], index: int, value: Optional[Tree]) -> None:
    if operation == _INSERT and value is not None:
        parent.insert(index, value)
    elif operation == _REPLACE and value is not None:
        parent[index] = value
    elif operation == _REMOVE:
        del parent[index]
    else:
        raise ValueError("a JSON change of type %d" % operation)
