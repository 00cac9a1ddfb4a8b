# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements as the driver takes them and as messages show them."""

from __future__ import annotations

import re
from typing import List, Sequence, Tuple

from .._core.statement import MASK, Statement, Value

_PLACEHOLDER = re.compile(r"%s|%%")


def bytes_inline(sql: str, params: Sequence[Value]) -> Tuple[str, Tuple[Value, ...]]:
    """Text and parameters with bytes as hexadecimal literals in the text: drivers differ in how they quote them."""
    if not any(isinstance(value, bytes) for value in params):
        return sql, tuple(params)
    left = iter(params)
    kept: List[Value] = []

    def put(match: re.Match[str]) -> str:
        if match.group(0) == "%%":
            return "%%"
        value = next(left)
        if isinstance(value, bytes):
            return "_binary X'%s'" % value.hex()
        kept.append(value)
        return "%s"

    text = _PLACEHOLDER.sub(put, sql)
    return (text, tuple(kept)) if kept else (text.replace("%%", "%"), ())


def shortened(text: str, limit: int = 300) -> str:
    """The text in one line, cut to ``limit`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def without_secrets(answer: str, statement: Statement) -> str:
    """The server's answer without the secrets of the statement: syntax errors quote the statement from the error on."""
    answer = re.sub(r"(\bnear )'.*", r"\1'%s'" % MASK, answer, flags=re.DOTALL)
    for index in statement.secret:
        value = statement.params[index]
        if value:
            answer = answer.replace("'%s'" % str(value), "'%s'" % MASK)
    return answer
