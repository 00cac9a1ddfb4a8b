# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A search with and without a second process, in a process that has no threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any, Dict, List, Tuple

from ansible_collections.replicaops.mysql.plugins.module_utils._core.locate.usual import Usual
from ansible_collections.replicaops.mysql.plugins.module_utils._server import (
    locate,
    locate_ahead,
    locate_batch,
    locate_scan,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login

NEVER = 1 << 60


def searched(replica: Login, source: Login, start: str, far: int, enough: int) -> Tuple[Dict[str, Any], List[Any], int]:
    """The answer, the transactions that it was made of, and how many times a second process was started.

    :param far: see `locate_scan.FAR`; ``enough``: see `locate_batch.ENOUGH`.
    """
    seen: List[Any] = []
    started: List[int] = []
    read = locate_scan.Reader._transactions

    def noting(*arguments: Any) -> Any:
        for item in read(*arguments):
            seen.extend(item.transactions() if isinstance(item, Usual) else (item,))
            yield item

    class Counted(locate_ahead.Ahead):
        def __init__(self, *arguments: Any) -> None:
            started.append(1)
            super().__init__(*arguments)

        def __exit__(self, *details: object) -> None:
            super().__exit__(*details)
            assert self.complete or not started

    locate_scan.FAR, locate_batch.ENOUGH = far, enough
    locate_scan.Reader._transactions = noting  # type: ignore[method-assign,assignment]
    plain, locate_ahead.Ahead = locate_ahead.Ahead, Counted  # type: ignore[misc]
    try:
        request = locate.Request(
            login=replica, source_login=lambda channel: source, source_named=True, start=start, verify="full"
        )
        return locate.locate(request).as_dict(), seen, len(started)
    finally:
        locate_scan.Reader._transactions = read  # type: ignore[method-assign]
        locate_ahead.Ahead = plain  # type: ignore[misc]


def both(replica: Login, source: Login, start: str) -> Dict[str, Any]:
    """What came of both ways, in one process, where prints are the same."""
    alone, one, none = searched(replica, source, start, NEVER, 1)
    helped, other, some = searched(replica, source, start, 0, 7)
    for answer in (alone, helped):
        answer.pop("bytes_read")
    return {
        "alone": alone, "helped": helped, "started": (none, some), "transactions": len(one), "same": one == other,
        "printed": sum(type(change).__name__ == "Printed" for item in one for change in item.changes),
        "statements": sum(len(item.statements) for item in one),
    }  # fmt: skip


def in_process(replica: Login, source: Login, start: str) -> Dict[str, Any]:
    """`both`, in a new process."""
    words = [json.dumps(asdict(login)) for login in (replica, source)]
    done = subprocess.run(
        [sys.executable, __file__, *words, start], capture_output=True, text=True, check=False, timeout=600,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )  # fmt: skip
    assert not done.returncode, done.stderr
    result: Dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    print(json.dumps(both(Login(**json.loads(sys.argv[1])), Login(**json.loads(sys.argv[2])), sys.argv[3])))
