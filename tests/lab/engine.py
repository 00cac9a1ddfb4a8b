# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engine: connect to it, and start Debian's ``dockerd`` where none answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import List, Optional

import docker
import docker.errors
import requests.exceptions

LABEL = "replicaops.lab"
OWNER_LABEL = "replicaops.lab.owner"
PID_FILE = Path("/var/run/docker.pid")
CONTAINERD_PID_FILE = Path("/run/docker/containerd/containerd.pid")
DAEMON_LOG = Path("/var/log/replicaops-lab-dockerd.log")

_clients: List[docker.DockerClient] = []  # at most one: a connection per process is enough


class LabError(RuntimeError):
    """Something the lab needs is missing or did not happen in time; the message says what to do."""


def _try_connect() -> Optional[docker.DockerClient]:
    try:
        client = docker.from_env(timeout=600)  # a data directory is made in one silent call
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError):
        return None
    return client


def _process_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def remove_stale_pid_file(pid_file: Path, daemon: str) -> bool:
    """Remove a pid file whose process is gone, or whose number now belongs to something else.

    A killed daemon leaves its pid file behind and the next one refuses to start beside it.
    Returns whether a file was removed.
    """
    try:
        pid = int(pid_file.read_text(encoding="utf-8").strip() or "0")
    except (OSError, ValueError):
        pid = 0
    if pid and _process_name(pid) == daemon:
        return False
    try:
        pid_file.unlink()
    except FileNotFoundError:
        return False
    return True


def _start_daemon(timeout: float) -> docker.DockerClient:
    dockerd = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/usr/local/sbin")
    if dockerd is None:
        raise LabError(
            "No container engine answers and dockerd is not installed. "
            "Install Docker (Debian: apt-get install docker.io) or set DOCKER_HOST."
        )
    if os.geteuid() != 0:
        raise LabError(
            "No container engine answers and only root can start dockerd. "
            "Start it (systemctl start docker), join the group docker, or set DOCKER_HOST."
        )
    remove_stale_pid_file(PID_FILE, "dockerd")
    remove_stale_pid_file(CONTAINERD_PID_FILE, "containerd")
    with DAEMON_LOG.open("ab") as log:
        daemon = subprocess.Popen(
            [dockerd], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        client = _try_connect()
        if client is not None:
            return client
        if daemon.poll() is not None:
            # Another process may have started a daemon at the same moment: then that one is ours too.
            client = _wait_for(min(10.0, timeout))
            if client is not None:
                return client
            tail = DAEMON_LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
            raise LabError(f"dockerd ended with {daemon.returncode}: " + "\n".join(tail))
        time.sleep(0.1)
    raise LabError(f"dockerd did not answer within {timeout:.0f} s; see {DAEMON_LOG}")


def _wait_for(timeout: float) -> Optional[docker.DockerClient]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        client = _try_connect()
        if client is not None:
            return client
        time.sleep(0.2)
    return None


def engine(timeout: float = 60.0) -> docker.DockerClient:
    """Return a client of a container engine that answers, starting the local daemon if need be.

    :param timeout: seconds a daemon that is being started may take
    :raises LabError: when no engine can be had; the message names the remedy
    """
    if not _clients:
        found = _try_connect()
        if found is None and os.environ.get("DOCKER_HOST"):
            raise LabError(f"No container engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}")
        _clients.append(found or _start_daemon(timeout))
    return _clients[0]
