# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a replica anew with MySQL's clone plugin: when it can be done, and which statements do it.

Source: manual, "The Clone Plugin", "Cloning Remote Data" and "Cloning for Replication"; measured on MySQL 9.7.
"""

from __future__ import annotations

from typing import List, Mapping, Optional, Tuple

from .change_source import current
from .channel_plan import Setting, Verbs
from .commit_point import CommitPoint
from .errors import BadInputError, RefusedError
from .plan import Step
from .rebuild import ATTEMPT, starts
from .snapshot import GTID, Channel, Server
from .source_options import COORDINATES, MODES, OPTIONS, PASSWORD, PLACE, written
from .statement import Statement, literal

PLUGIN = "SELECT PLUGIN_STATUS AS status FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'clone'"
INSTALL = "INSTALL PLUGIN clone SONAME 'mysql_clone.so'"
# It is kept in a file of the data directory that a clone leaves alone, so that the server starts without its channels.
HOLD = "SET PERSIST_ONLY skip_replica_start = ON"
LET_GO = "RESET PERSIST IF EXISTS skip_replica_start"

# The clone is complete, and the server has ended itself because nobody is there to start it again.
NOT_SUPERVISED = 3707
_SERIES = 2


def check(target: Server, donor: Server, password: Optional[str]) -> None:
    """Refuse what clone cannot do here.

    :param password: of the channel's account, which a clone loses with everything else in the system schemas.
    :raises BadInputError: the server has no such plugin, or the password is not given.
    :raises RefusedError: both are not of one series.
    """
    if target.flavour.is_mariadb or not target.features.purged_append:
        raise BadInputError("%s has no clone plugin" % target.flavour.name, advice="Use method: copy.")
    if not password:
        raise BadInputError(
            "Method clone needs source_password",
            advice="A clone brings the donor's system schemas, so that the channel has to be made again.",
        )
    if donor.flavour.version[:_SERIES] != target.flavour.version[:_SERIES]:
        raise RefusedError(
            ATTEMPT, target.address,
            "clone needs servers of one series, and these are %s and %s" % (target.flavour.name, donor.flavour.name),
            "Use method: copy.",
        )  # fmt: skip


def clone(user: str, password: str, host: str, port: int, tls: bool) -> Statement:
    """CLONE INSTANCE. The password is shown masked."""
    text = "CLONE INSTANCE FROM %s@%s:" + "%d IDENTIFIED BY %%s%s" % (port, " REQUIRE SSL" if tls else "")
    return Statement(text, (user, host, password), frozenset((2,)), "clone the donor")


def valid_donor(host: str, port: int) -> str:
    """The donor that the server may clone."""
    return "SET GLOBAL clone_valid_donor_list = %s" % literal("%s:%d" % (host, port))


def point_at(verbs: Verbs, channel: Channel, password: str, point: CommitPoint) -> Statement:
    """Make the channel again as it was, at the point of the clone."""
    values = current(channel, False)
    pairs: List[Tuple[str, Setting]] = [
        ("SOURCE_HOST", channel.source_host), ("SOURCE_PORT", channel.source_port),
        ("SOURCE_USER", channel.source_user),
    ]  # fmt: skip
    skipped = {*COORDINATES, *MODES, *PLACE, PASSWORD, "source_user"}
    for option in OPTIONS:
        value = values.get(option.name)
        if option.name not in skipped and option.setting and value not in (None, "", (), option.unset):
            pairs.append((option.spelled(verbs), written(option, value)))
    if channel.mode == GTID:
        pairs.append(("SOURCE_AUTO_POSITION", 1))
    else:
        pairs += [("SOURCE_LOG_FILE", point.coordinates.file), ("SOURCE_LOG_POS", point.coordinates.position)]
    made = verbs.change([*pairs, ("SOURCE_PASSWORD", password)], "make the channel again")
    last = len(made.params) - 1
    return Statement(made.sql, made.params, frozenset((last,)), made.purpose)


def steps(verbs: Verbs, channel: Channel, password: str, point: CommitPoint) -> Tuple[Step, ...]:
    """What is left to do when the clone is up: its channel, at its point."""
    return (Step(point_at(verbs, channel, password, point)), *starts(verbs, channel))


def progress_line(rows: Tuple[Mapping[str, object], ...]) -> str:
    """The stages of performance_schema.clone_progress in a line."""
    told = []
    for row in rows:
        state = str(row["STATE"])
        if state == "Not Started":
            continue
        share = "" if not row["ESTIMATE"] else " %.0f of %.0f MB" % (
            float(str(row["DATA"])) / 1e6, float(str(row["ESTIMATE"])) / 1e6,
        )  # fmt: skip
        told.append("%s %s%s" % (str(row["STAGE"]).lower(), state.lower(), share))
    return "cloning: " + (", ".join(told) or "begun")
