# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets ansible-test bootstrap pip without its download server.

ansible-test fetches a ``get-pip`` script from a host of its own and keeps it in a cache. A script of that name that is
there beforehand is taken instead. This one starts from the pip that every Python carries: registries are enough.
"""

from __future__ import annotations

import re
from pathlib import Path

GET_PIP = """\
import ensurepip
import glob
import os
import sys
import sysconfig

places = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), sysconfig.get_config_var("WHEEL_PKG_DIR")]
places.append("/usr/share/python-wheels")  # where Debian keeps it
wheels = [wheel for place in places if place for wheel in glob.glob(os.path.join(place, "pip-*.whl"))]
if not wheels:
    sys.exit("this Python carries no pip wheel")
sys.path.insert(0, wheels[0])

from pip._internal.cli.main import main

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(main(["install", "--upgrade", "--force-reinstall", *arguments]))
"""


def write_stand_ins(home: Path, packages: Path) -> None:
    """Write the script below ``home`` under each name that the ansible-test of the folder ``packages`` looks for."""
    source = packages / "ansible_test" / "_internal" / "python_requirements.py"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    versions = set(re.findall(r"pip='([\d.]+)'", source.read_text(encoding="utf-8")))
    if not versions:
        raise RuntimeError(f"{source} names no pip version any more: see how this ansible-test bootstraps pip")
    for version in versions:
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP, encoding="utf-8")
