# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What concerns several servers of one run: two names for one server, sources before replicas, members' logins."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

_MEMBER_OPTIONS = ("login_port", "login_unix_socket", "login_user", "login_password", "config_file")
_TLS_OPTIONS = ("ca_cert", "client_cert", "client_key", "check_hostname")


def same_server(statuses: Mapping[str, Mapping[str, Any]]) -> List[List[str]]:
    """Groups of hosts that are one and the same server (RULES: right server).

    :param statuses: results of `replica_status` by host; hosts without a ``server`` are left out.
    :returns: each group sorted, only groups of two or more.
    """
    by_identity: Dict[str, List[str]] = {}
    for host, status in statuses.items():
        server = status.get("server")
        if server:
            by_identity.setdefault(str(server["identity"]), []).append(host)
    return sorted(sorted(hosts) for hosts in by_identity.values() if len(hosts) > 1)


def upstream_first(statuses: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """The hosts in an order in which a source comes before its replicas, otherwise as given; rings are cut anywhere.

    A source is recognised by its UUID, or where there is none (MariaDB) by its server id.
    """
    keys = {host: _keys(status) for host, status in statuses.items()}
    above = {
        host: [
            other
            for other in statuses
            if other != host and any(_is_source(channel, keys[other]) for channel in status.get("channels", []))
        ]
        for host, status in statuses.items()
    }
    ordered: List[str] = []

    def place(host: str, path: Tuple[str, ...]) -> None:
        if host in ordered or host in path:
            return
        for source in above[host]:
            place(source, (*path, host))
        ordered.append(host)

    for host in statuses:
        place(host, ())
    return ordered


def _keys(status: Mapping[str, Any]) -> Tuple[str, int]:
    server = status.get("server") or {}
    return str(server.get("uuid") or ""), int(server.get("server_id") or 0)


def _is_source(channel: Mapping[str, Any], keys: Tuple[str, int]) -> bool:
    uuid, server_id = keys
    if uuid and channel.get("source_uuid"):
        return uuid == str(channel["source_uuid"])
    return bool(server_id) and server_id == int(channel.get("source_server_id") or 0)


def member_logins(names: Sequence[str], variables: Mapping[str, Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The ``members`` option for inventory hosts.

    :param names: inventory names.
    :param variables: variables by host (``hostvars``); ``replica_login_host`` falls back to ``ansible_host``, then to
        the name, never to loopback.
    Raises ValueError for a name that is not in the inventory.
    """
    logins = []
    for name in names:
        if name not in variables:
            raise ValueError("replica_members names %r, which is not in the inventory" % name)
        mine = variables[name]
        login: Dict[str, Any] = {"name": name}
        login["login_host"] = mine.get("replica_login_host") or mine.get("ansible_host") or name
        for option in _MEMBER_OPTIONS + _TLS_OPTIONS:
            variable = "replica_" + option
            if mine.get(variable) not in (None, ""):
                login[option] = mine[variable]
        logins.append(login)
    return logins
