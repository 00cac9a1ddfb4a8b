# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From whom a replica is built anew: which server can be the donor, and why another cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from .errors import BadInputError, RefusedError
from .gtid_mysql import GtidSet
from .rebuild import ATTEMPT, AUTO
from .snapshot import GTID, RUNNING, STOPPED, Channel, Server

# A member further behind than this is no donor: all that it lacks would have to be sent again.
MOST_BEHIND = 300
_VERSION = 2


@dataclass(frozen=True)
class Candidate:
    """A server that could be the donor.

    :param name: the member's name, or ``source``.
    :param against: why it cannot be it; empty when it can.
    """

    name: str
    address: str
    against: str = ""

    def __str__(self) -> str:
        """For messages."""
        return "%s (%s)%s" % (self.name, self.address, ": " + self.against if self.against else "")


def against(donor: Server, target: Server, channel: Channel, source: Optional[Server], is_source: bool) -> str:
    """Why a server cannot be the donor; empty when it can.

    :param channel: as it is meant to be.
    :param source: the channel's source, read after the donor.
    """
    if donor.identity == target.identity:
        return "it is the replica itself"
    if donor.flavour.engine != target.flavour.engine:
        return "it is %s" % donor.flavour.name
    if donor.flavour.version[:_VERSION] > target.flavour.version[:_VERSION]:
        return "its version %s is later than the replica's" % ".".join(map(str, donor.flavour.version))
    if donor.variable("log_bin", "ON").upper() in ("OFF", "0") or donor.binlog_end is None:
        return "it writes no binlog, or the account may not see it"
    if is_source:
        return ""
    return _replica_fault(donor, channel, source)


def _replica_fault(donor: Server, channel: Channel, source: Optional[Server]) -> str:
    if channel.mode != GTID:
        return "the channel goes by coordinates, and those of one server mean nothing on another"
    if source is None:
        return "the source could not be read, so that it is not known what it lacks"
    theirs = donor.channels
    uuid = channel.source_uuid or source.uuid
    if len(theirs) != 1 or not _same_source(theirs[0], channel, uuid):
        return "it does not replicate from the same source alone"
    one = theirs[0]
    if one.applier != RUNNING or one.receiver == STOPPED or one.applier_fault or one.receiver_fault:
        return "it does not replicate"
    if one.filters:
        return "it filters"
    if one.seconds_behind is None or one.seconds_behind > MOST_BEHIND:
        return "it is behind"
    if not (donor.flag("log_replica_updates") or donor.flag("log_slave_updates")):
        return "it does not log what it applies"
    if donor.flavour.is_mariadb:
        return ""
    mine, purged = donor.executed or GtidSet(), source.purged or GtidSet()
    if not mine.contains(purged):
        return "it lacks transactions that the source has purged"
    more = mine.subtract(source.executed or GtidSet())
    return "it has transactions that the source does not have (%s)" % more if more else ""


def _same_source(one: Channel, other: Channel, uuid: str) -> bool:
    if uuid and one.source_uuid:
        return one.source_uuid.lower() == uuid.lower()
    return (one.source_host, one.source_port) == (other.source_host, other.source_port)


def choose(candidates: Sequence[Candidate], wanted: str, address: str) -> Candidate:
    """The donor: the one that is named, else the first that can be it. A replica spares the source.

    :param wanted: ``auto``, ``source``, or a member's name.
    :raises BadInputError: there is none of that name.
    :raises RefusedError: none can be it, with the reason for each.
    """
    names = [candidate.name for candidate in candidates]
    if wanted != AUTO and wanted not in names:
        raise BadInputError(
            "There is no donor '%s'" % wanted, advice="It is auto or one of: %s." % (", ".join(names) or "none")
        )
    asked = [candidate for candidate in candidates if wanted in (AUTO, candidate.name)]
    for candidate in asked:
        if not candidate.against:
            return candidate
    raise RefusedError(
        ATTEMPT, address, "there is no donor. %s" % "; ".join(map(str, asked)),
        "Name the members with replica_members, or mend one of them.",
    )  # fmt: skip


def reasons(candidates: Sequence[Candidate], chosen: Candidate) -> str:
    """Why this donor, in a sentence."""
    others = [str(candidate) for candidate in candidates if candidate.against and candidate is not chosen]
    text = "The donor is %s." % chosen
    return text + (" Not %s." % "; not ".join(others) if others else "")
