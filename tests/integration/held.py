# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules and playbooks that are held right before one of their statements, to end them or their server there."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

HOOK = Path(__file__).resolve().parent / "hold"
LIMIT = 120.0


class Held:
    """Work in another thread that stands before a statement.

    :param done: what the work comes to.
    """

    def __init__(self, folder: Path, done: Future[Any]) -> None:
        self.folder = folder
        self.done = done

    def wait(self) -> None:
        """Wait until the module stands there; what the work came to is the error when it ended before."""
        deadline = time.monotonic() + LIMIT
        while not (self.folder / "held").exists():
            assert not self.done.done(), "it never came there: %s" % (self.done.result(),)
            assert time.monotonic() < deadline, "it did not come there in time"
            time.sleep(0.01)

    def release(self) -> Any:
        """Let the module go on; what the work came to."""
        (self.folder / "go").touch()
        return self.done.result(LIMIT)

    def kill(self) -> Any:
        """End the module's process with SIGKILL; what the work came to."""
        os.kill(int((self.folder / "held").read_text(encoding="utf-8")), signal.SIGKILL)
        return self.done.result(LIMIT)


@contextlib.contextmanager
def held(folder: Path, statement: str, work: Callable[[Dict[str, str]], Any]) -> Iterator[Held]:
    """Run work whose module is held before the first statement that begins with these words.

    :param work: takes the environment that its processes must have, PYTHONPATH among it.
    """
    folder.mkdir()
    environment = {"PYTHONPATH": str(HOOK), "REPLICAOPS_HOLD_AT": statement, "REPLICAOPS_HOLD_DIR": str(folder)}
    with ThreadPoolExecutor(max_workers=1) as pool:
        there = Held(folder, pool.submit(work, environment))
        try:
            there.wait()
            yield there
        finally:
            (folder / "go").touch()


class Numbered:
    """Processes one of which is held before the statement with a number, of those that may change a server.

    :param environment: what the processes must have in theirs.
    """

    def __init__(self, folder: Path, environment: Dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def run(self, work: Callable[[], Any]) -> Any:
        """Run work, and end its process with SIGKILL where that comes to the statement; what the work came to."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            done = pool.submit(work)
            deadline = time.monotonic() + LIMIT
            while not (self.folder / "held").exists():
                if done.done():
                    return done.result()
                assert time.monotonic() < deadline, "it neither came there nor ended in time"
                time.sleep(0.01)
            return Held(self.folder, done).kill()

    def statements(self) -> List[str]:
        """The beginnings of the statements so far; the last one is that before which it was held."""
        listed = self.folder / "statements"
        return listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []


def numbered(folder: Path, number: int) -> Numbered:
    """The environment for processes that shall be held before the statement with this number, counted from 1."""
    folder.mkdir()
    environment = {"PYTHONPATH": str(HOOK), "REPLICAOPS_HOLD_NUMBER": str(number), "REPLICAOPS_HOLD_DIR": str(folder)}
    return Numbered(folder, environment)
