# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's own network, on a subnet nobody else has."""

from __future__ import annotations

import random
from typing import Dict, Tuple

import docker.errors
import docker.types
from docker.models.networks import Network

from .engine import LabError, engine

_SUBNETS = 4096  # /28 networks of 10.213.0.0/16


def create_network(name: str, labels: Dict[str, str]) -> Tuple[Network, str, int]:
    """Create a bridge network on a free subnet.

    :returns: the network, the first three numbers of its addresses, and the fourth number of its gateway
    :raises LabError: when no subnet is free
    """
    client = engine()
    for number in random.sample(range(_SUBNETS), 200):
        prefix, offset = f"10.213.{number // 16}", number % 16 * 16
        pool = docker.types.IPAMPool(subnet=f"{prefix}.{offset}/28", gateway=f"{prefix}.{offset + 1}")
        try:
            network = client.networks.create(
                name, driver="bridge", labels=labels, ipam=docker.types.IPAMConfig(pool_configs=[pool])
            )
        except docker.errors.APIError as error:
            if "overlap" in str(error):
                continue
            raise
        return network, prefix, offset + 1
    raise LabError("No free subnet in 10.213.0.0/16: remove old labs (python -m lab down --all)")
