# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ALTER TABLE that gives a table the columns it has on another server, from both servers' SHOW CREATE TABLE."""

from __future__ import annotations

import re
from typing import Dict, List

from .statement import qualified

_COLUMN = re.compile(r"^\s+(`(?:[^`]|``)+`) (.+?),?$", re.M)


def alter(schema: str, name: str, have: str, wanted: str) -> str:
    """The statement for people to look at; '' when the columns are the same and something else differs.

    :param have: SHOW CREATE TABLE of the table that is to be changed.
    :param wanted: that of the other one.
    """
    mine, other = columns(have), columns(wanted)
    names = list(other)
    clauses: List[str] = ["DROP COLUMN %s" % column for column in mine if column not in other]
    for place, column in enumerate(names):
        where = "AFTER %s" % names[place - 1] if place else "FIRST"
        if column not in mine:
            clauses.append("ADD COLUMN %s %s %s" % (column, other[column], where))
        elif mine[column] != other[column]:
            clauses.append("MODIFY COLUMN %s %s" % (column, other[column]))
    return "ALTER TABLE %s %s" % (qualified(schema, name), ", ".join(clauses)) if clauses else ""


def columns(definition: str) -> Dict[str, str]:
    """The columns' quoted names and definitions, in order, from SHOW CREATE TABLE."""
    return {match.group(1): match.group(2) for match in _COLUMN.finditer(definition)}
