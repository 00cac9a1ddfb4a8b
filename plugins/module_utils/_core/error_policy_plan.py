# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the wanted error policy, the option file and the running server to what is to be done, or why it must not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .error_policy import Effective, Policy, effective, file_text, numbers, parse, wanted
from .skippable import losses

ABSENT, PRESENT = "absent", "present"
_STOPPED = ("stopped_applier", "stopped_receiver", "stopped_at_until")
_ONLY_COPY = ("purged_on_source", "will_be_purged", "source_unknown", "source_unreachable", "receiver_connecting")


def plan(
    variables: Mapping[str, Any], status: Mapping[str, Any], help_text: str, existing: Optional[str], today: str
) -> Dict[str, Any]:
    """What the role has to do.

    :param variables: ``state``, ``skip_errors``, ``exec_mode``, ``reason``, ``expires``, ``on_expiry`` (``remove`` or
        ``fail``), ``managed_ok``, ``start_stopped``.
    :param status: a result of replica_status.
    :param help_text: what ``mysqld --verbose --help`` prints before the change.
    :param existing: the option file as it is, None when there is none.
    :returns: ``refused`` (reasons; with one nothing may be done), ``state``, ``text`` (the file; empty for none),
        ``rewrite`` (the file is to be written or removed), ``expired``, ``restart``, ``exec_mode`` (if to be set),
        ``loses``, ``report``, and what `settle` needs.
    :raises ValueError: the help text is none.
    """
    now = effective(help_text)
    found = parse(existing) if existing is not None else None
    policy, refused = _wanted(variables, found, today)
    foreign = existing is not None and found is None
    expired = bool(found and policy is None and variables.get("state", PRESENT) == PRESENT)
    if foreign:
        refused.append("The option file is there and was not written by this role: it is left alone.")
    text = file_text(policy, now.prefix) if policy else ""
    changed = not foreign and text != (existing or "")
    running = _running(status)
    aim = _predicted(policy, found, now, running)
    restart = changed and running.skip_errors != aim.skip_errors
    if changed and not refused:
        refused = _not_here(status, variables)
        if policy and policy.exec_mode == "IDEMPOTENT" and _channels_running(status) > 1:
            refused.append(
                "The mode holds for all channels, and %d run: IDEMPOTENT is never used then."
                % _channels_running(status)
            )
        if restart:
            refused += _no_restart(status, variables, now.skip_start)
    return {
        "refused": refused,
        "state": PRESENT if policy else ABSENT,
        "text": text,
        "rewrite": changed,
        "expired": expired,
        "restart": restart,
        "exec_mode": _mode_to_set(restart, running, aim, policy, found),
        "loses": losses(policy.skip_errors) if policy else [],
        "report": _report(policy, found, expired, changed, running, now),
        "policy": {"skip_errors": list(policy.skip_errors), "exec_mode": policy.exec_mode} if policy else {},
    }


def settle(planned: Mapping[str, Any], status: Mapping[str, Any], help_text: str) -> Dict[str, Any]:
    """What the file that is now in place comes to, and what is left to be done about the running server.

    :param planned: the result of `plan`.
    :param status: the result of replica_status from before.
    :param help_text: what ``mysqld --verbose --help`` prints with the new file.
    :returns: ``refused``, ``restart``, ``exec_mode`` (the mode to set without a restart; empty for none), ``expect``.
    :raises ValueError: the help text is none.
    """
    now, running = effective(help_text), _running(status)
    skip, mode = _asked(planned)
    refused = []
    if skip and now.skip_errors != skip:
        refused.append(_overridden("skip_errors", ",".join(now.skip_errors) or "OFF", ",".join(skip)))
    if mode and now.exec_mode != mode:
        refused.append(_overridden("exec_mode", now.exec_mode, mode))
    restart = bool(planned["rewrite"]) and running.skip_errors != now.skip_errors
    expect = {"skip_errors": ",".join(now.skip_errors) or "OFF", "exec_mode": now.exec_mode}
    other = "" if restart or running.exec_mode == now.exec_mode or not (planned["rewrite"] or mode) else now.exec_mode
    return {"refused": refused, "restart": restart, "exec_mode": other, "expect": expect}


def differs(settled: Mapping[str, Any], status: Mapping[str, Any], changed: bool) -> List[str]:
    """How the running server differs from what its option files say; empty when it does not.

    :param changed: whether the file was changed by this run: then a difference means that something overrides it.
    """
    running, wrong = _running(status), []
    expect = settled["expect"]
    why = (
        "The server's command line, a persisted variable or a limit of this server overrides the file."
        if changed
        else "The server was not restarted since the file was changed, or something overrides the file. This role "
        "restarts a server only when it changes the file."
    )
    for name, is_now in (("skip_errors", ",".join(running.skip_errors) or "OFF"), ("exec_mode", running.exec_mode)):
        if numbers(is_now) != numbers(expect[name]):
            said = (name, is_now, expect[name], why)
            wrong.append("%s is %s on the running server and %s in its option files. %s" % said)
    return wrong


def start(before: Mapping[str, Any], now: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The threads that a restart left stopped, because of skip_replica_start, although they ran before.

    A receiver that did not reach its source is among them, but cannot be waited for.

    :param before: the result of replica_status from before the restart.
    :param now: the one from afterwards.
    :returns: ``channel``, ``threads`` and ``connecting`` for each.
    """
    stopped = {
        (channel["channel"], thread)
        for channel in now["channels"]
        for thread in ("receiver", "applier")
        if channel[thread] == "stopped" and not channel.get(thread + "_error")
    }
    return [
        {"channel": channel["channel"], "threads": thread, "connecting": channel[thread] != "running"}
        for channel in before["channels"]
        for thread in ("receiver", "applier")
        if channel[thread] != "stopped" and (channel["channel"], thread) in stopped
    ]


def service(services: Mapping[str, Any], flavour: str) -> str:
    """The name of the service that runs the server, as service_facts lists them; empty when none or several could be.

    :param flavour: ``mysql`` or ``mariadb``; empty when the server cannot be asked.
    """
    names = {"mysql": ("mysql", "mysqld"), "mariadb": ("mariadb", "mysql", "mysqld")}.get(
        flavour, ("mariadb", "mysql", "mysqld")
    )
    for name in names:
        for spelled in (name + ".service", name):
            if spelled in services and services[spelled].get("state") in ("running", "active"):
                return name
    for name in names:
        for spelled in (name + ".service", name):
            if spelled in services and services[spelled].get("status") not in ("alias", "not-found", "masked"):
                return name
    return ""


def _wanted(variables: Mapping[str, Any], found: Optional[Policy], today: str) -> Tuple[Optional[Policy], List[str]]:
    """The policy to have, None to have none, and why not."""
    if variables.get("state", PRESENT) == ABSENT:
        return None, []
    policy, wrong = wanted(variables, today)
    expires = policy.expires
    over = len(wrong) == 1 and bool(expires) and expires < today and "which is over" in wrong[0]
    # A day in the past is a slip of the pen while the one in the file is still to come.
    if over and found is not None and found.expired(today) and variables.get("on_expiry", "remove") == "remove":
        return None, []
    if found is not None and policy.same_settings(found) and found.since:
        policy = replace(policy, since=found.since)
    return policy, wrong


def _running(status: Mapping[str, Any]) -> Effective:
    applying = status["server"]["applying"]
    return Effective("", numbers(applying["skip_errors"]), str(applying["exec_mode"]).upper())


def _asked(planned: Mapping[str, Any]) -> Tuple[Tuple[str, ...], str]:
    policy = planned["policy"]
    return tuple(sorted(str(number) for number in policy.get("skip_errors", ()))), policy.get("exec_mode", "")


def _predicted(policy: Optional[Policy], found: Optional[Policy], now: Effective, running: Effective) -> Effective:
    """What the option files will say: the file's own settings, and for what it stops saying the server's default."""
    skip = tuple(sorted(map(str, policy.skip_errors))) if policy else ()
    mode = policy.exec_mode if policy else ""
    if not skip and not (found and found.skip_errors):
        skip = now.skip_errors
    if not mode:
        mode = "STRICT" if found and found.exec_mode else now.exec_mode
    return Effective(now.prefix, skip, mode)


def _mode_to_set(
    restart: bool, running: Effective, aim: Effective, policy: Optional[Policy], found: Optional[Policy]
) -> str:
    ours = bool((policy and policy.exec_mode) or (found and found.exec_mode and not policy))
    return aim.exec_mode if ours and not restart and running.exec_mode != aim.exec_mode else ""


def _not_here(status: Mapping[str, Any], variables: Mapping[str, Any]) -> List[str]:
    server = status["server"]
    if server.get("cluster"):
        return ["The server is a member of a cluster (%s), which keeps its own replication state." % server["cluster"]]
    if server.get("managed") and not variables.get("managed_ok"):
        return ["The server is looked after by %s: set repair_managed_ok=true to change it." % server["managed"]]
    return []


def _no_restart(status: Mapping[str, Any], variables: Mapping[str, Any], skip_start: bool) -> List[str]:
    """Why a restart would do harm.

    :param skip_start: what the option files say about it; MariaDB has no variable that tells (measured on 10.11).
    """
    applying, refused = status["server"]["applying"], []
    if applying["open_temp_tables"]:
        refused.append(
            "The applier has %d temporary tables open, which a restart loses: let it go on until it has closed them."
            % applying["open_temp_tables"]
        )
    stopped = sorted({_label(finding) for finding in status["findings"] if finding["code"] in _STOPPED})
    if stopped and not (skip_start or applying["skip_start"]) and not variables.get("start_stopped"):
        refused.append(
            "Threads of %s were stopped without an error, and a restart starts them: set repair_start_stopped=true if "
            "that is right, or start the server with skip_replica_start." % " and ".join(stopped)
        )
    if applying["relay_log_recovery"]:
        refused += _relay_logs(status)
    return refused


def _relay_logs(status: Mapping[str, Any]) -> List[str]:
    """A restart with relay_log_recovery throws the relay logs away, which may be the only copy of transactions."""
    doubts = {_name(finding): finding["summary"] for finding in status["findings"] if finding["code"] in _ONLY_COPY}
    refused = []
    for channel in status["channels"]:
        doubt = doubts.get(channel["channel"])
        if doubt and channel.get("read") != channel.get("executed"):
            refused.append(
                "relay_log_recovery throws the relay logs of channel '%s' away at a restart, and the source may not "
                "have what is in them: %s" % (channel["channel"], doubt)
            )
    return refused


def _name(finding: Mapping[str, Any]) -> str:
    return str(finding.get("channel") or "")


def _label(finding: Mapping[str, Any]) -> str:
    return "channel '%s'" % _name(finding)


def _channels_running(status: Mapping[str, Any]) -> int:
    return sum(1 for channel in status["channels"] if channel["applier"] == "running")


def _overridden(name: str, found: str, asked: str) -> str:
    return (
        "With the new file in place the server would start with %s = %s and not %s: it does not read the directory, "
        "or another option file comes later." % (name, found, asked)
    )


def _report(
    policy: Optional[Policy],
    found: Optional[Policy],
    expired: bool,
    changed: bool,
    running: Effective,
    now: Effective,
) -> List[str]:
    lines: List[str] = []
    if policy:
        lines.append(policy.described() + ("" if changed else " (unchanged)") + ".")
    elif found:
        why = "its last day is over" if expired else "it is no longer wanted"
        lines.append("The policy is removed, %s. %s." % (why, found.described()))
    else:
        lines.append("There is no error policy of this role.")
        others: Sequence[str] = running.skip_errors
        if others:
            lines.append("The server ignores %s all the same, by a setting that is not this role's." % ",".join(others))
    return lines
