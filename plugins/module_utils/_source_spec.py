# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The argument spec of `change_master`, made from the table of options, and what a module's parameters ask for."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ._core import source_options as table
from ._core.change_source import Wish

_TYPES: Mapping[str, Dict[str, Any]] = {
    table.TEXT: {"type": "str"},
    table.SECRET: {"type": "str", "no_log": True},
    table.NUMBER: {"type": "int"},
    table.SECONDS: {"type": "float"},
    table.FLAG: {"type": "bool"},
    table.WORD: {"type": "str"},
    table.NUMBERS: {"type": "list", "elements": "int"},
    table.NAMES: {"type": "list", "elements": "str"},
    table.ACCOUNT: {"type": "str"},
    table.ASSIGN: {"type": "str"},
}
_CHOICES: Mapping[str, List[str]] = {
    "use_gtid": ["no", "slave_pos", "replica_pos", "current_pos"],
    "require_table_primary_key_check": ["stream", "on", "off", "generate"],
}
_ALIASES: Mapping[str, List[str]] = {
    "auto_position": ["source_auto_position", "master_auto_position"],
    "use_gtid": ["master_use_gtid"],
    "demote_to_replica": ["demote_to_slave", "master_demote_to_slave"],
    "get_source_public_key": ["get_master_public_key"],
}


def _option(option: table.SourceOption) -> Dict[str, Any]:
    spec = dict(_TYPES[option.kind])
    if option.name in _CHOICES:
        spec["choices"] = _CHOICES[option.name]
    aliases = _ALIASES.get(option.name, [])
    if option.name.startswith("source_"):
        aliases = ["master_" + option.name[len("source_") :]]
    if aliases:
        spec["aliases"] = aliases
    if "key" in option.name:
        spec["no_log"] = False  # a file's name or a switch, never a key
    return spec


SPEC: Dict[str, Any] = {
    **{option.name: _option(option) for option in table.OPTIONS},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "update_password": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
    "threads": {"type": "str", "choices": ["found", "started", "stopped"], "default": "found"},
    "rewind": {"type": "bool", "default": False},
    "allow_unverified": {"type": "bool", "default": False},
    "allow_newer_source": {"type": "bool", "default": False},
    "discard_gaps": {"type": "bool", "default": False},
    "allow_lost_tail": {"type": "bool", "default": False},
}


def wish(params: Mapping[str, Any]) -> Wish:
    """What a module's parameters ask for."""
    return Wish(
        given={name: params[name] for name in table.BY_NAME if params.get(name) is not None},
        state=params["state"],
        update_password=params["update_password"],
        rewind=params["rewind"],
        leave_stopped=params["threads"] == "stopped",
        start_both=params["threads"] == "started",
        allow_unverified=params["allow_unverified"],
        allow_newer_source=params["allow_newer_source"],
        discard_gaps=params["discard_gaps"],
        allow_lost_tail=params["allow_lost_tail"],
    )
