# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of pt-table-checksum: its environment, and files with the accounts that no list of processes shows."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from typing import Iterator, Sequence, Tuple

from .._core import checksum_tool as rules
from .._core.errors import ReplicaError
from .connect import Login

ATTEMPTED = "run pt-table-checksum"


def call(command: Sequence[str], home: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run the tool, without option files of whoever runs it.

    :raises ReplicaError: it takes too long.
    """
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ReplicaError(
            ATTEMPTED, "", "it did not end within %d s" % seconds, "Is the replica far behind?"
        ) from None


@contextmanager
def logins(mine: Login, theirs: Login) -> Iterator[Tuple[str, str, str]]:
    """Option files for the source and the replica, and an empty one; only the owner can read them."""
    with tempfile.TemporaryDirectory(prefix="replica-checksum-") as top:
        paths = []
        for name, login in (("source", mine), ("replica", theirs)):
            tls = {"ssl-ca": login.ca_cert, "ssl-cert": login.client_cert, "ssl-key": login.client_key}
            text = rules.login_file(login.user or "", login.password or "", {k: v or "" for k, v in tls.items()})
            paths.append(_written(os.path.join(top, name), text))
        yield paths[0], paths[1], _written(os.path.join(top, "empty"), "")


def _written(path: str, text: str) -> str:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path
