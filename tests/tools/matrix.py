# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every integration test in every mode, in shards of one test file on one flavour, or of a part of a large one.

Resumable: a shard that has passed with the very same files is not run again, and a failed one does not end the run.
The results, one JUnit file for each shard, stay in ``.venv/matrix/``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RESULTS = CHECKOUT / ".venv" / "matrix"
TESTS = CHECKOUT / "tests"
NO_TESTS_COLLECTED = 5
# Files whose tests are too many for one go: a part is told by REPLICA_TEST_PART which tests are its own.
PARTS = {"test_repair_matrix": 32}


@dataclass(frozen=True)
class Shard:
    """One test file on one flavour, or a part of it such as 3/32."""

    flavour: str
    file: Path
    part: str = ""

    @property
    def name(self) -> str:
        return f"{self.file.stem}-{self.part.replace('/', '-')}" if self.part else self.file.stem

    def result(self) -> Path:
        return RESULTS / f"{self.flavour}-{self.name}.xml"

    def mark(self) -> Path:
        return self.result().with_suffix(".passed")


def state_of_files() -> str:
    """Hash everything that a result depends on: what the tests, the lab, the plugins, roles and playbooks say."""
    digest = hashlib.sha256()
    for folder in ("plugins", "roles", "playbooks", "meta", "tests"):
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(CHECKOUT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def shards() -> list[Shard]:
    """List the shards, by the flavours that the lab can start here."""
    sys.path.insert(0, str(TESTS))
    from lab.images import available  # the lab is importable only from here on

    files = sorted((TESTS / "integration").glob("test_*.py"))
    parts = {file: PARTS.get(file.stem, 1) for file in files}
    return [
        Shard(flavour, file, f"{number}/{parts[file]}" if parts[file] > 1 else "")
        for flavour in available()
        for file in files
        for number in range(1, parts[file] + 1)
    ]


def run(shard: Shard, state: str) -> str:
    """Run a shard and say in a word what became of it."""
    if shard.mark().exists() and shard.mark().read_text() == state:
        return "passed before"
    shard.mark().unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", str(shard.file), "--flavour", shard.flavour]
    command.append(f"--junitxml={shard.result()}")
    environment = {**os.environ, "REPLICA_TEST_MATRIX": "full", "REPLICA_TEST_PART": shard.part or "1/1"}
    code = subprocess.run(command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if code not in (0, NO_TESTS_COLLECTED):
        return "FAILED"
    shard.mark().write_text(state)
    return "passed" if code == 0 else "nothing for this flavour"


def main() -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    state = state_of_files()
    words: dict[Shard, str] = {}
    for shard in shards():
        started = time.monotonic()
        words[shard] = run(shard, state)
        print(
            f"------  {shard.flavour} {shard.name}: {words[shard]} ({time.monotonic() - started:.0f} s)",
            flush=True,
        )
    failed = [f"{shard.flavour} {shard.name}" for shard, word in words.items() if word == "FAILED"]
    print(
        f"{len(words) - len(failed)} of {len(words)} shards are good"
        + (f"; failed: {', '.join(failed)}" * bool(failed))
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
