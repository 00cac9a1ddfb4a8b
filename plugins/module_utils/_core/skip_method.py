# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which method a failing transaction is passed: the one that works for the server, its mode and the transaction."""

from __future__ import annotations

from typing import Tuple

from .errors import RefusedError
from .event_group import Failing
from .gtid_mysql import Gtid, GtidError
from .skip_plan import AUTO, COUNTER, GTID, IDEMPOTENT, POSITION, Wish
from .snapshot import STOPPED, Channel, Server


def choose(wish: Wish, server: Server, channel: Channel, failing: Failing, left: int = 0) -> str:
    """The method that works for this transaction.

    MySQL in GTID mode takes an empty transaction; the skip counter is refused there (1858 on 5.6) or accepted and
    ignored (measured on 9.7). Transactions without a GTID, and MariaDB, take the counter, or a position. With parallel
    appliers and several domains MariaDB refuses the counter (1966).

    :param left: what an own run that was killed left in the skip counter.
    :raises RefusedError: none works, or not the one that was asked for.
    """
    what = "pass the failing transaction of %s" % channel.label
    fits = _fitting(server, channel, failing)
    if wish.method == IDEMPOTENT:
        _check_idempotent(what, server, channel)
        return IDEMPOTENT
    method = fits[0] if wish.method == AUTO else wish.method
    if method not in fits:
        raise RefusedError(
            what, server.address, _why_not(method, failing, fits), "Set method to %s or auto." % " or ".join(fits)
        )
    if method == GTID:
        if is_used(what, server, failing.group.gtid) and not wish.proven:
            raise RefusedError(
                what, server.address,
                "%s is in gtid_executed already, so an empty transaction in its place would do nothing"
                % failing.group.gtid,
                "Source and replica disagree about how the statement ended; an empty transaction does not repair that.",
                {"gtid": failing.group.gtid},
            )  # fmt: skip
        return method
    if method == COUNTER or not by_domain(server, channel):
        _check_gaps(what, server, channel, failing)
    # A run that was killed before its START leaves its number behind. To set it again passes no more than that.
    pending = channel.skip_counter > 1 and channel.skip_counter != left
    if any(other.skip_counter for other in server.channels if other is not channel) or pending:
        raise RefusedError(
            what, server.address, "the skip counter is not 0: somebody else is about to skip",
            "Set it to 0, or let that happen first.",
        )  # fmt: skip
    return method


def check_filters(wish: Wish, server: Server, channel: Channel) -> None:
    """Refuse to judge rows where the channel filters: what is not applied, or applied elsewhere, proves nothing.

    :raises RefusedError: it has filters, and nothing is given up knowingly.
    """
    filters = ["%s = %s" % pair for pair in sorted(channel.filters.items()) if pair[1]]
    if filters and wish.proven:
        raise RefusedError(
            "pass the failing transaction of %s" % channel.label, server.address,
            "the channel filters (%s), so that its rows need not be the source's" % "; ".join(filters),
            "Make its rows right by hand, or give it up knowingly (only_if_effect_present=false).",
        )  # fmt: skip


def by_domain(server: Server, channel: Channel) -> bool:
    """Whether the channel's position is MariaDB's ``gtid_slave_pos``, and not coordinates."""
    return server.flavour.is_mariadb and channel.mode == "gtid"


def _fitting(server: Server, channel: Channel, failing: Failing) -> Tuple[str, ...]:
    """The methods that work, the one that disturbs least first."""
    if failing.group.gtid and not server.flavour.is_mariadb:
        return (GTID,)
    domains = len(str(server.replica_position or "").split(","))
    if by_domain(server, channel) and channel.parallel > 0 and domains > 1:
        return (POSITION,)
    return (COUNTER, POSITION)


def _why_not(method: str, failing: Failing, fits: Tuple[str, ...]) -> str:
    if method == GTID:
        return "an empty transaction can only take a MySQL GTID's place, and this transaction has none"
    if GTID in fits and method == COUNTER:
        return "the skip counter has no effect on a transaction with a GTID (%s)" % failing.group.gtid
    if GTID in fits:
        return "a later position would leave a hole in gtid_executed (%s)" % failing.group.gtid
    return "with parallel appliers and several GTID domains the server refuses the skip counter (error 1966)"


def _check_idempotent(what: str, server: Server, channel: Channel) -> None:
    """The mode is one value for all channels: no other may run under it (manual: "slave_exec_mode")."""
    others = [other.label for other in server.channels if other.name != channel.name and other.applier != STOPPED]
    if others:
        raise RefusedError(
            what, server.address, "idempotent mode is one setting for all channels, and %s runs" % ", ".join(others),
            "Heal the rows (row_repair), or stop the appliers of the others first.",
        )  # fmt: skip
    modes = [server.variable(name).upper() for name in ("replica_exec_mode", "slave_exec_mode")]
    if "IDEMPOTENT" in modes:
        raise RefusedError(
            what, server.address, "idempotent mode is on already, and no record says that a killed run left it",
            "Somebody turned it on: turn it off, or find out why.",
        )  # fmt: skip
    if server.flavour.is_mariadb or channel.parallel <= 1 or channel.position_gaps is False or channel.mode == "gtid":
        return
    raise RefusedError(
        what, server.address, "parallel workers may have later transactions done already",
        "Close the gaps first (replica_channel), or apply with one worker.",
    )  # fmt: skip


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
