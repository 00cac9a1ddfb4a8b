# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a skip tells: the transactions that were passed, sentences about them, and errors with passwords masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Sequence

from . import account_statement, effect
from .effect import Verdict
from .event_group import Failing
from .fault_classes import cause
from .skip_plan import Broken, broken
from .snapshot import STOPPED, Channel, Fault

FEW = 3


def passed(failing: Failing, fault: Broken, verdict: Verdict, method: str) -> Dict[str, Any]:
    """What a result says about a transaction that was passed."""
    statement = account_statement.masked(failing.statement)
    return {
        "gtid": failing.group.gtid or None,
        "file": failing.group.source_file or None,
        "end_position": failing.group.source_end,
        "log": failing.group.log,
        "log_position": failing.group.position,
        "error": fault.number,
        "error_text": account_statement.masked_error(fault.text),
        "database": failing.schema,
        "statement": statement,
        "effect": effect.PRESENT if verdict.present else effect.NOT_VERIFIED,
        "evidence": list(verdict.evidence),
        "lacking": list(verdict.lacking),
        "given_up": None if verdict.present else statement,
        "method": method,
    }


def discreet(fault: Broken) -> Broken:
    """The error as a masked channel shows it."""
    return replace(fault, text=account_statement.masked_error(fault.text))


def masked(channel: Channel) -> Channel:
    """The channel with the statements that its errors quote masked: they may hold passwords."""

    def hide(fault: Optional[Fault]) -> Optional[Fault]:
        return None if fault is None else replace(fault, text=account_statement.masked_error(fault.text))

    workers = tuple(replace(worker, fault=hide(worker.fault)) for worker in channel.workers)
    return replace(channel, applier_fault=hide(channel.applier_fault), workers=workers)


def nothing(channel: Channel) -> str:
    """Why nothing was passed, in a sentence."""
    if channel.applier == STOPPED:
        return "The applier is stopped without an error: there is nothing to pass, and it is left as it is."
    return "The applier runs without an error: there is nothing to pass."


def sentence(entries: Sequence[Dict[str, Any]], after: Channel, checking: bool) -> str:
    """What was done, in a few sentences; many transactions are summed up."""
    verb = "Would pass" if checking else "Passed"
    lines = [] if len(entries) <= FEW else [_summed_up(verb, entries)]
    lines += [_line(verb, entry) for entry in entries if len(entries) <= FEW or entry["given_up"] is not None]
    next_fault = broken(after)
    if not checking and next_fault is not None:
        text = cause(account_statement.masked_error(next_fault.text))
        lines.append("The applier then stopped at error %d: %s" % (next_fault.number, text))
    elif not checking:
        lines.append("The applier runs." if after.applier != STOPPED else "The applier is stopped.")
    return " ".join(lines)


def _line(verb: str, entry: Dict[str, Any]) -> str:
    name = entry["gtid"] or "the transaction that ends at %s:%d" % (entry["file"] or "?", entry["end_position"])
    found = "its effect is present: %s" % "; ".join(entry["evidence"])
    if entry["given_up"] is not None:
        found = "its effect is given up: %s" % entry["given_up"]
    return "%s %s (error %d); %s." % (verb, name, entry["error"], found)


def _summed_up(verb: str, entries: Sequence[Dict[str, Any]]) -> str:
    present = [entry for entry in entries if entry["given_up"] is None]
    numbers = ", ".join(str(number) for number in sorted({entry["error"] for entry in present}))
    return "%s %d transactions, %d of them (errors %s) because their effect is present." % (
        verb, len(entries), len(present), numbers or "none"
    )  # fmt: skip
