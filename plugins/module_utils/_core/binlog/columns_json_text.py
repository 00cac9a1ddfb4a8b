# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON documents as one normal text each, whether they come from the binlog's binary form or from the server's text.

Two documents have the same normal text exactly when the server prints them alike: members in the server's order,
strings with the same escapes, numbers with the same value (and integers apart from others). What the server prints
alike is the same here: the text "2020-01-01" and a date of that day inside a document cannot be told apart by SELECT.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Dict, List, Tuple, Union

# As deep as MySQL allows a document to be.
DEPTH = 100

Tree = Union[str, List["Tree"], Dict[str, "Tree"]]  # a str is the normal text of a value without parts

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[\[\]{},:]|true|false|null|[ \t\r\n]+', re.DOTALL)
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?")
_PLAIN = frozenset("[]{},:")
# Numbers up to this many digits are written without an exponent.
_PLAIN_DIGITS = 21


def quoted(text: str) -> str:
    """A string with the least escapes that JSON asks for."""
    return encode_basestring(text)


def number(text: str) -> str:
    """The normal text of a number: an integer as it is, anything else by its digits without needless zeros.

    :raises ValueError: when it is none.
    """
    match = _NUMBER.fullmatch(text)
    if not match:
        raise ValueError("not a JSON number: %s" % text[:40])
    sign, whole, fraction, exponent = match.groups()
    if fraction is None and exponent is None:
        return sign + (whole.lstrip("0") or "0")
    digits = whole + (fraction or "")
    power = int(exponent or 0) - len(fraction or "")
    kept = digits.rstrip("0")
    power += len(digits) - len(kept)
    kept = kept.lstrip("0")
    if not kept:
        return sign + "0.0"
    point = len(kept) + power
    if power >= 0 and point <= _PLAIN_DIGITS:
        return sign + kept + "0" * power + ".0"
    if 0 < point < len(kept) <= _PLAIN_DIGITS:
        return "%s%s.%s" % (sign, kept[:point], kept[point:])
    if -6 < point <= 0 and len(kept) <= _PLAIN_DIGITS:
        return "%s0.%s%s" % (sign, "0" * -point, kept)
    return "%s%s.%se%d" % (sign, kept[0], kept[1:] or "0", point - 1)


def normal(text: str) -> str:
    """The normal text of a document as the server prints it.

    :raises ValueError: when it is no JSON.
    """
    tokens = _TOKEN.findall(text)
    if sum(map(len, tokens)) != len(text):
        raise ValueError("not JSON at character %d" % _misfit(text))
    return "".join([token if token in _PLAIN or token.isdigit() else _normal(token) for token in tokens])


def _normal(token: str) -> str:
    first = token[0]
    if first == '"':
        return quoted(json.loads(token, strict=False)) if "\\" in token else token
    if first in "-0123456789":
        return number(token)
    return "" if token.isspace() else token


def _misfit(text: str) -> int:
    """Where a text ceases to be JSON."""
    offset = 0
    match = _TOKEN.match(text)
    while match:
        offset = match.end()
        match = _TOKEN.match(text, offset)
    return offset


def render(tree: Tree) -> str:
    """The normal text of a tree."""
    parts: List[str] = []
    _render(tree, parts, 0)
    return "".join(parts)


def _server_order(member: Tuple[str, Tree]) -> Tuple[int, bytes]:
    """The order in which the server keeps the members of an object: the shorter name first, then by bytes.

    A binary document has it already; one that was changed by a partial update has not.
    """
    name = member[0].encode("utf-8")
    return len(name), name


def _render(tree: Tree, parts: List[str], depth: int) -> None:
    if isinstance(tree, str):
        parts.append(tree)
        return
    if depth >= DEPTH:
        raise ValueError("a JSON document of more than %d levels" % DEPTH)
    before = "{" if isinstance(tree, dict) else "["
    if isinstance(tree, dict):
        for name, value in sorted(tree.items(), key=_server_order):
            parts.append(before + quoted(name) + ":")
            _render(value, parts, depth + 1)
            before = ","
    else:
        for value in tree:
            parts.append(before)
            _render(value, parts, depth + 1)
            before = ","
    if before != ",":
        parts.append(before)
    parts.append("}" if isinstance(tree, dict) else "]")
