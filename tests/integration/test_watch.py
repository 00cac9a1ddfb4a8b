# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook of the collection under ansible-rulebook: one broken replica is one diagnosis, or one repair."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from integration.conftest import Pair
from integration.playbook import assert_no_secret, collections_path, plain_environment, run_playbook
from integration.test_repair import dropped, host
from lab.accounts import REPAIRER
from lab.compare import compare

BIN = Path(sys.executable).parent
LOOKS = 6
PROMTOOL = shutil.which("promtool")  # of Debian's package prometheus
FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"


class Rulebook:
    """A running ansible-rulebook whose output grows in a file."""

    def __init__(self, pair: Pair, folder: Path, **variables: Any) -> None:
        self.pair = pair
        folder.mkdir()
        self.log = folder / "log"
        server = {"name": "replica", "login_host": pair.replica.host, "login_port": pair.replica.port, "source": {}}
        given = {"replica_watch_servers": [server], "replica_watch_interval": 1, "replica_watch_quiet": 0, **variables}
        (folder / "vars.yml").write_text(json.dumps(given), "utf-8")
        inventory = {"all": {"hosts": {"replica": host(pair.replica)}}}
        (folder / "inventory.yml").write_text(json.dumps(inventory), "utf-8")
        environment = {
            **plain_environment(),
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "ANSIBLE_COLLECTIONS_PATH": str(collections_path(folder)),
            "ANSIBLE_NOCOLOR": "1",
            "REPLICA_LOGIN_USER": REPAIRER.user,
            "REPLICA_LOGIN_PASSWORD": REPAIRER.password,
        }
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [str(BIN / "ansible-rulebook"), "--rulebook", "replicaops.mysql.watch", "-i", "inventory.yml",
                 "--vars", "vars.yml", "--print-events"],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for something while the rulebook runs."""
        deadline = time.monotonic() + 180
        while not condition():
            assert self.process.poll() is None, "ansible-rulebook ended: %s" % self.output
            assert time.monotonic() < deadline, "waited for %s: %s" % (what, self.output)
            time.sleep(0.1)

    def wait_event(self, count: int = 1, **wanted: str) -> None:
        self.wait(lambda: len(self.events(**wanted)) >= count, "event %s" % wanted)

    def events(self, **wanted: str) -> List[Dict[str, Any]]:
        """The events that were printed, those with these values only."""
        printed = re.findall(r"^Event:\n(\{.*?\})\n\*{20,}$", self.output, re.DOTALL | re.MULTILINE)
        events = [ast.literal_eval(text)["replica"] for text in printed]
        return [event for event in events if all(event.get(name) == value for name, value in wanted.items())]

    def runs(self, playbook: str) -> int:
        """How many times a playbook was begun."""
        return self.output.count("PLAY [%s]" % playbook)

    def wait_looks(self) -> None:
        """Wait until it has looked some more times: each look is a connection of its own."""

        def looks() -> int:
            return int(self.pair.replica.query("SHOW GLOBAL STATUS LIKE 'Connections'")[0]["Value"])

        begun = looks()
        self.wait(lambda: looks() >= begun + LOOKS, "more looks")

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)
        assert_no_secret(self.output)


@pytest.fixture
def start(well: Pair, tmp_path: Path) -> Iterator[Callable[..., Rulebook]]:
    begun: List[Rulebook] = []

    def begin(**variables: Any) -> Rulebook:
        begun.append(Rulebook(well, tmp_path / str(len(begun)), **variables))
        return begun[-1]

    try:
        yield begin
    finally:
        for rulebook in begun:
            rulebook.end()


def break_row(pair: Pair, number: int) -> None:
    """A row that the replica has already, with another value."""
    pair.replica.execute_unlogged("INSERT INTO shop.t VALUES (%d, 'of the replica')" % number)
    pair.source.execute("INSERT INTO shop.t VALUES (%d, 'of the source')" % number)


def test_a_break_is_diagnosed_once_and_repaired_where_that_is_allowed(
    well: Pair, start: Callable[..., Rulebook]
) -> None:
    with dropped(well):
        watching = start()
        watching.wait_looks()
        assert watching.events() == [], watching.output
        break_row(well, 1001)
        watching.wait_event(kind="verdict_changed", verdict="broken")
        watching.wait(lambda: "PLAY RECAP" in watching.output, "the diagnosis")
        watching.wait_looks()
        assert (watching.runs("Diagnose"), watching.runs("Repair")) == (1, 0), watching.output
        assert len(watching.events(kind="verdict_changed")) == 1, watching.output
        watching.end()

        allowed = start(replica_watch_max_risk="replica_rows")
        allowed.wait_event(kind="verdict_changed", verdict="healthy", was="broken")
        allowed.wait(lambda: "replica is healthy again" in allowed.output, "the word that it is well")
        allowed.wait_looks()
        assert len(allowed.events(kind="verdict_changed")) == 2, allowed.output
        well.lab.wait_in_sync()
        assert compare(well.source, well.replica) == []


@pytest.mark.skipif(not FULL, reason="part of the full matrix")
def test_servers_that_go_and_come_back_are_no_reason_to_repair(well: Pair, start: Callable[..., Rulebook]) -> None:
    with dropped(well):
        watching = start(replica_watch_max_risk="replica_rows")
        watching.wait_looks()
        well.source.restart()
        watching.wait_looks()
        well.replica.stop()
        watching.wait_event(kind="server_unreachable")
        well.replica.start()
        watching.wait_event(kind="server_reachable")
        well.replica.execute("SELECT 1")
        well.lab.wait_in_sync()
        watching.wait_looks()
        assert watching.process.poll() is None and "Traceback" not in watching.output, watching.output
        applied = re.findall(r"changed=(\d+)", watching.output)
        assert set(applied) <= {"0"}, watching.output
        assert compare(well.source, well.replica) == []


def test_metrics_say_what_is_the_case_with_every_server(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        break_row(well, 1001)
        well.replica.wait_until(lambda: well.status()[well.words.sql_running] == "No", what="the applier to stop")
        gone = {**host(well.replica), "replica_login_port": "1"}
        inventory = {"all": {"hosts": {"replica": host(well.replica), "gone": gone, "source": host(well.source)}}}
        file = tmp_path / "replicas.prom"
        run = run_playbook("replicaops.mysql.watch", inventory, ["-e", "target=all", "-e", "watch_textfile=%s" % file])
        assert run.code == 0, run.output
        lines = file.read_text("utf-8").splitlines()
        families = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
        assert len(families) == len(set(families)) and all(re.match(r"[a-z_]+$", family) for family in families)
        prefix = "replicaops_replica_"
        samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert {host: samples[prefix + 'up{host="%s"}' % host] for host in ("replica", "gone", "source")} == {
            "replica": "1",
            "gone": "0",
            "source": "1",
        }
        assert samples[prefix + 'verdict{host="replica",verdict="broken"}'] == "1"
        assert samples[prefix + 'verdict{host="replica",verdict="healthy"}'] == "0"
        found = prefix + 'finding{host="replica",channel="",code="duplicate_row",severity="error"}'
        assert samples[found] == "1"
        assert not any('"gone",' in sample for sample in samples)
        if FULL and PROMTOOL:
            checked = subprocess.run(
                [PROMTOOL, "check", "metrics"], input=file.read_bytes(), capture_output=True, check=False
            )
            assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def numbered(well: Pair, *gtids: str) -> None:
    """Empty transactions under these GTIDs, on both."""
    with well.source.connect("root") as connection, connection.cursor() as cursor:
        for gtid in gtids:
            for statement in ("SET gtid_next = '%s'" % gtid, "BEGIN", "COMMIT"):
                cursor.execute(statement)
        cursor.execute("SET gtid_next = 'AUTOMATIC'")
    well.replica.wait_until("SELECT GTID_SUBSET('%s', @@GLOBAL.gtid_executed)" % ",".join(gtids))


@pytest.mark.engine("mysql")
@pytest.mark.modes("gtid")
def test_a_gap_is_as_old_as_the_look_that_saw_it_first(well: Pair, tmp_path: Path) -> None:
    other, file = str(uuid.uuid4()), tmp_path / "replicas.prom"

    def look() -> Tuple[float, float]:
        """When it was, and how old the oldest gap is."""
        inventory = {"all": {"hosts": {"replica": host(well.replica)}}}
        run = run_playbook("replicaops.mysql.watch", inventory, ["-e", "target=all", "-e", "watch_textfile=%s" % file])
        assert run.code == 0, run.output
        text = file.read_text("utf-8")
        found = [re.search(r"^replicaops_replica_%s\{.*\} (\S+)$" % name, text, re.MULTILINE)
                 for name in ("looked_timestamp_seconds", "oldest_gap_age_seconds")]  # fmt: skip
        time, age = (float(one[1]) for one in found if one is not None)
        return time, age

    numbered(well, other + ":2")
    first, age = look()
    assert age == 0 and json.loads(Path(str(file) + ".gaps").read_text("utf-8"))["replica"][""][0]["since"] == first
    numbered(well, other + ":4")
    second, age = look()
    assert age == pytest.approx(second - first) and age > 0
    numbered(well, other + ":1")
    third, age = look()
    assert age == pytest.approx(third - second) and age > 0
    numbered(well, other + ":3")
    assert look()[1] == 0
    assert json.loads(Path(str(file) + ".gaps").read_text("utf-8")) == {}
