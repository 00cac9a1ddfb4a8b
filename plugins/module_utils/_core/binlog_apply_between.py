# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All transactions between two positions of MariaDB, which has no sets that could name them one by one."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Sequence, Tuple

from .binlog_apply import Wish
from .errors import BadInputError
from .gtid_mariadb import BEHIND, GtidPosition, MariadbGtid
from .gtid_mysql import GtidError


def between(after: str, until: str) -> Wish:
    """What the options ``after`` and ``until`` name: all that is behind the one position, up to the other.

    :raises BadInputError: one of them is no position, or nothing is between them.
    """
    try:
        wish = Wish(None, None, after=GtidPosition.parse(after), until=GtidPosition.parse(until))
    except GtidError as error:
        raise BadInputError("Options after and until: %s" % error) from None
    if not _ends(wish):
        raise BadInputError("Option until (%s) is not behind option after (%s) in any domain" % (until, after))
    return wish


def _ends(wish: Wish) -> Dict[int, Tuple[int, MariadbGtid]]:
    """By domain behind which number to begin, and the last transaction."""
    after, until = wish.after or GtidPosition(), wish.until or GtidPosition()
    order = after.compare(until)
    found = {}
    for gtid in until.gtids:
        begun = after.get(gtid.domain)
        if order[gtid.domain] == BEHIND:
            found[gtid.domain] = (begun.sequence if begun is not None else 0, gtid)
    return found


def wanted(wish: Wish) -> Callable[[str], bool]:
    """Whether a transaction is one of them."""
    ends = _ends(wish)

    def ask(text: str) -> bool:
        gtid = MariadbGtid.parse(text)
        begun, last = ends.get(gtid.domain, (0, None))
        return last is not None and begun < gtid.sequence <= last.sequence

    return ask


def goes_back_far_enough(wish: Wish, passed: Iterable[MariadbGtid]) -> bool:
    """Whether none of them stands before a file.

    :param passed: the last transactions before it.
    """
    ends = _ends(wish)
    return all(gtid.domain not in ends or gtid.sequence <= ends[gtid.domain][0] for gtid in passed)


def check_reached(wish: Wish, found: Sequence[str], where: str) -> None:
    """Raise BadInputError when the last ones are not among those that were found."""
    lacking = [str(last) for _begun, last in _ends(wish).values() if str(last) not in found]
    if lacking:
        raise BadInputError(
            "%s does not have %s in its binlogs" % (where, ", ".join(lacking)),
            advice="Name a donor or an archive that reaches to option until.",
        )
