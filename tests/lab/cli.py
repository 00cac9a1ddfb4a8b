# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab: images, up, serve, down, list, compare, bench."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import docker.errors

from . import accounts, cleanup, images, service
from .compare import compare
from .engine import LABEL, OWNER_LABEL, LabError, engine
from .flavours import FLAVOURS, flavour
from .server import Server
from .topology import TOPOLOGIES, Lab


def _option(text: str) -> Tuple[str, str]:
    name, separator, value = text.partition("=")
    return (name, value) if separator else (name, "1")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="Real MySQL and MariaDB servers in containers.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("images", help="build or pull the images that are missing")
    build.add_argument("flavours", nargs="*", metavar="FLAVOUR")
    build.add_argument("--prune", action="store_true", help="remove images that no recipe needs any more")
    build.add_argument("--remove", action="store_true", help="remove all of the lab's images")
    start = commands.add_parser("up", help="start a lab and leave it running")
    start.add_argument("flavour", choices=list(FLAVOURS))
    start.add_argument("--topology", choices=list(TOPOLOGIES), default="pair")
    mode = start.add_mutually_exclusive_group()
    mode.add_argument("--gtid", dest="gtid", action="store_true", default=True, help="GTID replication (default)")
    mode.add_argument("--position", dest="gtid", action="store_false", help="file and position")
    start.add_argument("--format", default="ROW", type=str.upper, choices=("ROW", "STATEMENT", "MIXED"))
    start.add_argument("--workers", type=int, default=1)
    start.add_argument("--option", action="append", default=[], type=_option, metavar="NAME=VALUE")
    start.add_argument("--name", default="", help="name of the lab (default: made up)")
    start.add_argument("--inventory", type=Path, help="write an Ansible inventory (YAML) to this file")
    end = commands.add_parser("down", help="remove labs")
    end.add_argument("names", nargs="*", metavar="NAME")
    end.add_argument("--all", action="store_true", help="all labs that were left running")
    serve = commands.add_parser("serve", help="start a container with a service manager and leave it running")
    serve.add_argument("flavour", choices=list(service.PACKAGES))
    serve.add_argument("name", help="name of the container; 'down' removes it")
    commands.add_parser("list", help="list the lab's containers")
    same = commands.add_parser("compare", help="compare all rows and definitions of a running lab's servers")
    same.add_argument("name")
    same.add_argument("servers", nargs="*", metavar="SERVER", help="two server names (default: first and each other)")
    bench = commands.add_parser("bench", help="measure how long a pair takes to replicate")
    bench.add_argument("flavours", nargs="*", metavar="FLAVOUR")
    bench.add_argument("--rounds", type=int, default=5)
    return parser


def inventory(servers: Sequence[Server], name: str) -> Dict[str, Any]:
    """Return an Ansible inventory of a lab's servers, for modules that run on the controller."""
    hosts = {server.name: {"replica_login_host": server.host, "replica_login_port": server.port} for server in servers}
    return {
        "all": {
            "children": {
                name.replace("-", "_").replace(".", ""): {
                    "hosts": hosts,
                    "vars": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                        "replica_login_user": accounts.REPAIRER.user,
                        "replica_login_password": accounts.REPAIRER.password,
                    },
                }
            }
        }
    }


def yaml_text(value: Any, depth: int = 0) -> str:
    """Return nested dicts with plain leaves as YAML (strings as JSON spells them, which YAML takes)."""
    lines = []
    for key, item in value.items():
        pad = "  " * depth
        if isinstance(item, dict):
            lines.append(f"{pad}{key}:\n{yaml_text(item, depth + 1)}")
        else:
            lines.append(f"{pad}{key}: {json.dumps(item)}\n")
    return "".join(lines)


def _images(arguments: argparse.Namespace) -> int:
    if arguments.remove or arguments.prune:
        for tag in images.prune(arguments.remove, service.tags()):
            print(f"removed {tag}")
        return 0
    for name in arguments.flavours or images.available():
        began = time.monotonic()
        tag = images.ensure_image(flavour(name))
        print(f"{name}: {tag} ({time.monotonic() - began:.1f} s)")
    return 0


def _up(arguments: argparse.Namespace) -> int:
    lab = Lab(
        arguments.flavour,
        arguments.topology,
        arguments.gtid,
        arguments.format,
        arguments.workers,
        dict(arguments.option),
        keep=True,
        name=arguments.name,
    )
    began = time.monotonic()
    lab.up()
    text = "---\n" + yaml_text(inventory(lab.servers, lab.name))
    if arguments.inventory:
        arguments.inventory.write_text(text, encoding="utf-8")
        arguments.inventory.chmod(0o600)
    print(f"{lab.name}: {lab.flavour.name} {lab.topology} replicates after {time.monotonic() - began:.1f} s")
    for server in lab.servers:
        print(f"  {server.name}: {server.host}:{server.port} server id {server.server_id}")
    if arguments.inventory:
        print(f"  inventory: {arguments.inventory}")
    print(f"  remove it: python -m lab down {lab.name}")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    service.up(arguments.name, arguments.flavour)
    print(f"{arguments.name}: {arguments.flavour} runs under systemd")
    return 0


def _containers(name: str = "") -> List[Any]:
    wanted = [LABEL + "=1"] + ([f"{cleanup.NAME_LABEL}={name}"] if name else [])
    found: List[Any] = engine().containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
    return found


def _down(arguments: argparse.Namespace) -> int:
    gone = cleanup.sweep()
    if arguments.all:
        gone += cleanup.remove({OWNER_LABEL: cleanup.KEPT})
    for name in arguments.names:
        gone += cleanup.remove({cleanup.NAME_LABEL: name})
    for item in gone:
        print(f"removed {item}")
    if arguments.names and not gone:
        print(f"no lab named {', '.join(arguments.names)}", file=sys.stderr)
        return 1
    return 0


def _list(_arguments: argparse.Namespace) -> int:
    for container in _containers():
        mark = container.labels.get(OWNER_LABEL, "")
        state = mark if cleanup.owner_lives(mark) else f"{mark} (gone)"
        networks = container.attrs["NetworkSettings"]["Networks"].values()
        addresses = ", ".join(network["IPAddress"] for network in networks)
        print(f"{container.name}  {container.status}  {addresses}  {container.attrs['Config']['Image']}  {state}")
    return 0


def attach(name: str) -> List[Server]:
    """Return the servers of a lab that is running, in their order.

    :raises LabError: when there is no such lab
    """
    servers = []
    for container in _containers(name):
        image = str(container.attrs["Config"]["Image"])
        network = container.attrs["NetworkSettings"]["Networks"].get(name)
        if network is None:
            continue
        kind = flavour(image.partition("/")[2].partition(":")[0])
        address = str(network["IPAddress"])
        number = int(container.labels[cleanup.NUMBER_LABEL])
        server = Server(kind, number, container.name[len(name) + 1 :], address)
        server.container = container
        servers.append(server)
    if not servers:
        raise LabError(f"No running lab is named {name!r}; see python -m lab list")
    return sorted(servers, key=lambda server: server.number)


def _compare(arguments: argparse.Namespace) -> int:
    servers = attach(arguments.name)
    if arguments.servers:
        servers = [server for server in servers if server.name in arguments.servers]
    if len(servers) < 2:
        raise LabError("compare needs two servers")
    different = 0
    for other in servers[1:]:
        found = compare(servers[0], other)
        different += len(found)
        print(f"{servers[0].name} and {other.name}: " + ("equal" if not found else f"{len(found)} differences"))
        for line in found:
            print(f"  {line}")
    return 1 if different else 0


def _bench(arguments: argparse.Namespace) -> int:
    for name in arguments.flavours or images.available():
        images.ensure_image(flavour(name))
        times = []
        for _unused in range(arguments.rounds):
            began = time.monotonic()
            with Lab(name):
                times.append(time.monotonic() - began)
        print(
            f"{name}: a pair replicates after {statistics.median(times):.1f} s "
            f"(median of {len(times)}; {min(times):.1f} to {max(times):.1f})",
            flush=True,
        )
    return 0


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line; returns its exit code."""
    arguments = _parser().parse_args(argv)
    commands: Dict[str, Callable[[argparse.Namespace], int]] = {
        "images": _images,
        "up": _up,
        "serve": _serve,
        "down": _down,
        "list": _list,
        "compare": _compare,
        "bench": _bench,
    }
    try:
        return commands[arguments.command](arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
    except docker.errors.DockerException as error:
        print(f"lab: the container engine refused: {error}", file=sys.stderr)
    return 2


__all__ = ["attach", "inventory", "main", "yaml_text"]
