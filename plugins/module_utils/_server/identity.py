# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""That a server reached is the server meant: addresses may be virtual, proxied or simply wrong."""

from __future__ import annotations

from typing import Dict, Sequence, Tuple

from .._core.errors import IdentityError
from .._core.permit import check_source
from .._core.snapshot import Server

__all__ = ["check_distinct", "check_source", "check_unchanged"]


def check_distinct(servers: Sequence[Tuple[str, Server]]) -> None:
    """Make sure that servers with different names are different servers (UUID; on MariaDB server id, port, datadir).

    :param servers: pairs of the name the caller uses and the server reached.
    :raises IdentityError: two names lead to one server.
    """
    seen: Dict[str, Tuple[str, Server]] = {}
    for name, server in servers:
        earlier = seen.setdefault(server.identity, (name, server))
        if earlier[1] is not server and earlier[0] != name:
            raise IdentityError(
                "tell %s and %s apart" % (earlier[0], name),
                "%s and %s" % (earlier[1].address, server.address),
                "both are the same server (%s)" % server.identity,
                "Correct the address of one of them, or name this server only once.",
                {"identity": server.identity, "names": [earlier[0], name]},
            )


def check_unchanged(before: Server, now: Server, attempted: str) -> None:
    """Make sure that a later connection to the same address reached the server that was looked at before.

    :raises IdentityError: it is another server, as a virtual address or a proxy may lead to.
    """
    if before.identity != now.identity or before.server_id != now.server_id:
        raise IdentityError(
            attempted,
            now.address,
            "this address led to %s before and leads to %s now" % (before.identity, now.identity),
            "Use the server's own address instead of a virtual one.",
            {"expected": before.identity, "found": now.identity},
        )
