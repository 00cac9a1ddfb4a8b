# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of a channel exclude each other, and which source a replica cannot take. Known before CHANGE runs.

MariaDB 10.11 and 11.8 keep part of a CHANGE that they refuse (measured: with 1201 the use of GTIDs and the heartbeat
period had changed), so a refusal must come before the statement.
"""

from __future__ import annotations

from typing import Mapping, Optional

from .errors import BadInputError, RefusedError
from .gtid_mariadb import AHEAD, DIVERGED
from .snapshot import Channel, Peer, Server
from .source_options import DEMOTE, LOG_FILE, LOG_POS, Plain

# Plugins that send a password only over TLS, or encrypted with the source's public key.
NEED_KEY = ("caching_sha2_password", "sha256_password")


def check_values(values: Mapping[str, Plain], mariadb: bool) -> None:
    """Refuse what makes no sense whatever the server is like.

    :param values: the options given, compared form.
    :raises BadInputError: half of the coordinates, coordinates with GTIDs, or an impossible number.
    """
    if (LOG_FILE in values) != (LOG_POS in values):
        raise BadInputError(
            "Coordinates are a file and a position", advice="Give source_log_file and source_log_pos together."
        )
    if LOG_FILE in values:
        name = str(values[LOG_FILE])
        if not name.rsplit(".", 1)[-1].isdigit():
            raise BadInputError(
                "Option source_log_file is not the name of a binlog: %r" % name,
                advice="A name ends in a number, as in binlog.000042.",
            )
        if int(str(values[LOG_POS])) < 4:
            raise BadInputError("Option source_log_pos is %s" % values[LOG_POS], advice="The first position is 4.")
        if values.get("auto_position") == 1 or values.get("use_gtid", "no") != "no":
            raise BadInputError(
                "Coordinates are given together with %s" % ("use_gtid" if mariadb else "auto_position"),
                advice="With GTIDs the server finds the place by itself; leave the coordinates out.",
            )


def check_combination(server: Server, channel: Channel, values: Mapping[str, Plain]) -> None:
    """Refuse settings that this server takes only without each other.

    :param values: every setting as it will be, by the name of the option.
    :raises BadInputError: naming the two, and what to give instead (error numbers as measured on MySQL 9.7 and
        MariaDB 10.11 and 11.8).
    """
    for wrong, advice in _mariadb(values) if server.flavour.is_mariadb else _mysql(server, values):
        raise BadInputError("%s, %s: %s" % (server.flavour.name, channel.label, wrong), advice=advice)


def _mysql(server: Server, values: Mapping[str, Plain]) -> list[tuple[str, str]]:
    mode = server.variable("gtid_mode", "OFF").upper()
    auto, only = values.get("auto_position") == 1, values.get("gtid_only") == 1
    assign = values.get("assign_gtids_to_anonymous_transactions", "off") not in ("off", "")
    cases = (
        (auto and mode == "OFF", "auto_position needs GTIDs, and gtid_mode is OFF (1777)", "Turn gtid_mode on first."),
        (
            only and not auto,
            "gtid_only needs auto_position (4067)",
            "Give gtid_only: false as well, or leave auto_position on.",
        ),
        (
            only and values.get("require_row_format") != 1,
            "gtid_only needs require_row_format (4066)",
            "Give require_row_format: true, or gtid_only: false.",
        ),
        (
            assign and auto,
            "assign_gtids_to_anonymous_transactions and auto_position exclude each other (4014)",
            "Set one of them to off.",
        ),
        (
            assign and mode != "ON",
            "assign_gtids_to_anonymous_transactions needs gtid_mode ON (4015)",
            "Turn gtid_mode on first.",
        ),
        (
            bool(values.get("ignore_server_ids")) and mode == "ON",
            "ignore_server_ids cannot be set while gtid_mode is ON (3139)",
            "Give an empty list.",
        ),
    )
    return [(wrong, advice) for found, wrong, advice in cases if found]


def _mariadb(values: Mapping[str, Plain]) -> list[tuple[str, str]]:
    domains = bool(values.get("do_domain_ids")) or bool(values.get("ignore_domain_ids"))
    cases = (
        (
            bool(values.get("do_domain_ids")) and bool(values.get("ignore_domain_ids")),
            "do_domain_ids and ignore_domain_ids exclude each other (1201)",
            "Give an empty list for one of them.",
        ),
        (
            domains and values.get("use_gtid") == "no",
            "filtering by domain needs GTIDs (1201)",
            "Give empty lists, or use_gtid: slave_pos.",
        ),
        (
            values.get(DEMOTE) == 1 and values.get("use_gtid") != "slave_pos",
            "demote_to_replica needs use_gtid: slave_pos (4191)",
            "Give use_gtid: slave_pos as well.",
        ),
    )
    return [(wrong, advice) for found, wrong, advice in cases if found]


def must_demote(server: Server) -> bool:
    """Whether the server's own binlog has what its gtid_slave_pos lacks, so that demoting would change anything."""
    if server.binlog_state is None or server.replica_position is None:
        return True
    own = server.binlog_state.position()
    order = own.compare(server.replica_position)
    return any(state in (AHEAD, DIVERGED) for state in order.values())


def check_source_fits(server: Server, channel: Channel, source: Optional[Server], gtid: bool, newer_ok: bool) -> None:
    """Refuse to point a replica at a server that it could not replicate from.

    :param source: the source, if it was asked.
    :param gtid: whether the channel is to use GTIDs.
    :param newer_ok: the caller takes a source of a later series.
    :raises RefusedError: the source has the replica's server id, is of the other engine or of a later series, or has
        no GTIDs. A replica must be of the source's series or later (manual: "Replication Compatibility Between MySQL
        Versions", MariaDB: "MariaDB versions compatibility").
    """
    if source is None:
        return
    reason, advice = _misfit(server, source, gtid, newer_ok)
    if reason:
        raise RefusedError(
            "point %s at %s" % (channel.label, source.address),
            server.address,
            reason,
            advice,
            {"source_version": source.flavour.text, "version": server.flavour.text},
        )


def _misfit(server: Server, source: Server, gtid: bool, newer_ok: bool) -> tuple[str, str]:
    theirs, ours = source.flavour, server.flavour
    if source.server_id == server.server_id:
        return (
            "both servers have server_id %d" % server.server_id,
            "Give one of them another server_id: a replica leaves out what bears its own.",
        )
    if theirs.engine != ours.engine and (gtid or not ours.is_mariadb or theirs.version >= (8, 0, 0)):
        return (
            "the source is %s and the replica is %s" % (theirs.name, ours.name),
            "Their GTIDs and events differ. MariaDB takes MySQL 5.7 and earlier, by coordinates.",
        )
    if theirs.engine == ours.engine and theirs.version[:2] > ours.version[:2] and not newer_ok:
        return (
            "the source is %s and the replica only %s" % (theirs.name, ours.name),
            "Upgrade the replica first, or set allow_newer_source to true if nothing new is used on the source.",
        )
    if gtid and not ours.is_mariadb and source.variable("gtid_mode", "OFF").upper() in ("OFF", "OFF_PERMISSIVE"):
        return (
            "the channel is to use GTIDs, and gtid_mode is %s on the source" % source.variable("gtid_mode", "OFF"),
            "Turn gtid_mode on there, or give coordinates with auto_position: false.",
        )
    return "", ""


def check_gtid_start(server: Server, channel: Channel, source: Optional[Server]) -> None:
    """Refuse to go on by GTIDs where nothing that was applied is known by its GTID: all would be applied again.

    :param source: the source, if it was asked.
    :raises RefusedError: the channel has applied something, and the GTID set or position has nothing of it.
    """
    if channel.executed is None:
        return
    if server.flavour.is_mariadb:
        empty = server.replica_position is not None and not server.replica_position
        name = "gtid_slave_pos"
    else:
        theirs = source.executed if source is not None else None
        mine = server.executed
        empty = bool(theirs) and theirs is not None and mine is not None and theirs.subtract(mine) == theirs
        name = "gtid_executed"
    if empty:
        raise RefusedError(
            "let %s go on by GTIDs" % channel.label,
            server.address,
            "it has applied up to %s, and %s has nothing of the source: all of it would be applied again"
            % (channel.executed, name),
            "Give %s what is applied first (gtid_repair), or stay with coordinates." % name,
        )


def login_warning(values: Mapping[str, Plain], source: Optional[Peer], plugin: Optional[str]) -> str:
    """What must be said about an account that cannot log in as the channel is set; empty when all is well.

    :param plugin: how the account proves itself, as the source tells; None when that could not be asked.
    """
    if values.get("source_ssl") == 1 or values.get("get_source_public_key") == 1:
        return ""
    if values.get("source_public_key_path"):
        return ""
    user = values.get("source_user") or ""
    if plugin in NEED_KEY:
        return (
            "The account '%s' uses %s, which gives its password neither without TLS nor without the source's public"
            " key: set source_ssl or get_source_public_key, or the receiver may not get in (2061)." % (user, plugin)
        )
    modern = source is not None and source.server is not None and source.server.features.purged_append
    if plugin is None and modern and "source_ssl" in values:
        return (
            "If the account '%s' uses caching_sha2_password, the default of MySQL 8 and later, the receiver needs"
            " source_ssl or get_source_public_key to get in." % user
        )
    return ""
