# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ``ansible_collections.replicaops.mysql`` importable from a checkout of any name, without Ansible."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parents[1]


def _found_here() -> bool:
    """Tell whether the import path already leads to this checkout and not to another copy of the collection."""
    try:
        spec = importlib.util.find_spec("ansible_collections.replicaops.mysql")
    except ModuleNotFoundError:
        return False
    places = list(spec.submodule_search_locations or []) if spec else []
    return bool(places) and Path(places[0]).resolve() == CHECKOUT


def _make_importable() -> None:
    top = Path(tempfile.mkdtemp(prefix="replicaops-tests-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    namespace = top / "ansible_collections" / "replicaops"
    namespace.mkdir(parents=True)
    (namespace / "mysql").symlink_to(CHECKOUT, target_is_directory=True)
    sys.path.insert(0, str(top))
    importlib.invalidate_caches()


if not _found_here():
    _make_importable()

# No deadline: how long an example takes says something about the machine, not about the code.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
