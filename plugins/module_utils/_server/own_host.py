# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this is a server's own host, and how much room its data directory has there."""

from __future__ import annotations

import os
import socket
from typing import Optional

from .connect import Connection

_PLACE = "SELECT @@GLOBAL.datadir AS datadir, @@GLOBAL.hostname AS hostname, @@GLOBAL.pid_file AS pid_file"
# What files take beyond the rows that the statistics speak of.
SPARE = 1.1


def lives(pid_file: str) -> bool:
    """Whether the process that a server names in its file is there."""
    try:
        with open(pid_file, encoding="ascii") as file:
            number = int(file.read())
    except (OSError, ValueError):
        return False
    try:
        os.kill(number, 0)
    except PermissionError:
        # Another user's.
        return True
    except OSError:
        return False
    return True


def elsewhere(hostname: str, pid_file: str) -> str:
    """Why this is not the host of the server; empty when it is.

    :param hostname: as the server says; ``pid_file`` alike, with its whole path.
    """
    if hostname != socket.gethostname():
        return "its host is %s and this is %s" % (hostname, socket.gethostname())
    return "" if lives(pid_file) else "the process that %s names cannot be seen" % pid_file


def free(server: Connection) -> Optional[int]:
    """Bytes that the server may still write into its data directory; None where that cannot be seen."""
    place = {name: str(value or "") for name, value in (server.one(_PLACE) or {}).items()}
    datadir = place.get("datadir", "")
    if elsewhere(place.get("hostname", ""), os.path.join(datadir, place.get("pid_file", ""))):
        return None
    try:
        found = os.statvfs(datadir)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
