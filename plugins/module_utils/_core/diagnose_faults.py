# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings from errors that a thread shows, and from threads that are stopped without one."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Tuple

from .case import Case
from .fault_classes import APPLIER, RECEIVER, cause, classify, is_coordinator_summary, named_in
from .finding import Finding
from .snapshot import CONNECTING, GTID, RUNNING, STOPPED, Fault

_TEXT_LIMIT = 1000
_FIRST_EVENT = 4
_ROW_EVENT = re.compile(r"_rows(_v\d)? event on table|Error executing row event|cannot be converted from type", re.I)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_CERTIFICATE_TIME = re.compile(r"^([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4}) GMT$")
DISK_WAIT = re.compile(r"Waiting for (disk space|someone to free space)|Disk is full", re.I)


def applier_causes(case: Case) -> List[Tuple[Fault, str, int]]:
    """The faults that stopped the applier: (fault, transaction, worker number).

    The workers' own faults where there are any, for the coordinator only says that there were some (MySQL 9.7 always
    has a worker); else the applier's.
    """
    causes = []
    seen = set()
    for worker in case.channel.workers:
        if worker.fault is not None and (worker.fault.number, worker.transaction) not in seen:
            seen.add((worker.fault.number, worker.transaction))
            causes.append((worker.fault, worker.transaction, worker.number))
    fault = case.channel.applier_fault
    summarised = fault is not None and bool(causes) and is_coordinator_summary(fault)
    if fault is not None and not summarised and all(fault.text != known.text for known, *_rest in causes):
        causes.append((fault, "", 0))
    return causes


def _next_in_order(case: Case, fault: Fault) -> str:
    """What a serial applier must be at: the first transaction that was fetched and not executed.

    Only where nothing but the source's own transactions wait, for only these are in their order in its binlog, and only
    for row events: a failed statement may count as executed (an error mismatch; on MySQL 5.6 CREATE VIEW: measured).
    """
    channel, executed = case.channel, case.server.executed
    if channel.mode != GTID or channel.parallel > 1 or executed is None or not channel.retrieved:
        return ""
    waiting = channel.retrieved - executed
    if not _ROW_EVENT.search(fault.text) or list(waiting.intervals()) != [(channel.source_uuid, "")]:
        return ""
    return str(next(waiting.gtids(1)))


def failing(case: Case, transaction: str, fault: Fault) -> Dict[str, Any]:
    """What names the failing transaction: its GTID, and the coordinates it stands behind.

    :param transaction: its GTID where the error or a worker tells it.
    """
    channel = case.channel
    found: Dict[str, Any] = {}
    transaction = transaction or _next_in_order(case, fault)
    if transaction and transaction != "ANONYMOUS":
        found["transaction"] = transaction
    if channel.executed is not None:
        found["executed"] = str(channel.executed)
    if channel.mode == GTID and case.is_mariadb and case.server.replica_position is not None:
        found["gtid_slave_pos"] = str(case.server.replica_position)
    return found


def applier_faults(case: Case) -> Iterator[Finding]:
    """One finding for each error that stopped the applier (facts: number 0 with a text is an error as well)."""
    if case.channel.applier == RUNNING:
        return
    for fault, transaction, worker in applier_causes(case):
        code = classify(fault, APPLIER)
        place = failing(case, transaction or named_in(fault).get("transaction", ""), fault)
        evidence: Dict[str, Any] = {"errno": fault.number, "error": fault.text[:_TEXT_LIMIT], **place}
        evidence.update(named_in(fault))
        if worker:
            evidence["worker"] = worker
        if fault.timestamp:
            evidence["since"] = fault.timestamp
        if case.channel.relay is not None:
            evidence["relay_log"] = str(case.channel.relay)
        what = place.get("transaction") or "a transaction after %s" % case.channel.executed
        summary = "The applier stopped at %s with error %d: %s" % (what, fault.number, _first_line(fault.text))
        yield Finding(code, case.channel.name, summary, evidence, {"errno": fault.number, **place})


def receiver_faults(case: Case) -> Iterator[Finding]:
    """One finding for the receiver's error; a receiver that keeps trying shows its error while it is connecting."""
    channel, fault = case.channel, case.channel.receiver_fault
    if channel.receiver == RUNNING:
        return
    if fault is None:
        if channel.receiver == CONNECTING:
            summary = "The receiver is still connecting to %s." % case.where
            yield Finding("receiver_connecting", channel.name, summary, {"state": channel.receiver_state})
        return
    code = classify(fault, RECEIVER)
    evidence: Dict[str, Any] = {
        "errno": fault.number,
        "error": fault.text[:_TEXT_LIMIT],
        "source": case.where,
        "user": channel.source_user,
    }
    if channel.read is not None:
        evidence["read"] = str(channel.read)
    if fault.timestamp:
        evidence["since"] = fault.timestamp
    names = {"errno": fault.number, "read": str(channel.read)} if code not in ("source_unreachable",) else {}
    summary = "The receiver cannot read from %s, error %d: %s" % (case.where, fault.number, _first_line(fault.text))
    if case.tail is not None and case.tail.why:
        evidence["undecided"] = case.tail.why
    yield Finding(code, channel.name, summary, evidence, names)


def certificate_ended(case: Case) -> Iterator[Finding]:
    """A TLS error that the source's own date explains: MySQL 9.7 says only that verifying the certificate failed."""
    fault = case.channel.receiver_fault
    source = case.source.server if case.source is not None else None
    if fault is None or source is None or case.channel.receiver == RUNNING or classify(fault, RECEIVER) != "source_tls":
        return
    match = _CERTIFICATE_TIME.match(source.status.get("Ssl_server_not_after", ""))
    if match is None or not source.now:
        return
    month, day, clock, year = match.groups()
    until = "%s-%02d-%02dT%s" % (year, _MONTHS.index(month) // 3 + 1, int(day), clock)
    if until < source.now.replace(" ", "T"):
        summary = "The certificate of %s was valid until %s." % (case.where, until)
        evidence = {"errno": fault.number, "error": fault.text[:_TEXT_LIMIT], "valid_until": until}
        yield Finding("certificate_expired", case.channel.name, summary, evidence)


def stopped_threads(case: Case) -> Iterator[Finding]:
    """Threads that are stopped without an error: somebody meant it (RULES: a finding, not a fault)."""
    channel = case.channel
    if channel.applier == STOPPED and not applier_causes(case):
        code = "stopped_at_until" if channel.until else "stopped_applier"
        how = " where UNTIL told it to (%s)" % channel.until if channel.until else ""
        evidence = {"executed": str(channel.executed), "state": channel.applier_state, "until": channel.until}
        yield Finding(code, channel.name, "The applier is stopped%s." % how, evidence)
    if channel.receiver == STOPPED and channel.receiver_fault is None:
        evidence = {"read": str(channel.read), "state": channel.receiver_state}
        yield Finding("stopped_receiver", channel.name, "The receiver is stopped.", evidence)


def relay_logs_gone(case: Case) -> Iterator[Finding]:
    """Relay logs that a stopped channel names and that take no room: MariaDB shows no error then, only START fails
    with 1201 (measured on 10.11 and 11.8)."""
    channel = case.channel
    if channel.applier == RUNNING or channel.receiver == RUNNING or channel.relay is None or channel.relay_space:
        return
    if channel.relay.position > _FIRST_EVENT:
        summary = "The relay log %s that the channel stands in is gone." % channel.relay.file
        evidence = {"relay_log": str(channel.relay), "executed": str(channel.executed)}
        yield Finding("relay_log_missing", channel.name, summary, evidence, {"executed": str(channel.executed)})


def waiting_for_disk(case: Case) -> Iterator[Finding]:
    """A full disk that a thread waits for without an error (measured on MySQL 9.7: both threads say Yes)."""
    channel = case.channel
    states = [channel.receiver_state, channel.applier_state, *(worker.state for worker in channel.workers)]
    states += [process.state for process in case.server.processes if process.user == "system user"]
    if any(DISK_WAIT.search(state) for state in states):
        summary = "A replication thread waits for room on the disk of %s." % case.server.address
        yield Finding("disk_full", channel.name, summary, {"receiver_state": channel.receiver_state})


def _first_line(text: str) -> str:
    """What an error text says is wrong, as one line of at most 300 characters."""
    line = cause(text)
    return line if len(line) <= 300 else line[:297] + "..."
