# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ownership of what the lab starts, and its removal: at exit, on signals, and of what dead owners left behind."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Callable, Dict, List, Optional

import docker.errors
import requests.exceptions

from .engine import LABEL, OWNER_LABEL, engine

NAME_LABEL = "replicaops.lab.name"
NUMBER_LABEL = "replicaops.lab.number"
KEPT = "kept"

_closers: Dict[int, Callable[[], None]] = {}
_installed: List[bool] = []


def _start_time(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def owner() -> str:
    """Return the mark of this process: a pid alone is used again by the system, its start time with it is not."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_time(os.getpid())}"


def owner_lives(mark: str) -> bool:
    """Tell whether the process of a mark still runs; marks of other machines and kept labs count as living."""
    if mark == KEPT:
        return True
    host, pid, started = mark.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    return started != "" and _start_time(int(pid)) == started


def labels(name: str, keep: bool = False) -> Dict[str, str]:
    """Return the labels of everything that belongs to one lab."""
    return {LABEL: "1", NAME_LABEL: name, OWNER_LABEL: KEPT if keep else owner()}


def _remove_container(identifier: str) -> None:
    client = engine()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            client.api.remove_container(identifier, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if "in progress" not in str(error):
                raise
        time.sleep(0.05)


def _remove_network(identifier: str) -> None:
    client = engine()
    deadline = time.monotonic() + 10
    while True:
        try:
            client.api.remove_network(identifier)
            return
        except docker.errors.NotFound:
            return
        except docker.errors.APIError:
            # An endpoint may take a moment to disappear after its container.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def remove(filters: Dict[str, str], dead_only: bool = False) -> List[str]:
    """Remove the lab's containers and networks that match; returns the names of what was removed.

    :param filters: labels that must be there, besides the lab's own
    :param dead_only: only what belongs to a process that no longer lives
    """
    client = engine()
    wanted = [LABEL + "=1"] + [f"{key}={value}" for key, value in filters.items()]
    containers = client.api.containers(all=True, filters={"label": wanted})
    networks = client.api.networks(filters={"label": wanted})
    if dead_only:
        containers = [c for c in containers if not owner_lives(c["Labels"].get(OWNER_LABEL, KEPT))]
        networks = [n for n in networks if not owner_lives(n["Labels"].get(OWNER_LABEL, KEPT))]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(_remove_container, [c["Id"] for c in containers]))
    for network in networks:
        _remove_network(network["Id"])
    return [c["Names"][0].lstrip("/") for c in containers if c["Names"]] + [n["Name"] for n in networks]


def sweep() -> List[str]:
    """Remove what interrupted runs of processes that no longer live left behind; returns names."""
    return remove({}, dead_only=True)


def _close_all() -> None:
    for close in list(_closers.values()):
        try:
            close()
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            print(f"lab: clean-up failed, the next run will repeat it: {error}", file=sys.stderr)


def _on_signal(number: int, _frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)


def register(key: int, close: Callable[[], None]) -> None:
    """Have ``close`` called when the process ends, also by SIGTERM or SIGHUP."""
    if not _installed:
        atexit.register(_close_all)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, _on_signal)
        _installed.append(True)
    _closers[key] = close


def unregister(key: int) -> None:
    """Forget a closer whose work is done."""
    _closers.pop(key, None)
