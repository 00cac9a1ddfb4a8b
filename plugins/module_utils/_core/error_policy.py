# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An error policy: which applier errors a server ignores, why and until when, and the option file that holds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, List, Mapping, Optional, Tuple

from .skippable import KNOWN

MODES = ("STRICT", "IDEMPOTENT")
_MARK = "# error_policy: 1"
_HEAD = (
    "# Managed by Ansible (role replicaops.mysql.error_policy): change it there, remove it with "
    "error_policy_state=absent."
)
_NOTHING = ("", "OFF", "(NO DEFAULT VALUE)")


@dataclass(frozen=True)
class Policy:
    """What an option file asks for.

    :param skip_errors: error numbers, sorted; empty for none.
    :param exec_mode: one of ``MODES``; empty when the file does not say.
    :param reason: why, in one line.
    :param since: since when these settings are there, as YYYY-MM-DD.
    :param expires: the last day on which they are wanted, as YYYY-MM-DD.
    """

    skip_errors: Tuple[int, ...] = ()
    exec_mode: str = ""
    reason: str = ""
    since: str = ""
    expires: str = ""

    def same_settings(self, other: Optional[Policy]) -> bool:
        """Whether the server would behave alike."""
        return other is not None and (self.skip_errors, self.exec_mode) == (other.skip_errors, other.exec_mode)

    def expired(self, today: str) -> bool:
        """Whether its last day is over."""
        return self.expires < today

    def described(self) -> str:
        """One sentence for reports."""
        parts = []
        if self.skip_errors:
            parts.append("errors %s are being ignored" % ",".join(map(str, self.skip_errors)))
        if self.exec_mode:
            parts.append("the applier runs in %s mode" % self.exec_mode)
        text = " and ".join(parts) + " since %s, until %s: %s" % (self.since, self.expires, self.reason)
        return text[0].upper() + text[1:]


@dataclass(frozen=True)
class Effective:
    """What the server would take from all its option files, as ``--verbose --help`` prints it.

    :param prefix: ``replica`` or ``slave``: how this server spells the two options.
    :param skip_errors: see `numbers`.
    :param exec_mode: one of ``MODES``.
    :param skip_start: it leaves the replication threads stopped when it starts.
    """

    prefix: str
    skip_errors: Tuple[str, ...]
    exec_mode: str
    skip_start: bool = False


def numbers(text: str) -> Tuple[str, ...]:
    """The values of a list of error numbers, sorted, however a server spells it.

    None is ``OFF`` on a running server and on MariaDB, ``(No default value)`` in the help of MySQL; MariaDB sorts and
    drops what it does not know, MySQL's help repeats what the file says (measured on 9.7, 5.6, 10.11 and 11.8).
    """
    if text.strip().upper() in _NOTHING:
        return ()
    return tuple(sorted({part.upper() for part in re.split(r"[\s,]+", text.strip().strip("'\"")) if part}))


def effective(help_text: str) -> Effective:
    """Read the output of ``mysqld --verbose --help``.

    :raises ValueError: it does not list the options.
    """
    found = {
        line.split(None, 1)[0]: line.split(None, 1)[1].strip()
        for line in help_text.splitlines()
        if re.match(r"(replica|slave)-(skip-errors|exec-mode)\s+\S|skip-(replica|slave)-start\s+\S", line)
    }
    prefix = "replica" if "replica-skip-errors" in found else "slave"
    if prefix + "-skip-errors" not in found or prefix + "-exec-mode" not in found:
        raise ValueError("this is not the option list of a MySQL or MariaDB server: it has no %s-skip-errors" % prefix)
    return Effective(
        prefix,
        numbers(found[prefix + "-skip-errors"]),
        found[prefix + "-exec-mode"].upper(),
        found.get("skip-%s-start" % prefix, "").upper() in ("TRUE", "ON", "1"),
    )


def wanted(variables: Mapping[str, Any], today: str) -> Tuple[Policy, List[str]]:
    """The policy that a role's variables ask for, and every reason why they cannot be taken as they are.

    :param variables: ``skip_errors`` (list, or text with commas), ``exec_mode``, ``reason``, ``expires``.
    :param today: the day as YYYY-MM-DD, which is when a new policy begins.
    """
    wrong: List[str] = []
    errors = _errors(variables.get("skip_errors"), wrong)
    mode = _text(variables.get("exec_mode")).upper()
    if mode and mode not in MODES:
        wrong.append("error_policy_exec_mode is %r; it is one of %s." % (mode, ", ".join(MODES)))
    if not errors and not mode and not wrong:
        wrong.append("Neither error_policy_skip_errors nor error_policy_exec_mode says anything.")
    reason = _text(variables.get("reason"))
    if not reason:
        wrong.append("error_policy_reason is missing: whoever finds the file must be able to read why it is there.")
    elif not reason.isprintable():
        wrong.append("error_policy_reason must be one line of printable characters.")
    expires = _text(variables.get("expires"))
    if not expires:
        wrong.append("error_policy_expires is missing: a policy without an end is never looked at again.")
    elif not _is_date(expires):
        wrong.append("error_policy_expires is %r; it is a day, as YYYY-MM-DD." % expires)
    elif expires < today:
        wrong.append("error_policy_expires is %s, which is over (today is %s)." % (expires, today))
    return Policy(errors, mode, reason, today, expires), wrong


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _errors(value: object, wrong: List[str]) -> Tuple[int, ...]:
    items = value if isinstance(value, (list, tuple)) else re.split(r"[\s,]+", _text(value))
    texts = [_text(item) for item in items if _text(item)]
    if any(text.lower() == "all" for text in texts):
        wrong.append("error_policy_skip_errors: 'all' is refused, it ignores every error, a full disk included.")
        return ()
    unknown = [text for text in texts if not text.isdecimal() or int(text) not in KNOWN]
    if unknown:
        known = ", ".join(map(str, sorted(KNOWN)))
        wrong.append("error_policy_skip_errors: %s is not among the known errors (%s)." % (", ".join(unknown), known))
    return tuple(sorted({int(text) for text in texts if text not in unknown}))


def file_text(policy: Policy, prefix: str) -> str:
    """The option file; the same policy gives the same bytes.

    :param prefix: ``replica`` or ``slave``, as the server spells the options.
    """
    lines = [
        _HEAD,
        _MARK,
        "# reason: %s" % policy.reason,
        "# since: %s" % policy.since,
        "# expires: %s" % policy.expires,
        "[mysqld]",
    ]
    if policy.skip_errors:
        lines.append("%s_skip_errors = %s" % (prefix, ",".join(map(str, policy.skip_errors))))
    if policy.exec_mode:
        lines.append("%s_exec_mode = %s" % (prefix, policy.exec_mode))
    return "\n".join(lines) + "\n"


def parse(text: str) -> Optional[Policy]:
    """The policy of an option file, or None when the file is not one of ours."""
    if _MARK not in text.splitlines():
        return None
    notes = dict(re.findall(r"^# (reason|since|expires): *(.*?) *$", text, re.MULTILINE))
    options = dict(re.findall(r"^(?:replica|slave)_(skip_errors|exec_mode) *= *(.*?) *$", text, re.MULTILINE))
    errors = tuple(sorted(int(part) for part in options.get("skip_errors", "").split(",") if part.strip().isdecimal()))
    # A file whose end was made illegible by hand has none left.
    expires = notes.get("expires", "")
    return Policy(
        errors,
        options.get("exec_mode", "").upper(),
        notes.get("reason", ""),
        notes.get("since", ""),
        expires if _is_date(expires) else "0000-00-00",
    )
