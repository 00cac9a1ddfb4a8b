# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passing one failing transaction: whether it may be, by which method, and the statements that do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from . import account_statement, effect
from .channel_plan import APPLIER, Verbs
from .effect import Verdict
from .errors import BadInputError, RefusedError
from .event_group import Failing
from .gtid_mysql import Gtid, GtidError
from .plan import STOP, Plan, Step
from .snapshot import STOPPED, Channel, Server
from .statement import Statement

AUTO = "auto"
GTID = "gtid"
COUNTER = "counter"
METHODS: Tuple[str, ...] = (AUTO, GTID, COUNTER)


# ER_REPLICA_WORKER_STOPPED_PREVIOUS_THD_ERROR: an earlier transaction failed in another worker.
_FOLLOWED = (3030,)

# The sections that tell what replicates from a server.
_WHO_IS_BELOW = ("replicas", "processlist")

# Ends when no worker's transaction is missing before another's; the applier then stands where it will go on.
UNTIL_GAPS = "SQL_AFTER_MTS_GAPS"


@dataclass(frozen=True)
class Broken:
    """What stopped the applier.

    :param gtid: of the failing transaction, as far as the status tells; '' otherwise.
    """

    number: int
    text: str
    gtid: str


@dataclass(frozen=True)
class Wish:
    """What the caller allows.

    :param errors: the numbers of the errors whose transactions may be passed.
    :param method: one of `METHODS`.
    :param proven: only when the whole effect is verified to be present.
    """

    errors: Tuple[int, ...]
    method: str = AUTO
    limit: int = 1
    proven: bool = True


def check_options(wish: Wish) -> None:
    """Raise BadInputError when the options make no sense."""
    if not wish.errors:
        raise BadInputError(
            "Option errors is empty: nothing may be passed", advice="List the error numbers that may be passed."
        )
    if wish.limit < 1:
        raise BadInputError("Option limit is %d" % wish.limit, advice="Give at least 1.")


def broken(channel: Channel) -> Optional[Broken]:
    """What stopped the applier; None when it runs or was stopped by somebody.

    A worker's own error comes first, as the status of MySQL 8 and later shows only that there is one.
    """
    if channel.applier != STOPPED:
        return None
    faulty = [worker for worker in channel.workers if worker.fault is not None]
    # Workers that gave up because of another one come last.
    for worker in sorted(faulty, key=lambda one: one.fault is not None and one.fault.number in _FOLLOWED):
        if worker.fault is not None:
            return Broken(worker.fault.number, worker.fault.text, _transaction(worker.transaction))
    fault = channel.applier_fault
    return Broken(fault.number, fault.text, "") if fault is not None else None


def _transaction(text: str) -> str:
    return "" if text.upper() in ("", "ANONYMOUS", "NOT_YET_DETERMINED") else text


def check_allowed(wish: Wish, server: Server, channel: Channel, fault: Broken) -> None:
    """Refuse what may never be passed here, before anything is looked at.

    :raises RefusedError: the error is not listed, is none that this version passes, or servers replicate from here.
    """
    context = {"error": fault.number, "error_text": account_statement.masked_error(fault.text)}
    what = "pass the failing transaction of %s" % channel.label
    if fault.number not in wish.errors:
        raise RefusedError(
            what, server.address,
            "it stopped at error %d, which is not in option errors: %s" % (fault.number, context["error_text"]),
            "Add %d to errors if such a transaction may be passed." % fault.number, context,
        )  # fmt: skip
    if fault.number not in effect.SUPPORTED:
        why, advice = effect.reason(fault.number)
        raise RefusedError(
            what, server.address, "error %d: %s: %s" % (fault.number, why, context["error_text"]), advice, context
        )
    hidden = [name for name in _WHO_IS_BELOW if name in server.unreadable]
    if hidden and server.variable("log_bin", "ON").upper() not in ("OFF", "0"):
        raise RefusedError(
            what, server.address,
            "what replicates from it cannot be known: %s"
            % "; ".join("%s (%s)" % (name, server.unreadable[name].text) for name in hidden),
            "Give the account what these need (PROCESS; REPLICATION SLAVE, on MariaDB REPLICATION MASTER ADMIN).",
            context,
        )  # fmt: skip
    below = servers_below(server)
    if below:
        raise RefusedError(
            what, server.address,
            "servers replicate from it (%s), and they would not get the transaction either" % ", ".join(below),
            "Repair those first, then look whether the change is present on each of them.",
            {**context, "replicas_below": list(below)},
        )  # fmt: skip


def servers_below(server: Server) -> Tuple[str, ...]:
    """What replicates from this server: registered replicas and connections that read its binlog."""
    if server.replicas_below:
        return server.replicas_below
    return tuple(
        "%s from %s" % (process.user, process.host)
        for process in server.processes
        if process.command.lower().startswith("binlog dump")
    )


def choose(wish: Wish, server: Server, channel: Channel, failing: Failing) -> str:
    """The method that works for this transaction.

    MySQL in GTID mode takes an empty transaction; the skip counter is refused there (1858 on 5.6) or accepted and
    ignored (measured on 9.7). Transactions without a GTID, and MariaDB, take the counter.

    :raises RefusedError: none works, or not the one that was asked for.
    """
    what = "pass the failing transaction of %s" % channel.label
    mariadb = server.flavour.is_mariadb
    fits = GTID if failing.group.gtid and not mariadb else COUNTER
    if wish.method not in (AUTO, fits):
        why = {
            COUNTER: "the skip counter has no effect on a transaction with a GTID (%s)" % failing.group.gtid,
            GTID: "an empty transaction can only take a MySQL GTID's place, and this transaction has none",
        }[wish.method]
        raise RefusedError(what, server.address, why, "Set method to %s or auto." % fits)
    if fits == GTID:
        if is_used(what, server, failing.group.gtid) and not wish.proven:
            raise RefusedError(
                what, server.address,
                "%s is in gtid_executed already, so an empty transaction in its place would do nothing"
                % failing.group.gtid,
                "Source and replica disagree about how the statement ended; an empty transaction does not repair that.",
                {"gtid": failing.group.gtid},
            )  # fmt: skip
        return fits
    domains = len(str(server.replica_position or "").split(","))
    if mariadb and channel.mode == "gtid" and channel.parallel > 0 and domains > 1:
        raise RefusedError(
            what, server.address,
            "with parallel appliers and several GTID domains the server refuses the skip counter (error 1966)",
            "Set slave_parallel_threads to 0 with all connections stopped, or set gtid_slave_pos for that domain only.",
        )  # fmt: skip
    _check_gaps(what, server, channel, failing)
    # A run that was killed before its START leaves 1 behind. To set it again passes one transaction still.
    if any(other.skip_counter for other in server.channels if other is not channel) or channel.skip_counter > 1:
        raise RefusedError(
            what, server.address, "the skip counter is not 0: somebody else is about to skip",
            "Set it to 0, or let that happen first.",
        )  # fmt: skip
    return fits


def _check_gaps(what: str, server: Server, channel: Channel, failing: Failing) -> None:
    """With parallel workers the applier begins at its last checkpoint, where the counter would pass another one.

    Without gaps, START ... UNTIL SQL_AFTER_MTS_GAPS moves it to the failing transaction (measured on MySQL 9.7 with 1
    and 4 workers). With gaps later transactions are done already and would run again (measured on 5.6: 1062).
    """
    alone = server.flavour.is_mariadb or channel.parallel <= 1
    if failing.first and (alone or channel.position_gaps is False):
        return
    if server.flavour.is_mariadb or channel.position_gaps is not False:
        raise RefusedError(
            what, server.address,
            "parallel workers %s later transactions done already, and the skip counter would make them run again"
            % ("have" if channel.position_gaps else "may have"),
            "Make the statement succeed instead (take away what is there, with sql_log_bin=0) and start the applier.",
        )  # fmt: skip


def is_used(what: str, server: Server, gtid: str) -> bool:
    """Whether the GTID counts as executed: a run that was killed before its START has passed it already.

    :param what: what is attempted, for the refusal.
    :raises RefusedError: it cannot be read, or gtid_executed cannot.
    """
    if server.executed is None:
        raise RefusedError(what, server.address, "gtid_executed cannot be read")
    try:
        return Gtid.parse(gtid) in server.executed
    except GtidError as error:
        raise RefusedError(what, server.address, "its GTID cannot be read: %s" % error) from None


def check_effect(wish: Wish, server: Server, channel: Channel, fault: Broken, verdict: Verdict) -> None:
    """Refuse to pass what is not proven to be here, unless the caller gives it up.

    :raises RefusedError: with what is lacking.
    """
    if verdict.present or not wish.proven:
        return
    raise RefusedError(
        "pass the failing transaction of %s" % channel.label,
        server.address,
        "what the statement wants is not proven to be there: %s" % "; ".join(verdict.lacking),
        "Make the definition equal to the source's (with sql_log_bin=0) and start the applier, or give the statement"
        " up knowingly with only_if_effect_present=false.",
        {"error": fault.number, "lacking": list(verdict.lacking)},
    )


def plan(
    method: str, verbs: Verbs, failing: Failing, state_id: str, verdict: Verdict, summary: str, used: bool = False
) -> Plan:
    """The statements that pass exactly this transaction and start the applier again.

    :param used: its GTID counts as executed already, so that only the start is left.
    """
    statements = _gtid_steps(failing) if method == GTID else _counter_steps(verbs)
    steps = [] if used else [Step(statement) for statement in statements]
    if method == COUNTER and not failing.first:
        # Like a STOP: it comes first, and where the applier then stands is checked before anything else.
        steps.insert(0, Step(verbs.start(APPLIER, UNTIL_GAPS), "applier_stopped", STOP))
    given_up = () if verdict.present else ("the statement %s" % account_statement.masked(failing.statement),)
    privileges: Tuple[str, ...] = ("SUPER",)
    if verbs.mariadb:
        privileges = ("REPLICATION SLAVE ADMIN", "SUPER")
    elif verbs.channels:
        privileges = ("REPLICATION_SLAVE_ADMIN", "SYSTEM_VARIABLES_ADMIN")
    return Plan(
        state_id,
        (*steps, Step(verbs.start(APPLIER))),
        summary,
        "replica_rows" if verdict.present else "replica_history",
        given_up,
        privileges,
    )


def check_record(todo: Plan, record_dir: Optional[str], server: Server, channel: Channel) -> None:
    """Refuse to give a statement up where nothing would remember it; in check mode too, so that the plan is honest.

    :raises RefusedError: there is no directory for the record.
    """
    if todo.loses and not record_dir:
        raise RefusedError(
            "pass the failing transaction of %s" % channel.label,
            server.address,
            "it would be given up (%s), and no record of it would be kept" % "; ".join(todo.loses),
            "Set record_dir to a directory that outlives this run.",
        )


def _gtid_steps(failing: Failing) -> Tuple[Statement, ...]:
    return (
        Statement("SET SESSION gtid_next = %s", (failing.group.gtid,), purpose="take the failing transaction's GTID"),
        Statement("BEGIN"),
        Statement("COMMIT", purpose="commit an empty transaction in its place"),
        Statement("SET SESSION gtid_next = %s", ("AUTOMATIC",), purpose="give the session its own GTIDs again"),
    )


def _counter_steps(verbs: Verbs) -> Tuple[Statement, ...]:
    return _counter(verbs, 1, "pass the next transaction")


def reset_counter(verbs: Verbs) -> Tuple[Statement, ...]:
    """What takes the skip counter back, when the applier was not started after it was set."""
    return _counter(verbs, 0, "pass no transaction")


def _counter(verbs: Verbs, count: int, purpose: str) -> Tuple[Statement, ...]:
    counter = Statement("SET GLOBAL %s = %d" % (verbs.dialect.skip_counter, count), purpose=purpose)
    if not verbs.mariadb:
        return (counter,)
    # The counter belongs to the session's default connection; without this it is accepted and skips nothing (10.11).
    session = Statement("SET SESSION default_master_connection = %s", (verbs.name,), purpose="name the connection")
    return session, counter


def check_at(failing: Failing, server: Server, channel: Channel) -> None:
    """Refuse unless the stopped applier will take the failing transaction next.

    :raises RefusedError: it runs, or stands elsewhere.
    """
    at = channel.relay
    here = at is not None and (at.file, at.position) == (failing.group.log, failing.group.position)
    if channel.applier != STOPPED or not here:
        raise RefusedError(
            "pass the failing transaction of %s" % channel.label,
            server.address,
            "the applier stands at %s and not at %s:%d" % (at, failing.group.log, failing.group.position),
            "Start it: it will stop at its next error.",
            {"changed": True},
        )


def check_still(fault: Broken, server: Server, channel: Channel) -> None:
    """Refuse when the applier no longer stands at that error: a skip would then eat a good transaction.

    :raises RefusedError: it runs, or stands at another error.
    """
    now = broken(channel)
    if now != fault:
        raise RefusedError(
            "pass the failing transaction of %s" % channel.label,
            server.address,
            "the applier is no longer at that error" if now is None else "the error is another one by now",
            "Diagnose again.",
        )
