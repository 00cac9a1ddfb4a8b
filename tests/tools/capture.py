# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a live server as the modules do and keep the raw answer as a fixture of the unit tests.

    capture.py HOST PORT USER PASSWORD FLAVOUR CASE [--role source]

writes tests/unit/fixtures/FLAVOUR/CASE.json (a role of ``source`` reads what is needed of a source).
"""

from __future__ import annotations

import argparse
import atexit
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict

CHECKOUT = Path(__file__).resolve().parents[2]
FIXTURES = CHECKOUT / "tests" / "unit" / "fixtures"


def make_importable() -> None:
    """Put this checkout on the import path under the collection's name."""
    top = Path(tempfile.mkdtemp(prefix="replicaops-capture-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    namespace = top / "ansible_collections" / "replicaops"
    namespace.mkdir(parents=True)
    (namespace / "mysql").symlink_to(CHECKOUT, target_is_directory=True)
    sys.path.insert(0, str(top))


def capture(host: str, port: int, user: str, password: str, role: str = "replica") -> Dict[str, Any]:
    """Return the raw picture of a server."""
    from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login, connect
    from ansible_collections.replicaops.mysql.plugins.module_utils._server.probe import probe
    from ansible_collections.replicaops.mysql.plugins.module_utils._server.reader import read

    with connect(Login(host=host, port=port, user=user, password=password)) as connection:
        return read(connection, probe(connection), role)


def write(raw: Dict[str, Any], flavour: str, case: str) -> Path:
    """Write a fixture; returns its path."""
    path = FIXTURES / flavour / (case + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Keep what a live server answers as a fixture.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("user")
    parser.add_argument("password")
    parser.add_argument("flavour", help="mysql-9.7, mariadb-11.8, ...")
    parser.add_argument("case", help="healthy_gtid, duplicate_row, ...")
    parser.add_argument("--role", choices=("replica", "source"), default="replica")
    given = parser.parse_args()
    make_importable()
    print(write(capture(given.host, given.port, given.user, given.password, given.role), given.flavour, given.case))


if __name__ == "__main__":
    main()
