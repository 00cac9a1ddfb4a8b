# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks of the collection: ``checks.py [--keep-going] GROUP...``, with the groups of ``steps.py`` or ``all``.

The quick steps run two at a time, with the server images being built beside them; the integration tests run last and
alone. The first step that fails ends the run, with that step's output; ``--keep-going`` runs the others all the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from steps import Step, Workspace, plan

WORKERS = 2
# What pip says when nothing is wrong; it buries the error that a step ended with.
NOISE = re.compile(
    r"Collecting |Installing |Successfully |Using cached |Requirement already |\s+(Downloading|Using cached|━)"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    step: Step
    status: str  # "ok", "skipped", "FAILED" or "stopped"
    seconds: float
    note: str = ""
    output: str = ""


class Runner:
    """Runs steps as processes of groups of their own, so that all of a step can be ended when another has failed."""

    def __init__(self, workspace: Workspace, keep_going: bool = False) -> None:
        self.workspace = workspace
        self.keep_going = keep_going
        self.running: dict[int, signal.Signals] = {}
        self.stopping = False

    def run(self, step: Step) -> Outcome:
        if self.stopping:
            return Outcome(step, "stopped", 0.0)
        if step.skip_because:
            return Outcome(step, "skipped", 0.0, step.skip_because)
        started = time.monotonic()
        log = self.workspace.logs / f"{step.name.replace(' ', '-').replace('/', '-')}.log"
        try:
            status = self._execute(step, log)
        except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            status, failure = "FAILED", f"{type(error).__name__}: {error}\n"
        else:
            failure = ""
        output = (log.read_text(encoding="utf-8", errors="replace") if log.exists() else "") + failure
        return Outcome(step, status, time.monotonic() - started, step.note(output), output)

    def _execute(self, step: Step, log: Path) -> str:
        with log.open("wb") as sink:
            for command in step.commands():
                if self.stopping:
                    return "stopped"
                sink.write(f"$ {command.shown()}\n".encode())
                sink.flush()
                process = subprocess.Popen(
                    command.argv,
                    cwd=command.cwd,
                    env={**self.workspace.environment, **command.env},
                    stdin=subprocess.DEVNULL,
                    stdout=None if step.live else sink,
                    stderr=None if step.live else subprocess.STDOUT,
                    start_new_session=True,
                )
                code = self._wait(process, signal.SIGINT if step.alone else signal.SIGTERM)
                if code != 0:
                    sink.write(f"exit code {code}\n".encode())
                    return "stopped" if self.stopping else "FAILED"
        return "ok"

    def _wait(self, process: subprocess.Popen[bytes], ending: signal.Signals) -> int:
        self.running[process.pid] = ending
        try:
            return process.wait()
        except KeyboardInterrupt:
            # And wait for it: the tests have servers to remove.
            _signal(process.pid, ending)
            process.wait()
            raise
        finally:
            self.running.pop(process.pid, None)

    def stop(self) -> None:
        """End what runs."""
        self.stopping = True
        for pid, ending in list(self.running.items()):
            _signal(pid, ending)


def _signal(group: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, what)


def show(outcome: Outcome) -> None:
    note = f"  {outcome.note}" if outcome.note else ""
    print(f"{outcome.status:8}{outcome.step.name:30}{outcome.seconds:7.1f} s{note}", flush=True)


def run_beside_each_other(runner: Runner, steps: list[Step]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        pending: set[Future[Outcome]] = {pool.submit(runner.run, step) for step in steps}
        try:
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    outcome = future.result()
                    outcomes.append(outcome)
                    if outcome.status != "stopped":
                        show(outcome)
                    if outcome.status == "FAILED" and not runner.keep_going:
                        runner.stop()
        except KeyboardInterrupt:
            runner.stop()
            raise
    return outcomes


def run_all(runner: Runner, steps: list[Step]) -> list[Outcome]:
    outcomes = run_beside_each_other(runner, [step for step in steps if not step.alone])
    for step in steps:
        if step.alone and (runner.keep_going or not any(outcome.status == "FAILED" for outcome in outcomes)):
            if step.live:
                print(f"------  {step.name}", flush=True)
            outcome = runner.run(step)
            outcomes.append(outcome)
            show(outcome)
    return outcomes


def main(arguments: list[str]) -> int:
    groups = [argument for argument in arguments if argument != "--keep-going"]
    started = time.monotonic()
    # Also where the caller runs in the background and ignores it, or is told to end by its own caller.
    for what in (signal.SIGINT, signal.SIGTERM):
        signal.signal(what, signal.default_int_handler)
    checkout = Path(__file__).resolve().parents[2]
    with Workspace.create(checkout) as workspace:
        runner = Runner(workspace, keep_going="--keep-going" in arguments)
        try:
            outcomes = run_all(runner, plan(workspace, groups or ["all"]))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        failed = [outcome for outcome in outcomes if outcome.status == "FAILED"]
        for outcome in failed:
            if not outcome.step.live:
                print(f"\n======  output of the step that failed: {outcome.step.name}")
                print("\n".join(line for line in outcome.output.splitlines() if not NOISE.match(line)), end="\n\n")
        seconds = time.monotonic() - started
        skipped = [outcome.step.name for outcome in outcomes if outcome.status == "skipped"]
        if skipped:
            print(f"SKIPPED, see above for the reasons: {', '.join(skipped)}")
        if failed:
            print(f"FAILED at {', '.join(outcome.step.name for outcome in failed)} after {seconds:.0f} s")
            return 1
        print(f"All {len(outcomes) - len(skipped)} steps that ran are good, in {seconds:.0f} s")
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
