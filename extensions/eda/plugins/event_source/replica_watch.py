# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An event source of ansible-rulebook: tells when a replica breaks, and when it is well again."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Mapping

DOCUMENTATION = r"""
---
short_description: Watch MySQL and MariaDB replicas
description:
  - Looks at replicas as M(replicaops.mysql.replica_status) does, each by itself, and sends an event when what it sees
    has changed. The kinds are C(verdict_changed), C(finding_appeared), C(finding_gone), C(server_unreachable) and
    C(server_reachable).
  - Nothing is sent as long as nothing changes. A replica that is broken when watching begins is news.
  - It only reads. The account needs what docs/accounts.md lists for C(replica_status).
options:
  servers:
    description:
      - The replicas. Each entry is a mapping with C(name), which is the host's name in the inventory, and the options
        C(login_host), C(login_port), C(login_unix_socket), C(login_user), C(login_password), C(config_file),
        C(ca_cert), C(client_cert), C(client_key), C(check_hostname), C(channel) and C(source) of
        M(replicaops.mysql.replica_status).
      - C(source) says how to log in to the source of its channel; an empty mapping means the same account at the place
        that the channel names. Without it the source is not asked.
    type: list
    elements: dict
    required: true
  login_user:
    description: The account for every server that has none of its own; by default E(REPLICA_LOGIN_USER).
    type: str
  login_password:
    description: Its password; by default E(REPLICA_LOGIN_PASSWORD).
    type: str
  interval:
    description: Seconds between two looks at one server.
    type: float
    default: 15
  confirm:
    description: So many looks in a row have to see the same before it is told. The restart of a source is then no news.
    type: int
    default: 2
  quiet:
    description: Seconds in which the same thing about the same server is told once at most.
    type: float
    default: 60
  samples:
    description: 2 looks again within one look, for up to 30 seconds, when the applier may be stalled; 1 never waits.
    type: int
    default: 2
  labels:
    description: What every event carries as it is, so that rules can go by it.
    type: dict
  allowed_local:
    description: UUIDs and GTID tags whose local transactions are intended.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Watch two replicas
  hosts: all
  sources:
    - name: Replicas
      replicaops.mysql.replica_watch:
        interval: 15
        servers:
          - name: db2
            login_host: db2.example.com
            source: {}
          - name: db3
            login_host: db3.example.com
            source: {}
  rules:
    - name: Say that a replica is broken
      condition: event.replica.kind == "verdict_changed" and event.replica.verdict == "broken"
      action:
        print_event:
          pretty: true
"""

ROOT = Path(__file__).resolve().parents[4]
UTILS = "ansible_collections.replicaops.mysql.plugins.module_utils."
OPTIONS = frozenset(
    ("servers", "login_user", "login_password", "interval", "confirm", "quiet", "samples", "labels", "allowed_local")
)


def _collection(name: str) -> Any:
    """A module of this collection: ansible-rulebook runs event sources outside of Ansible's loader of collections."""
    paths = {
        "ansible_collections": ROOT.parent.parent,
        "ansible_collections.replicaops": ROOT.parent,
        "ansible_collections.replicaops.mysql": ROOT,
    }
    for package, path in paths.items():
        if package not in sys.modules:
            module = types.ModuleType(package)
            module.__path__ = [str(path)]
            sys.modules[package] = module
    return importlib.import_module(UTILS + name)


def _checked(args: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The servers with everything that they share, or ValueError with what is wrong."""
    unknown = sorted(set(args) - OPTIONS)
    if unknown:
        raise ValueError(
            "replica_watch has no option %s; there are %s" % (", ".join(unknown), ", ".join(sorted(OPTIONS)))
        )
    servers = args.get("servers")
    if not isinstance(servers, list) or not servers:
        raise ValueError("replica_watch needs servers: a list of mappings, each with name and login_host")
    shared = {
        "login_user": args.get("login_user") or os.environ.get("REPLICA_LOGIN_USER"),
        "login_password": args.get("login_password") or os.environ.get("REPLICA_LOGIN_PASSWORD"),
        "samples": args.get("samples", 2),
        "allowed_local": args.get("allowed_local"),
    }
    names = [str(server.get("name") or "") if isinstance(server, dict) else "" for server in servers]
    if "" in names or len(set(names)) < len(names):
        raise ValueError(
            "replica_watch needs a name of its own for each of its servers, got %s" % ", ".join(map(repr, names))
        )
    return [{**shared, **server} for server in servers]


def _look(request: Any) -> Any:
    watch = _collection("_core.watch")
    try:
        return watch.look_of(_collection("_server.survey").survey(request)[0])
    except _collection("_core.errors").ReplicaError as error:
        return watch.no_answer(str(error))


async def _watch(
    queue: asyncio.Queue, pool: ThreadPoolExecutor, server: Mapping[str, Any], args: Mapping[str, Any]
) -> None:
    watch = _collection("_core.watch")
    request = _collection("_server.survey").request_from(server)
    interval, confirm, quiet = (
        float(args.get("interval", 15)),
        int(args.get("confirm", 2)),
        float(args.get("quiet", 60)),
    )
    shared = {"server": server["name"], "labels": args.get("labels") or {}}
    told = watch.Told()
    while True:
        began = time.monotonic()
        look = await asyncio.get_running_loop().run_in_executor(pool, _look, request)
        told, events = watch.tell(told, look, time.monotonic(), confirm, quiet)
        for event in events:
            await queue.put({"replica": {**shared, **event}})
        await asyncio.sleep(max(0.0, began + interval - time.monotonic()))


async def main(queue: asyncio.Queue, args: Dict[str, Any]) -> None:
    """Watch until cancelled. Raises ValueError, or the collection's BadInputError, for options that are wrong."""
    servers = _checked(args)
    for server in servers:
        _collection("_server.survey").request_from(server)
    with ThreadPoolExecutor(max_workers=min(len(servers), 64), thread_name_prefix="replica_watch") as pool:
        await asyncio.gather(*(_watch(queue, pool, server, args) for server in servers))
