# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which server this is and what it can do: read from what it said, never guessed from a version number alone.

MySQL's calendar versions (26.7 follows 9.7) make "10 or more means MariaDB" wrong, so the engine comes from the
version string and comment, and every ability from a probe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Tuple

MYSQL = "mysql"
MARIADB = "mariadb"

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Flavour:
    """An engine and its version.

    :param engine: ``mysql`` or ``mariadb``.
    :param version: three numbers, ``(9, 7, 4)``.
    :param text: what the server calls itself.
    """

    engine: str
    version: Tuple[int, int, int]
    text: str

    @property
    def is_mariadb(self) -> bool:
        """True for MariaDB."""
        return self.engine == MARIADB

    @property
    def name(self) -> str:
        """For people: ``MySQL 9.7.4``, ``MariaDB 10.11.19``."""
        return ("MariaDB" if self.is_mariadb else "MySQL") + " " + ".".join(str(n) for n in self.version)


def parse_flavour(version: str, comment: str = "") -> Flavour:
    """The flavour from ``VERSION()`` and ``@@version_comment``.

    MariaDB puts its name in one of both; old replication prefixes such as ``5.5.5-10.11.6-MariaDB`` are stripped.
    Raises ValueError when no version number is there.
    """
    mariadb = "mariadb" in (version + " " + comment).lower()
    text = version[6:] if mariadb and version.startswith("5.5.5-") else version
    match = _NUMBERS.match(text)
    if match is None:
        raise ValueError("no version number in %r" % version)
    numbers = (int(match.group(1)), int(match.group(2)), int(match.group(3) or 0))
    return Flavour(MARIADB if mariadb else MYSQL, numbers, version)


@dataclass(frozen=True)
class Features:
    """What probes found.

    ``replica_words``: SHOW REPLICA STATUS with Replica_* columns and CHANGE REPLICATION SOURCE.

    ``channels``: FOR CHANNEL (MySQL 5.7 and later) or named connections (MariaDB); ``worker_table``:
    performance_schema.replication_applier_status_by_worker with errors; ``gtid_mode``: the variable exists;
    ``super_read_only``: the variable exists; ``purged_append``: gtid_purged accepts '+set'.
    """

    replica_words: bool = False
    channels: bool = False
    worker_table: bool = False
    gtid_mode: bool = False
    super_read_only: bool = False
    purged_append: bool = False
