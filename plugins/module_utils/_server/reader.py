# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads everything a diagnosis needs from one server, in a fixed order, as plain JSON-able data.

A section that fails is kept with its error and never as "nothing there"; only a broken connection ends the reading.
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Dict, List, Optional, Union

from .._core import normalise
from .._core.errors import ServerError
from .._core.snapshot import Server
from .._core.statement import identifier
from .connect import Connection
from .driver_errors import CONNECTION_LOST
from .probe import Probed, probe
from .sections import NO_ROWS, NOT_HERE, REPLICA, SECTIONS, SOURCE, SOURCE_INFO_COLUMNS, Section

FORMAT = 1

Raw = Dict[str, Any]
Cell = Union[str, int, float, None]

_CREDENTIALS = re.compile(r"\s+IDENTIFIED\b.*?(?=\s+(?:REQUIRE|WITH\s+(?:GRANT|MAX))\b|$)", re.DOTALL)


def read_server(connection: Connection, probed: Optional[Probed] = None, role: str = REPLICA) -> Server:
    """Probe, read and normalise in one go. Raises what `read` raises."""
    return normalise.server(read(connection, probed or probe(connection), role))


def read(connection: Connection, probed: Probed, role: str = REPLICA) -> Raw:
    """The raw picture of a server.

    :param role: ``replica`` reads everything, ``source`` what is needed of a source or another member.
    :raises ServerError: the connection broke, or a statement took longer than the deadline.
    """
    if role not in (REPLICA, SOURCE):
        raise ValueError("no such role: %r" % role)
    sections: Dict[str, Raw] = {}
    read_at = time.monotonic()
    for section in SECTIONS:
        if (role == SOURCE and not section.source) or not section.when(probed):
            continue
        if section.name == "replica_status":
            read_at = time.monotonic()
        found = _read(connection, probed, section)
        if found is not None:
            sections[section.name] = found
    return {
        "format": FORMAT,
        "address": connection.address,
        "engine": probed.flavour.engine,
        "dialect": probed.dialect.name,
        "features": asdict(probed.features),
        "read_at": read_at,
        "sections": sections,
    }


def _read(connection: Connection, probed: Probed, section: Section) -> Optional[Raw]:
    """One section, or None when this server does not have it."""
    answer: Optional[Raw] = None
    for template in section.statements:
        statement = ""
        try:
            statement = _filled(connection, probed, template)
            if not statement:
                return None
            rows = [_plain(row) for row in connection.query(statement)]
        except ServerError as error:
            if error.number == CONNECTION_LOST:
                raise
            if error.number in NO_ROWS:
                return _answer(statement)
            if error.number in NOT_HERE:
                continue
            # A simpler statement may still be allowed; if none is, its refusal names the least that is needed.
            answer = _failed(statement or template, error)
            continue
        answer = _answer(statement, _without_credentials(rows) if section.name == "grants" else rows)
        if rows or not section.never_empty:
            return answer
    if answer is None and section.name == "replica_status":
        return dict(
            _answer(section.statements[0]), error={"number": 1064, "text": "the server does not know the statement"}
        )
    return answer


def _answer(statement: str, rows: Optional[List[Dict[str, Cell]]] = None) -> Raw:
    return {"statement": statement, "rows": rows or [], "error": None}


def _failed(statement: str, error: ServerError) -> Raw:
    return {"statement": statement, "rows": [], "error": {"number": error.number, "text": error.answer}}


def _filled(connection: Connection, probed: Probed, template: str) -> str:
    """The statement with the dialect's words; empty when there is nothing to ask."""
    if template == "{source_info}":
        columns = [str(row["name"]) for row in connection.query(SOURCE_INFO_COLUMNS)]
        return "SELECT %s FROM mysql.slave_master_info" % ", ".join(map(identifier, columns)) if columns else ""
    if template.startswith("{"):
        return str(getattr(probed.dialect, template.strip("{}")))
    return template


def _without_credentials(rows: List[Dict[str, Cell]]) -> List[Dict[str, Cell]]:
    """SHOW GRANTS of MySQL 5.6 and MariaDB holds the hash of the password."""
    return [{"grant": _CREDENTIALS.sub("", str(value)).strip()} for row in rows for value in row.values()]


def _plain(row: Dict[str, Any]) -> Dict[str, Cell]:
    return {str(name): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Cell:
    """A value as JSON has it: numbers, text and null as they are, everything else as text."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)
