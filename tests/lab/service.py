# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers in which a server runs as people run it: Debian's package, its option files, systemd."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List

import docker.errors

from . import cleanup, images
from .engine import LabError, engine
from .flavours import FLAVOURS, Package

SYSTEMD = ("systemd", "systemd-sysv", "dbus", "procps", "python3-pymysql")
PACKAGES: Dict[str, Package] = {
    "mysql-9.7": Package("sid", (*SYSTEMD, "mysql-server"), ('Acquire::Check-Valid-Until "false"',)),
    "mariadb-10.11": Package("bookworm", (*SYSTEMD, "mariadb-server")),
    "mariadb-11.8": Package("trixie", (*SYSTEMD, "mariadb-server")),
    # A monitoring host: Ansible, what collects metrics and what checks them, and a server to look at.
    "monitor": Package(
        "trixie", (*SYSTEMD, "mariadb-server", "ansible-core", "prometheus-node-exporter", "prometheus")
    ),
}
# So that systemd can give the units there namespaces of their own, as it does on a real host.
CAPABILITIES: Dict[str, List[str]] = {"monitor": ["SYS_ADMIN"]}
_CHANGES = ('CMD ["/lib/systemd/systemd"]', "ENV container docker")
_CGROUPS = Path("/sys/fs/cgroup")


def ensure_image(name: str) -> str:
    """Return the tag of a flavour's image with systemd, building it when it is missing (30 to 60 s).

    :raises LabError: no package of that flavour comes with a service, or the image cannot be built
    """
    if name not in PACKAGES:
        raise LabError(f"{name} has no package with a service; there are: {', '.join(PACKAGES)}")
    flavour = FLAVOURS[name if name in FLAVOURS else "mariadb-11.8"]
    return images.ensure_base(flavour, PACKAGES[name], f"service-{name}", _CHANGES)


def tags() -> List[str]:
    """Return the tags that the images have or will have."""
    return [images.base_tag(package, f"service-{name}", _CHANGES) for name, package in PACKAGES.items()]


def _cgroup_options() -> Dict[str, Any]:
    """How systemd gets a control group tree that it may write to, without privileges."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return {"volumes": {str(_CGROUPS): {"bind": str(_CGROUPS), "mode": "rw"}}, "cgroupns": "host"}
    if (_CGROUPS / "unified" / "cgroup.procs").exists():
        return {"volumes": {str(_CGROUPS / "unified"): {"bind": str(_CGROUPS), "mode": "rw"}}}
    raise LabError("systemd in a container needs control groups of version 2, and this machine mounts none")


def up(container: str, name: str, timeout: float = 60.0) -> None:
    """Start a container of that flavour and wait until systemd has started its services; it is left running.

    :raises LabError: it did not come up in time
    """
    tag = ensure_image(name)
    started = engine().containers.run(
        tag,
        detach=True,
        name=container,
        hostname=container,
        network_mode="none",
        stop_signal="SIGRTMIN+3",
        tmpfs={"/run": "", "/run/lock": "", "/tmp": ""},
        cap_add=CAPABILITIES.get(name),
        labels=cleanup.labels(container, keep=True),
        **_cgroup_options(),
    )
    deadline = time.monotonic() + timeout
    output = b""
    while time.monotonic() < deadline:
        try:
            # "degraded": a unit that a container cannot have has failed; the server's own is looked at by the tests.
            code, output = started.exec_run(["systemctl", "is-system-running", "--wait"])
        except docker.errors.APIError as error:
            raise LabError(f"{container} ended at once: {error}") from error
        if code == 0 or output.strip() == b"degraded":
            return
        time.sleep(0.2)
    raise LabError(f"systemd in {container} did not come up in {timeout:.0f} s: {output.decode(errors='replace')}")
