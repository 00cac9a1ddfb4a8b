# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected, who replicates from here, and who holds what the applier waits for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple, Union

from .account_statement import masked
from .normalise_locks import blocking_rows
from .normalise_rows import Row, Sections, folded, number, text, whole
from .snapshot import Blocker, Process

STATEMENT_LIMIT = 200
SYSTEM = "system user"

_RECEIVER_STATE = re.compile(r"Waiting for (master|source) to send|Queueing (master|source) event|connect", re.I)
_METADATA_STATE = re.compile(r"Waiting for (.*metadata lock|table level lock)", re.I)
_GLOBAL_STATE = re.compile(r"Waiting for (global read|commit|backup|scoped|table flush|lock tables|global)\b", re.I)
_GLOBAL_TYPES = frozenset(("GLOBAL", "COMMIT", "BACKUP LOCK", "BACKUP", "BACKUP TABLES"))


def process(row: Row) -> Process:
    """One row of the process list, in the columns that all our statements name alike."""
    return Process(
        number=whole(row, "id"),
        user=text(row, "user"),
        host=text(row, "host"),
        schema=text(row, "db"),
        command=text(row, "command"),
        age=whole(row, "time"),
        state=text(row, "state"),
        statement=masked(text(row, "info"))[:STATEMENT_LIMIT],
    )


def processes(sections: Sections) -> Tuple[Process, ...]:
    """The process list without ourselves and the server's background threads, which share their user with appliers."""
    own = whole(sections.first("identity"), "connection_id")
    rows = (process(row) for row in sections.rows("processlist"))
    return tuple(row for row in rows if row.command != "Daemon" and row.number != own)


def open_transactions(sections: Sections) -> Tuple[Mapping[str, Union[str, int]], ...]:
    """The open InnoDB transactions, oldest first: thread, age, state, rows_modified, ..., statement."""
    found: List[Mapping[str, Union[str, int]]] = []
    for row in sections.rows("transactions"):
        doing = text(row, "statement") or text(row, "last_statement")
        numbers = ("thread", "age", "rows_modified", "rows_locked", "tables_locked")
        transaction: Dict[str, Union[str, int]] = {name: whole(row, name) for name in numbers}
        transaction.update(id=text(row, "id"), state=text(row, "state"), statement=masked(doing)[:STATEMENT_LIMIT])
        found.append(transaction)
    return tuple(found)


def replicas_below(sections: Sections, connected: Iterable[Process]) -> Tuple[str, ...]:
    """What replicates from this server: those that registered, and dump threads beyond them (they may be tools)."""
    registered: List[str] = []
    hosts: List[str] = []
    for row in map(folded, sections.rows("replicas")):
        host = text(row, "host")
        hosts.append(host)
        place = "%s:%s" % (host, text(row, "port")) if host else "unknown host"
        registered.append("%s (server id %s)" % (place, text(row, "server_id")))
    dumps = [row for row in connected if row.command.startswith("Binlog Dump")]
    if len(dumps) <= len(registered):
        return tuple(sorted(registered))
    others = [row for row in dumps if row.host.rpartition(":")[0] not in hosts and row.host not in hosts]
    return tuple(sorted(registered)) + tuple("%s (dump thread of %s)" % (row.host, row.user) for row in others)


def is_applier(row: Process) -> bool:
    """True for a coordinator or worker of an applier, on any flavour."""
    return row.user == SYSTEM and row.command not in ("Slave_IO", "Daemon") and not _RECEIVER_STATE.search(row.state)


def blockers(sections: Sections, connected: Tuple[Process, ...]) -> Tuple[Blocker, ...]:
    """Whom the applier's threads wait for, by metadata locks, then row locks, then, where the server tells neither,
    the oldest open transaction as a candidate."""
    found: List[Blocker] = []
    for row in blocking_rows([row for row in sections.rows("metadata_locks") if row.get("wanted") is not None]):
        kind = "global" if text(row, "object_type").upper() in _GLOBAL_TYPES else "metadata"
        found.append(Blocker(kind, _waiting(row), _holder(row), _object(row)))
    for row in sections.rows("row_lock_waits"):
        found.append(Blocker("row", _waiting(row), _holder(row), _object(row)))
    # An applier thread behind another one is the appliers' own affair and ends by itself.
    found = [blocker for blocker in found if blocker.process is None or blocker.process.user != SYSTEM]
    found = _once(found)
    return tuple(found) or tuple(_candidates(sections, connected))


def _once(found: List[Blocker]) -> List[Blocker]:
    """Each holder once per kind and object: several workers may wait for the same session."""
    kept: Dict[Tuple[str, str, int], Blocker] = {}
    for blocker in found:
        holder = blocker.process.number if blocker.process else 0
        kept.setdefault((blocker.kind, blocker.object_name, holder), blocker)
    return list(kept.values())


def _waiting(row: Row) -> str:
    return "applier thread %d (%s)" % (whole(row, "waiting_id"), text(row, "waiting_state") or "waiting for a lock")


def _holder(row: Row) -> Optional[Process]:
    """The session that holds the lock; None when it has none, as a prepared XA transaction of a session that ended."""
    blocking = number(row, "blocking_id")
    return process(dict(row, id=blocking)) if blocking else None


def _object(row: Row) -> str:
    schema, name = text(row, "object_schema"), text(row, "object_name")
    return "%s.%s" % (schema, name) if schema and name else name or schema


def _candidates(sections: Sections, connected: Tuple[Process, ...]) -> List[Blocker]:
    """For servers that do not tell who holds a metadata lock: the applier's state, and who it may be."""
    found: List[Blocker] = []
    for applier in connected:
        if not is_applier(applier):
            continue
        metadata = bool(_METADATA_STATE.search(applier.state))
        if metadata or _GLOBAL_STATE.search(applier.state):
            kind = "metadata" if metadata else "global"
            waiting = "applier thread %d (%s; the holder is a guess)" % (applier.number, applier.state)
            found.append(Blocker(kind, waiting, _oldest(sections, connected)))
    return found


def _oldest(sections: Sections, connected: Tuple[Process, ...]) -> Optional[Process]:
    """The session with the oldest open transaction, or one that holds locks on tables, other than an applier's."""
    sessions = {row.number: row for row in connected if row.user != SYSTEM}
    transactions = {whole(row, "thread"): masked(text(row, "last_statement")) for row in sections.rows("transactions")}
    holders = [whole(row, "blocking_id") for row in sections.rows("metadata_locks") if row.get("wanted") is None]
    for thread in [*transactions, *holders]:
        if thread in sessions:
            session = sessions[thread]
            return session if session.statement else replace(session, statement=transactions.get(thread, ""))
    return None
