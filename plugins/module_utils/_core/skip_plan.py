# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passing one failing transaction: whether it may be, by which method, and the statements that do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from . import account_statement, below, effect
from .effect import Verdict
from .errors import BadInputError, RefusedError
from .event_group import Failing
from .plan import Plan
from .snapshot import STOPPED, Channel, Server

AUTO = "auto"
GTID = "gtid"
COUNTER = "counter"
POSITION = "position"
IDEMPOTENT = "idempotent"
METHODS: Tuple[str, ...] = (AUTO, GTID, COUNTER, POSITION, IDEMPOTENT)

# How far rows are applied over what is there (method idempotent).
TRANSACTION = "transaction"
CAUGHT_UP = "caught_up"

# ER_REPLICA_WORKER_STOPPED_PREVIOUS_THD_ERROR: an earlier transaction failed in another worker.
_FOLLOWED = (3030,)

# Why transactions are not given up or written over where others replicate from, and what to do instead.
WITHOUT = "they would not get the transaction either"
REPAIR_THOSE = "Repair those first, then look whether the change is present on each of them."

# What replicates from a server.


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
    :param until: TRANSACTION or CAUGHT_UP.
    :param show: ``none``, ``keys`` or ``full``.
    """

    errors: Tuple[int, ...]
    method: str = AUTO
    limit: int = 1
    proven: bool = True
    until: str = TRANSACTION
    show: str = "keys"


def check_options(wish: Wish) -> None:
    """Raise BadInputError when the options make no sense."""
    if not wish.errors:
        raise BadInputError(
            "Option errors is empty: nothing may be passed", advice="List the error numbers that may be passed."
        )
    if wish.limit < 1:
        raise BadInputError("Option limit is %d" % wish.limit, advice="Give at least 1.")
    if wish.method == IDEMPOTENT and not wish.proven:
        raise BadInputError(
            "Method idempotent gives nothing up, and only_if_effect_present is false",
            advice="Leave one of them as it is by default.",
        )


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

    :raises RefusedError: the error is not listed, or is none that this version passes.
    """
    context = {"error": fault.number, "error_text": account_statement.masked_error(fault.text)}
    what = "pass the failing transaction of %s" % channel.label
    if fault.number not in wish.errors:
        raise RefusedError(
            what, server.address,
            "it stopped at error %d, which is not in option errors: %s" % (fault.number, context["error_text"]),
            "Add %d to errors if such a transaction may be passed." % fault.number, context,
        )  # fmt: skip
    fits = (
        fault.number in effect.ROW_ERRORS if wish.method == IDEMPOTENT else effect.is_passed(fault.number, wish.proven)
    )
    if not fits:
        why, advice = effect.reason(fault.number)
        raise RefusedError(
            what, server.address, "error %d: %s: %s" % (fault.number, why, context["error_text"]), advice, context
        )


def check_below(server: Server, channel: Channel, lower: Server, lacking: Sequence[str]) -> None:
    """Refuse to pass what is not proven to be on a server below as well: it would never get it.

    :param lacking: what is not there.
    :raises RefusedError: with what is lacking.
    """
    if lacking:
        raise below.refused(
            "pass the failing transaction of %s" % channel.label, server, [lower.address],
            "what the transaction wants is not proven to be there: %s" % "; ".join(lacking),
            "They would not get it from here: make it equal there first (with sql_log_bin=0).",
        )  # fmt: skip


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


def check_record(todo: Plan, record_dir: Optional[str], server: Server, channel: Channel) -> None:
    """Refuse to give a statement up where nothing would remember it; in check mode too, so that the plan is honest.

    :raises RefusedError: there is no directory for the record.
    """
    if todo.loses and not record_dir:
        raise RefusedError(
            "pass the failing transaction of %s" % channel.label,
            server.address,
            "something would be lost (%s), and no record of it would be kept" % "; ".join(todo.loses),
            "Set record_dir to a directory that outlives this run.",
        )


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
