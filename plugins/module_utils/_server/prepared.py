# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which XA transactions are prepared: they hold their locks until somebody ends them, over a restart too."""

from __future__ import annotations

from typing import Optional, Tuple

from .._core.errors import ServerError
from .connect import Connection
from .driver_errors import CONNECTION_LOST


def prepared(connection: Connection) -> Optional[Tuple[str, ...]]:
    """The names of the prepared XA transactions; None when the account may not ask.

    MySQL 8 and later want XA_RECOVER_ADMIN and answer 1401 without it (measured on 9.7); the others answer everybody.

    :raises ServerError: the connection broke.
    """
    try:
        rows = connection.query("XA RECOVER")
    except ServerError as error:
        if error.number == CONNECTION_LOST:
            raise
        return None
    return tuple(_text(row["data"]) for row in rows)


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, (bytes, bytearray)) else str(value)
