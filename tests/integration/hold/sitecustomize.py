# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds a module right before one of its statements, so that a test can end it or its server at exactly that point.

Python imports this by itself in every process that has this folder on PYTHONPATH. The process writes its id into
``$REPLICAOPS_HOLD_DIR/held`` before the first statement that begins with ``$REPLICAOPS_HOLD_AT``, and goes on when the
file ``go`` is there. With ``$REPLICAOPS_HOLD_NUMBER`` it is the statement with that number, counted from 1 over all
processes, of those that may change a server; ``statements`` then lists them.
"""

from __future__ import annotations

import os
import pathlib
import time
from typing import Any

LIMIT = 120.0

START = os.environ.get("REPLICAOPS_HOLD_AT", "")
NUMBER = int(os.environ.get("REPLICAOPS_HOLD_NUMBER", "0"))
FOLDER = pathlib.Path(os.environ.get("REPLICAOPS_HOLD_DIR", "."))
# What changes nothing, or only the session, which ends with the process.
HARMLESS = (
    "SELECT",
    "SHOW",
    "SET SESSION",
    "SET NAMES",
    "SET @",
    "START TRANSACTION WITH",
    "ROLLBACK",
    "USE ",
    "DO ",
    "XA RECOVER",
    "SAVEPOINT",
    "RELEASE",
    "PREPARE",
    "DEALLOCATE",
)


def _hold() -> None:
    held = FOLDER / "held"
    if held.exists():
        return
    written = FOLDER / "held.new"
    written.write_text(str(os.getpid()), encoding="utf-8")
    written.rename(held)
    deadline = time.monotonic() + LIMIT
    while not (FOLDER / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def _its_turn(query: str) -> bool:
    if not NUMBER:
        return query.startswith(START)
    if query.lstrip("( ").upper().startswith(HARMLESS):
        return False
    listed = FOLDER / "statements"
    with listed.open("a", encoding="utf-8") as lines:
        lines.write("%s\n" % " ".join(query.split())[:100])
    return len(listed.read_text(encoding="utf-8").splitlines()) == NUMBER


if START or NUMBER:
    from pymysql.cursors import Cursor

    _execute = Cursor.execute

    def _held_execute(self: Any, query: Any, args: Any = None) -> Any:
        if _its_turn(str(query)):
            _hold()
        return _execute(self, query, args)

    Cursor.execute = _held_execute
