# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the furthest parallel worker got: the applied position of the status is only the last checkpoint."""

from __future__ import annotations

from typing import Optional

from .._core.errors import ServerError
from .._core.snapshot import Coordinates
from .connect import Connection
from .probe import Probed


def furthest(connection: Connection, probed: Probed, channel: str) -> Optional[Coordinates]:
    """The furthest point that a worker of the channel has applied; None without parallel workers or their records.

    Measured on MySQL 9.7: after an error the status showed 39622 as applied while a worker was at 179559.
    :raises ServerError: the records are there and cannot be read.
    """
    if probed.flavour.is_mariadb:
        return None
    statement = "SELECT Master_log_name AS file, Master_log_pos AS position FROM mysql.slave_worker_info"
    try:
        if probed.features.channels:
            rows = connection.query(statement + " WHERE Channel_name = %s", (channel,))
        else:
            rows = connection.query(statement)
    except ServerError as error:
        if error.number == 1146:
            return None
        raise
    points = [Coordinates(str(row["file"]), int(row["position"])) for row in rows if row["file"]]
    return max(points, key=Coordinates.key) if points else None
