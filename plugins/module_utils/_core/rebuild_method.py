# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which way a replica is built anew: those that come into question, in their order, and why it is the one it is.

What keeps the accounts of the replica comes before what replaces them, and what needs nothing else before the rest.
"""

from __future__ import annotations

from typing import Mapping, Sequence, Tuple

from .errors import RefusedError, ReplicaError
from .rebuild import ATTEMPT, AUTO, BACKUP, CLONE, COPY, REPLAY

# With these the caller says how, and that accounts may be replaced.
_NEEDS: Mapping[str, str] = {CLONE: "source_password", BACKUP: "backup_command"}

_WHY: Mapping[str, str] = {
    COPY: "it needs only the two servers, and the accounts of this one stay",
    REPLAY: "the source has every binlog from its beginning on, and the accounts of this server stay",
    CLONE: "the donor's clone plugin copies all of it",
    BACKUP: "there is a backup of it",
}


def order(asked: str, another: bool, given: Mapping[str, str], mariadb: bool) -> Tuple[str, ...]:
    """The methods that are looked at, one after the other, until one is not refused.

    :param asked: a name of `rebuild.METHODS`.
    :param another: another one may be taken where the one that is asked for is refused.
    :param given: what the caller gave, by option; a method that needs more than is given does not come into question.
    :param mariadb: what the replica is.
    """
    if asked != AUTO and not another:
        return (asked,)
    found = [asked] if asked != AUTO else []
    for method in (COPY, REPLAY, BACKUP if mariadb else CLONE):
        if method not in found and (method not in _NEEDS or given.get(_NEEDS[method])):
            found.append(method)
    return tuple(found)


Refusals = Sequence[Tuple[str, ReplicaError]]


def _against(refused: Refusals) -> str:
    return "; ".join(
        "not %s: %s" % (method, (error.answer or error.attempted).rstrip(".")) for method, error in refused
    )


def reason(method: str, asked: str, refused: Refusals) -> str:
    """Which method it is and why, for the plan.

    :param refused: those that were looked at before it, with what speaks against each.
    """
    if method == asked:
        return "The method is %s, as asked for." % method
    text = "The method is %s: %s." % (method, _WHY[method])
    against = _against(refused)
    return text + (" %s%s." % (against[0].upper(), against[1:]) if against else "")


def none_can(refused: Refusals, where: str) -> ReplicaError:
    """The error to raise when every method was refused: that of the only one, or all of them in one.

    :param refused: at least one.
    """
    _method, first = refused[0]
    if len(refused) == 1:
        return first
    return RefusedError(ATTEMPT, where, "no method can do it: %s" % _against(refused), first.advice, first.context)
