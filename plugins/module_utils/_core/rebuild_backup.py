# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a replica anew from a physical backup of mariadb-backup: when it can be done, and where the backup stands.

Source: MariaDB's documentation, "Setting up a Replica with mariadb-backup", "Files Created by mariadb-backup"; measured
on MariaDB 10.11 and 11.8.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional, Sequence, Tuple

from .commit_point import CommitPoint
from .errors import BadInputError, RefusedError
from .gtid_mariadb import AHEAD, EQUAL, GtidPosition
from .gtid_mysql import GtidError
from .snapshot import GTID, Channel, Coordinates, Server

# Newer versions write the first name, older ones the second.
INFO = ("mariadb_backup_binlog_info", "xtrabackup_binlog_info")
TOOL_INFO = ("mariadb_backup_info", "xtrabackup_info")
PROGRAMS = ("mariadb-backup", "mbstream")

_VERSION = re.compile(r"^server_version\s*=\s*(\d+)\.(\d+)\.(\d+)", re.M)
# Where a server may keep files outside of its data directory, which a backup would not bring back there.
PLACES = ("innodb_data_home_dir", "innodb_log_group_home_dir", "innodb_undo_directory", "aria_log_dir_path")
VARIABLES = (*PLACES, "datadir", "hostname", "pid_file", "relay_log_info_file", "relay_log_basename", "relay_log")
OTHERWISE = "Use method: copy."


def check(server: Server, given: Mapping[str, str]) -> None:
    """Refuse what cannot be done with this server.

    :param given: the options that are needed, by name.
    :raises BadInputError: it is no MariaDB, or an option is missing.
    """
    if not server.flavour.is_mariadb:
        raise BadInputError("Method backup is for MariaDB, and this is %s" % server.flavour.name, advice=OTHERWISE)
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise BadInputError("Method backup needs %s" % ", ".join(missing))


def point_of(text: str) -> CommitPoint:
    """Where the backup stands, from its own metadata: file, position and GTIDs, separated by tabs.

    :raises RefusedError: the text has another form, as of a server without binlog.
    """
    parts = text.strip("\n").split("\t")
    if len(parts) < 2 or not parts[0] or not parts[1].strip().isdigit():
        raise RefusedError(
            "use the backup", "", "its metadata does not say where in a binlog it stands (%r)" % text[:80],
            "Back up a server that writes a binlog.",
        )  # fmt: skip
    return CommitPoint(Coordinates(parts[0], int(parts[1])), parts[2].strip() if len(parts) > 2 else "")


def check_version(text: str, server: Server) -> None:
    """Refuse a backup of a server of another series.

    :param text: the backup's own description.
    :raises RefusedError: it is one, or the description does not say.
    """
    found = _VERSION.search(text)
    series = (int(found[1]), int(found[2])) if found else None
    if series != tuple(server.flavour.version[:2]):
        raise RefusedError(
            "use the backup", server.address,
            "it is of %s, and this server is %s" % (
                "MariaDB %d.%d" % series if series else "an unknown version", server.flavour.name,
            ),
            OTHERWISE,
        )  # fmt: skip


def check_point(
    source: Server, channel: Channel, point: CommitPoint, there: str, oldest: Optional[GtidPosition]
) -> None:
    """Refuse a backup from whose point on the channel's source cannot send everything.

    :param there: what the source says is the GTID position at the backup's coordinates; '' when it has none there.
    :param oldest: the position at the head of the source's oldest binlog; None when it could not be read.
    :raises RefusedError: it is of another history, too old, or of another server where the channel goes by coordinates.
    """
    try:
        mine = GtidPosition.parse(point.gtids)
        same = bool(there) and GtidPosition.parse(there) == mine
    except GtidError as error:
        raise RefusedError("use the backup", source.address, str(error), "Take a new backup.") from None
    why = ""
    if channel.mode != GTID:
        if not same:
            why = "the source does not know %s as %s: it is a backup of another server, or too old" % (
                point.coordinates, point.gtids or "the beginning",
            )  # fmt: skip
    elif oldest is None:
        why = "where the source's oldest binlog begins could not be read"
    elif any(order not in (EQUAL, AHEAD) for domain, order in mine.compare(oldest).items() if oldest.get(domain)):
        why = "the source has purged what comes behind %s (its oldest binlog begins at %s)" % (mine, oldest)
    elif source.binlog_state is None or any(source.binlog_state.contains(gtid) is False for gtid in mine.gtids):
        why = "the source does not have %s" % mine
    if why:
        raise RefusedError("use the backup", source.address, why, "Take a new backup, or use method: copy.")


def kept(names: Sequence[str], variables: Mapping[str, str]) -> Tuple[str, ...]:
    """The files of the data directory that belong to the channels of this server and not to its data.

    They hold the channels' settings and passwords; the channel points at a binlog that is nowhere by then.

    :param names: of everything in the data directory.
    :param variables: of the server.
    """
    stem = _last(variables.get("relay_log_info_file") or "relay-log.info").rsplit(".", 1)[0]
    relay = _last(variables.get("relay_log_basename") or variables.get("relay_log") or "")
    info = re.compile(r"(master.*|multi-master|%s.*)\.info\Z" % re.escape(stem))
    logs = re.compile(r"%s(-[^.]*)?\.(index|\d+|state)\Z" % re.escape(relay)) if relay else None
    return tuple(name for name in names if info.match(name) or (logs is not None and logs.match(name)))


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def loses() -> str:
    """What else is lost, a sentence."""
    return "The accounts and everything else in the system schemas of this server: those of the backup come."


def message(point: CommitPoint, size: int, seconds: float) -> str:
    """What was done."""
    return "Built anew from a backup of %.1f MB in %d s, replicating from %s (%s). The accounts here are its own." % (
        size / 1e6, seconds, point.coordinates, point.gtids,
    )  # fmt: skip
