# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that get an applier past exactly one transaction which the source logged together with an error.

Measured on MySQL 9.7 and 5.6, MariaDB 10.11 and 11.8: with GTIDs (MySQL) the GTID has to count as executed and the
relay logs have to go, in this order; the source then does not send the transaction again. Elsewhere the skip counter
works, as long as the applier stands exactly before the transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .channel_plan import APPLIER, BOTH, Threads, Verbs, running, start_steps, stop_steps
from .errors import RefusedError
from .gtid_mariadb import MariadbGtid
from .gtid_mysql import GtidSet
from .gtid_repair_steps import around, inject
from .mismatch import ATTEMPT, Mismatch, serial
from .permit import check_skip_counter
from .plan import STOP, Plan, Step
from .record import DONE
from .snapshot import GTID, STOPPED, Channel, Server
from .statement import Statement

# An empty transaction under its GTID, then the relay logs anew.
INJECT = "gtid"
# The same for a channel that goes by coordinates although transactions have GTIDs: from behind the transaction on.
MOVE = "position"
COUNTER = "counter"
# MariaDB refuses the counter with parallel appliers and several domains (1966): the position of the broken one only.
DOMAIN = "gtid_slave_pos"

UNTIL_GAPS = "SQL_AFTER_MTS_GAPS"


def method(server: Server, channel: Channel, found: Mismatch) -> str:
    """How this transaction is passed here."""
    if server.flavour.is_mariadb:
        several = len(server.replica_position.domains()) > 1 if server.replica_position is not None else False
        return DOMAIN if channel.mode == GTID and channel.parallel > 0 and several else COUNTER
    if not found.transaction.gtid:
        return COUNTER
    return INJECT if channel.mode == GTID else MOVE


def anew(how: str) -> bool:
    """Whether the relay logs are fetched again, for which the source must have everything."""
    return how in (INJECT, MOVE, DOMAIN)


def behind(channel: Channel, how: str, found: Mismatch) -> Channel:
    """The channel as it is to replicate on: from behind the transaction where it goes by coordinates."""
    return replace(channel, executed=found.transaction.end) if how == MOVE else channel


def check(how: str, server: Server, channel: Channel, found: Mismatch) -> None:
    """Refuse what would pass another transaction, or would make some run again.

    :raises RefusedError: parallel appliers left gaps, a counter waits already, or other connections run.
    """
    what = "%s of %s" % (ATTEMPT, channel.label)
    if how == DOMAIN:
        others = [other.label for other in server.channels if other.name != channel.name and running(other)]
        if others:
            raise RefusedError(
                what, server.address,
                "with parallel appliers and several domains only gtid_slave_pos can be set (1966), and %s %s"
                % (", ".join(others), "runs" if len(others) == 1 else "run"),
                "Stop the other connections, or set slave_parallel_threads to 0 while all are stopped.",
            )  # fmt: skip
    if how != COUNTER:
        return
    # What was fetched ends with this transaction, and the applier stands right before it: nothing later can be done.
    last = channel.executed == found.transaction.start and channel.read == found.transaction.end
    alone = serial(server, channel) or (last and channel.position_gaps is None)
    if not alone and channel.position_gaps is not False and (channel.position_gaps or channel.parallel > 1):
        raise RefusedError(
            what, server.address,
            "parallel appliers %s later transactions done already, which the skip counter would make run again"
            % ("have" if channel.position_gaps else "may have"),
            "Make the statement end with the source's error here (the rows or objects it meets as on the source, with "
            "sql_log_bin=0) and start the applier.",
        )  # fmt: skip
    # A run that was killed before its START leaves 1 behind. To set it again passes one transaction still.
    if any(other.skip_counter for other in server.channels if other is not channel) or channel.skip_counter > 1:
        check_skip_counter(server, channel, (Step(Statement("START SLAVE")),), what)
        raise RefusedError(what, server.address, "the skip counter is not 0: somebody else is about to skip")


def plan(how: str, verbs: Verbs, server: Server, channel: Channel, found: Mismatch, state_id: str, risk: str) -> Plan:
    """The statements in order; see the head of this file.

    :param risk: of fetching the relay logs anew, ``none`` where that is not done.
    """
    if how == COUNTER:
        steps = counter_steps(verbs, server, channel, found)
    elif how == DOMAIN:
        steps = _domain_steps(verbs, server, channel, found)
    else:
        work = () if found.executed else inject(GtidSet.parse(found.transaction.gtid))
        steps = around(verbs, server, behind(channel, how, found), work, BOTH, anew=True)
    lost = "what %s did on the source before its error, until its tables are made equal" % found.name
    return Plan(
        state_id,
        steps,
        "Pass %s, which the source logged together with an error." % found.name,
        "replica_rows" if risk == "none" else risk,
        (lost,),
        _privileges(verbs, how),
    )


def counter_steps(verbs: Verbs, server: Server, channel: Channel, found: Mismatch) -> Tuple[Step, ...]:
    """The skip counter at 1, with the applier exactly before the transaction, then the applier's start.

    Without gaps an applier with workers is moved there from its last checkpoint by START ... UNTIL SQL_AFTER_MTS_GAPS
    (measured on MySQL 9.7 with 1 and 4 workers); where it then stands is looked at before the counter is set.
    """
    steps = [Step(statement) for statement in counter(verbs, 1, "pass the next transaction")]
    if not serial(server, channel) and channel.executed != found.transaction.start:
        steps.insert(0, Step(verbs.start(APPLIER, UNTIL_GAPS), "applier_stopped", STOP))
    return (*steps, *start_steps(verbs, replace(channel, applier=STOPPED), BOTH))


def counter(verbs: Verbs, count: int, purpose: str) -> Tuple[Statement, ...]:
    """The statements that set the channel's skip counter; 0 takes it back."""
    setting = Statement("SET GLOBAL %s = %d" % (verbs.dialect.skip_counter, count), purpose=purpose)
    if not verbs.mariadb:
        return (setting,)
    # The counter belongs to the session's default connection; otherwise it is accepted and skips nothing (10.11).
    named = Statement("SET SESSION default_master_connection = %s", (verbs.name,), purpose="name the connection")
    return named, setting


def _domain_steps(verbs: Verbs, server: Server, channel: Channel, found: Mismatch) -> Tuple[Step, ...]:
    position = server.replica_position
    moved = position.advance(MariadbGtid.parse(found.transaction.gtid)) if position is not None else ""
    stopped = replace(channel, applier=STOPPED, receiver=STOPPED)
    return (
        *stop_steps(verbs, channel, BOTH),
        Step(Statement("SET GLOBAL gtid_slave_pos = %s", (str(moved),), purpose="go on behind the transaction")),
        *start_steps(verbs, stopped, BOTH),
    )


def check_at(server: Server, channel: Channel, found: Mismatch) -> None:
    """Refuse unless the stopped applier will take this transaction next.

    :raises RefusedError: it runs, or stands elsewhere.
    """
    if channel.applier != STOPPED or channel.executed != found.transaction.start:
        raise RefusedError(
            "%s of %s" % (ATTEMPT, channel.label), server.address,
            "the applier stands at %s and not at %s" % (channel.executed, found.transaction.start),
            "Diagnose again: it may stop at another transaction.",
        )  # fmt: skip


def finishing(steps: Sequence[Step]) -> List[Dict[str, Any]]:
    """The statements behind a RESET or CHANGE, for the record: a run that is cut off there is finished by them.

    Nothing secret is among them: what RESET drops are plain settings.
    """
    at = next((n for n, step in enumerate(steps) if step.statement.sql.startswith(("RESET", "CHANGE"))), None)
    if at is None:
        return []
    return [
        {"sql": step.statement.sql, "params": list(step.statement.params), "wait": step.wait}
        for step in steps[at + 1 :]
    ]


def finish(record: Mapping[str, Any], verbs: Verbs, channel: Channel, state_id: str) -> Plan:
    """What is left of a change that was cut short behind its RESET: settings that it dropped, and the start."""
    kept = record["details"]["finish"]
    steps = [
        Step(Statement(one["sql"], tuple(one["params"]), purpose="finish what was begun"), one["wait"])
        for one in kept
        if not one["sql"].startswith("START")
    ]
    return Plan(
        state_id,
        (*steps, *_starts(verbs, channel, BOTH)),
        "Finish what a run that was cut short began.",
        "replica_rows",
        (),
        _privileges(verbs, INJECT),
    )


def _starts(verbs: Verbs, channel: Channel, threads: Threads) -> Tuple[Step, ...]:
    return start_steps(verbs, channel, threads)


def cut_short(record: Mapping[str, Any], server: Server, channel: Channel) -> bool:
    """Whether a run was cut short after a RESET, and nothing happened since.

    Both threads stand without an error then, and the GTID counts as executed.

    :param record: the newest one of this module and channel.
    """
    if record["outcome"] == DONE or not record.get("details", {}).get("finish"):
        return False
    stands = channel.applier == STOPPED and channel.receiver == STOPPED
    quiet = channel.applier_fault is None and not any(worker.fault for worker in channel.workers)
    gtid = _passed_gtid(record)
    passed = not gtid or (server.executed is not None and server.executed.contains(GtidSet.parse(gtid)))
    return stands and quiet and passed


def _passed_gtid(record: Mapping[str, Any]) -> Optional[str]:
    passed = record.get("details", {}).get("passed") or [{}]
    found = passed[0].get("gtid")
    return str(found) if found and ":" in str(found) else None


def _privileges(verbs: Verbs, how: str) -> Tuple[str, ...]:
    if verbs.mariadb:
        return ("REPLICATION SLAVE ADMIN", "SUPER") if how == COUNTER else ("REPLICATION SLAVE ADMIN",)
    if not verbs.channels:
        return ("SUPER",) if how == COUNTER else ("SUPER", "RELOAD")
    found = ("REPLICATION_SLAVE_ADMIN", "SYSTEM_VARIABLES_ADMIN")
    return found if how == COUNTER else (*found, "RELOAD")
