# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of pt-table-checksum: its environment, and files with the accounts that no list of processes shows."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping, Sequence, Tuple

from .._core import checksum_tool as rules
from .._core.errors import ReplicaError
from .connect import Login

ATTEMPTED = "run pt-table-checksum"


# What AnsibleModule.run_command does with a command and with more environment: the exit code and both outputs.
Execute = Callable[[Sequence[str], Mapping[str, str]], Tuple[int, str, str]]

_TIMED_OUT = (124, 137)


@dataclass(frozen=True)
class Said:
    """How a run of the tool ended."""

    status: int
    out: str
    err: str


def call(execute: Execute, command: Sequence[str], home: str, seconds: int) -> Said:
    """Run the tool, without option files of whoever runs it.

    :raises ReplicaError: it takes too long.
    """
    said = Said(*execute(["timeout", "--kill-after=10", str(seconds), *command], {"HOME": home, "LC_ALL": "C"}))
    if said.status in _TIMED_OUT:
        raise ReplicaError(ATTEMPTED, "", "it did not end within %d s" % seconds, "Is the replica far behind?")
    return said


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
