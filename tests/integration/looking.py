# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a broken pair as a user would, in this process, and judges what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core import narrate
from ansible_collections.replicaops.mysql.plugins.module_utils._core.diagnose import Diagnosis
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding import Finding
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import HEALTHY
from ansible_collections.replicaops.mysql.plugins.module_utils._server import reader, survey
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
from ansible_collections.replicaops.mysql.plugins.module_utils._server.probe import probe
from lab import accounts
from lab.server import Server

from .breaks import Ask, Break
from .stage import Stage

_STARTED = ("Yes", "Connecting", "Preparing")
_PASSWORDS = {"clerk": "long-Secret-1"}


@dataclass(frozen=True)
class Seen:
    """What one look gave: the diagnosis, its words, and the raw readings that a fixture is made of."""

    diagnosis: Diagnosis
    message: str
    raw: Dict[str, Any]
    source: Optional[Dict[str, Any]] = None
    earlier: Optional[Dict[str, Any]] = None

    def finding(self, code: str) -> Optional[Finding]:
        """The first finding of that code."""
        return next((found for found in self.diagnosis.findings if found.code == code), None)

    @property
    def codes(self) -> List[str]:
        return [found.code for found in self.diagnosis.findings]


def login(server: Server, user: str, port: int = 3306) -> Login:
    """A login of the collection for a lab server."""
    password = _PASSWORDS.get(user) or accounts.ACCOUNTS[user].password
    return Login(host=server.host, port=port, user=user, password=password)


def request(stage: Stage, ask: Ask) -> survey.Request:
    """What the collection is asked about a stage."""
    at = stage.replica if ask.at == "replica" else stage.source
    source = login(stage.source, "observer", ask.source_port)
    return survey.Request(
        login=login(at, ask.user),
        source_login=(lambda channel: source) if ask.source else None,
        samples=ask.samples,
        allowed=tuple(name.replace("{replica}", stage.replica.uuid) for name in ask.allowed),
    )


def look(stage: Stage, ask: Ask, keep: bool = False) -> Seen:
    """Survey the replica (or the source).

    :param keep: read again what a fixture needs beside the replica: the source, and the first of two samples.
    """
    asked = request(stage, ask)
    earlier = read(asked.login) if keep and ask.samples > 1 else None
    diagnosis, raw = survey.survey(asked)
    source = None
    if keep and any(found.case.source and found.case.source.server for found in diagnosis.channels):
        source = read(login(stage.source, "observer"), role="source")
    return Seen(diagnosis, narrate.message(diagnosis), raw, source, earlier)


def read(at: Login, role: str = "replica") -> Dict[str, Any]:
    """The raw picture of a server."""
    with connect(at) as connection:
        return reader.read(connection, probe(connection), role)


def footprint(stage: Stage) -> Dict[str, Any]:
    """Everything that looking must not change: sets, coordinates, variables, threads, of both servers."""
    found: Dict[str, Any] = {}
    for server in (stage.replica, stage.source):
        row = server.replica_status() or {}
        words = stage.words
        names: Tuple[str, ...] = (words.io_running, words.sql_running)
        if row.get(words.sql_running) != "Yes":
            # While it runs the applier moves on by itself, at rest too: its checkpoints follow later.
            names += (words.applied_file, words.applied_pos, "Last_SQL_Errno", "Relay_Log_File", "Skip_Counter")
            names += ("Until_Condition",)
        found[server.name] = {
            # A receiver that tries again changes its word all the time, and is connected in passing.
            "threads": {name: "started" if row.get(name) in _STARTED else row.get(name) for name in names},
            "variables": {r["Variable_name"]: r["Value"] for r in server.query("SHOW GLOBAL VARIABLES")},
            "binlog": server.query(words.show_binlog),
            "gtid": server.gtid_position(),
        }
    return found


def judge(stage: Stage, broken: Break, seen: Seen) -> List[str]:
    """What is wrong with what was found; nothing when it is right."""
    wrong: List[str] = []
    found = next((one for one in map(seen.finding, (broken.code, *broken.instead)) if one), None)
    if found is None:
        return ["expected %s, found %s: %s" % (broken.code, seen.codes, seen.message)]
    verdict = broken.verdict or found.kind.verdict
    if verdict != seen.diagnosis.verdict:
        wrong.append("the verdict is %s, expected %s: %s" % (seen.diagnosis.verdict, verdict, seen.codes))
    errno = broken.errno(stage.flavour.name)
    if errno >= 0 and found.evidence.get("errno") != errno:
        wrong.append("the number is %r, expected %d: %s" % (found.evidence.get("errno"), errno, found.evidence))
    if errno >= 0 and str(errno) not in seen.message:
        wrong.append("the message does not name error %d: %s" % (errno, seen.message))
    if stage.failing and "errno" in found.evidence:
        wrong.extend(_transaction(stage, found))
    wrong.extend(_words(stage, seen, found))
    return wrong


def _transaction(stage: Stage, found: Finding) -> List[str]:
    """The failing transaction must be the one that the source really gave, wherever the server says which it is."""
    if not stage.gtid and not stage.mariadb:
        return []
    told = found.evidence.get("transaction")
    if told is None:
        serial = not stage.mariadb and stage.lab.workers == 1 and found.code in ("duplicate_row", "missing_row")
        known = stage.flavour.name.startswith("mysql-9") or serial
        return ["the failing transaction %s is not named: %s" % (stage.failing, dict(found.evidence))] if known else []
    return [] if told == stage.failing else ["the transaction is %s, expected %s" % (told, stage.failing)]


def _words(stage: Stage, seen: Seen, found: Finding) -> List[str]:
    """The message names the source and, for what is not healthy, says what it means and what to do."""
    wrong = []
    if seen.diagnosis.channels and seen.diagnosis.channels[0].channel.source_host not in seen.message:
        wrong.append("the message does not name the source: %s" % seen.message)
    if found.kind.verdict != HEALTHY and found.channel is not None and found.kind.severity != "info":
        if found.kind.meaning not in seen.message:
            wrong.append("the message does not say what %s means: %s" % (found.code, seen.message))
        channel = seen.diagnosis.server.channel(found.channel)
        if narrate.remedy_sentence(found, channel) not in seen.message:
            wrong.append("the message does not say what to do: %s" % seen.message)
    return wrong
