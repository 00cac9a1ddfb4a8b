# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins from options, as modules and event sources take them."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence

from .._core.errors import BadInputError
from .._core.snapshot import Channel
from .connect import Login

ACCOUNT = ("login_user", "login_password")
TLS_OPTIONS = ("ca_cert", "client_cert", "client_key", "check_hostname")


def login_from(params: Mapping[str, Any], name: str = "", timeout: Optional[int] = None) -> Login:
    """The login that a set of ``login_*`` and TLS options describes.

    :param params: a module's parameters, or one entry of ``members``.
    :param name: what messages call the server.
    :raises BadInputError: when neither host nor socket is given. There is no default host: under a local connection
        it would be the controller, not the server that is meant.
    """
    if not any(params.get(key) for key in ("login_host", "login_unix_socket", "config_file")):
        raise BadInputError(
            "No server is named: neither login_host nor login_unix_socket is set%s" % (" for " + name if name else ""),
            advice="Set login_host to the address of the database server; there is no default.",
        )
    return Login(
        host=params.get("login_host") or "",
        port=int(params.get("login_port") or 3306),
        user=params.get("login_user"),
        password=params.get("login_password"),
        unix_socket=params.get("login_unix_socket"),
        config_file=params.get("config_file"),
        ca_cert=params.get("ca_cert"),
        client_cert=params.get("client_cert"),
        client_key=params.get("client_key"),
        check_hostname=params.get("check_hostname"),
        connect_timeout=int(timeout or params.get("connect_timeout") or 10),
        name=name,
    )


def inherited(
    params: Mapping[str, Any], given: Mapping[str, Any], names: Sequence[str] = (*ACCOUNT, "config_file")
) -> Dict[str, Any]:
    """What another server's login takes from the target's: the account, and the TLS files unless it has some itself."""
    own_tls = any(key in given for key in TLS_OPTIONS)
    return {key: params.get(key) for key in (*names, *(() if own_tls else TLS_OPTIONS))}


def source_login(params: Mapping[str, Any], channel: Optional[Channel]) -> Login:
    """How to reach the source of a channel: what option ``source`` says, the rest from the channel and the target.

    Host and port come from the channel; account and TLS files are the target's unless ``source`` has its own.
    :raises BadInputError: when neither the option nor the channel names a host.
    """
    given = {key: value for key, value in (params.get("source") or {}).items() if value is not None}
    wanted = inherited(params, given)
    if channel is not None and not given.get("login_unix_socket"):
        wanted.update(login_host=channel.source_host, login_port=channel.source_port)
    wanted.update(given)
    return login_from(wanted, "the source", params.get("connect_timeout"))
