# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the views of a donor that stand on what is not there any more: such a view exists, but cannot be made again."""

from __future__ import annotations

import re
from typing import List

from .._core.errors import RefusedError, ServerError
from .._core.rebuild import ATTEMPT
from .compare_catalog import OUTSIDE
from .connect import Connection

_VIEWS = (
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n, VIEW_DEFINITION AS t FROM information_schema.VIEWS WHERE TABLE_SCHEMA "
)
_FUNCTIONS = (
    "SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) AS n FROM information_schema.ROUTINES WHERE"
    " ROUTINE_TYPE = 'FUNCTION'"
)
# There is no such database, column, table or function, or the text is one that the server itself cannot read.
_GONE = (1049, 1054, 1064, 1146, 1305)
# What an account that may not call a function is told of one that is not there, too (measured on all four flavours).
_DENIED, _FUNCTION = 1370, re.compile(r"for routine '(.+)'")
_MOST = 10


def check_views(reader: Connection) -> None:
    """Refuse views that cannot be made, by preparing what they select: that resolves every name and reads no row.

    What the account may not read is left to the making; a view on such a view is told by that one.

    :raises RefusedError: there are some; each with the server's reason.
    """
    functions = {str(row["n"]).lower() for row in reader.query(_FUNCTIONS)}
    wrong: List[str] = []
    for row in reader.query(_VIEWS + OUTSIDE):
        try:
            reader.execute("PREPARE made_again FROM %s", (str(row["t"]),))
            reader.execute("DEALLOCATE PREPARE made_again")
        except ServerError as error:
            denied = _FUNCTION.search(error.answer) if error.number == _DENIED else None
            if error.number in _GONE or (denied and denied.group(1).lower() not in functions):
                wrong.append("%s.%s (%s)" % (row["s"], row["n"], error.answer))
    if wrong:
        raise RefusedError(
            ATTEMPT, reader.address,
            "views there stand on what is not there any more and cannot be made again: %s%s"
            % ("; ".join(wrong[:_MOST]), " and more" if len(wrong) > _MOST else ""),
            "Nothing was changed. Drop or mend them on the source, or take another method.",
        )  # fmt: skip
