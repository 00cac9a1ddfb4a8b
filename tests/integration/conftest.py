# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers for the integration tests: which flavours, shared pairs, and a count of what ran on each flavour."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import pytest
from lab.flavours import BUILDABLE, FLAVOURS
from lab.server import Server
from lab.topology import Lab

TESTS = Path(__file__).resolve().parents[1]

MODES = ("gtid", "position")


def _make_importable() -> None:
    """Let tests import the collection under its own name, whatever this checkout is called."""
    try:
        found = importlib.util.find_spec("ansible_collections.replicaops.mysql")
    except ModuleNotFoundError:
        found = None
    if found is not None and Path(next(iter(found.submodule_search_locations or [""]))).resolve() == TESTS.parent:
        return
    top = Path(tempfile.mkdtemp(prefix="replicaops-integration-"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    namespace = top / "ansible_collections" / "replicaops"
    namespace.mkdir(parents=True)
    (namespace / "mysql").symlink_to(TESTS.parent, target_is_directory=True)
    sys.path.insert(0, str(top))


_make_importable()
SEED = (
    "CREATE DATABASE shop",
    "CREATE TABLE shop.t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40)) ENGINE=InnoDB",
    "INSERT INTO shop.t (v) VALUES ('first')",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--flavour",
        action="append",
        default=[],
        help="run on this flavour only (may be given again, or as a comma-separated list); by default on all that "
        "can be built: " + ", ".join(BUILDABLE),
    )


def flavours(config: pytest.Config) -> List[str]:
    """The flavours that were asked for."""
    asked = [name for given in config.getoption("--flavour") for name in given.split(",") if name]
    unknown = sorted(set(asked) - set(FLAVOURS))
    if unknown:
        raise pytest.UsageError("unknown flavour %s; known: %s" % (", ".join(unknown), ", ".join(FLAVOURS)))
    return asked or list(BUILDABLE)


def chosen_modes(test: str, number: int, modes: Sequence[str]) -> Sequence[str]:
    """The modes in which a test runs on one flavour: every mode in the full matrix, else one, taken in turns.

    Tests and flavours take turns differently, so that each test meets each mode and each flavour meets both.
    """
    if os.environ.get("REPLICA_TEST_MATRIX") == "full":
        return modes
    return (modes[(zlib.crc32(test.encode()) + number) % len(modes)],)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = flavours(metafunc.config)
    if "pair" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("modes")
        modes = marker.args if marker else MODES
        engines = metafunc.definition.get_closest_marker("engine")
        wanted = [name for name in names if not engines or FLAVOURS[name].engine in engines.args]
        test = metafunc.definition.name
        cases = [(name, mode) for number, name in enumerate(wanted) for mode in chosen_modes(test, number, modes)]
        named = metafunc.definition.get_closest_marker("pairs")
        if named:
            cases = [(name, mode) for name in wanted for mode in MODES if "-".join((name, mode)) in named.args]
        metafunc.parametrize("pair", cases, indirect=True, scope="session", ids=["-".join(case) for case in cases])
    elif "flavour" in metafunc.fixturenames:
        metafunc.parametrize("flavour", names, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Thin the matrix out unless all of it is asked for."""
    if os.environ.get("REPLICA_TEST_MATRIX") != "full" and not config.getoption("--flavour"):
        left_out = _thinned(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all tests that share servers to one process, which then makes these servers once.

    Not by ``--dist loadgroup``: pytest-xdist 3.8 loses the names of its groups under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByServers(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return shared_servers(nodeid)

    return ByServers(config, log)


def shared_servers(nodeid: str) -> str:
    """The servers that a test shares with others: its flavour's for findings, else its pair; its own id without any.

    The cells of the matrix make their servers once for each flavour, with a third one below or without.
    """
    flavour = _flavour_of(nodeid)
    if flavour and "test_repair_matrix.py" in nodeid:
        return "matrix on " + flavour + "-below" * ("-below]" in nodeid)
    if flavour and "test_findings.py" in nodeid:
        return "findings on " + flavour
    return next((pair for pair in ("%s-%s" % (flavour, mode) for mode in MODES) if flavour and pair in nodeid), nodeid)


def _thinned(items: Sequence[pytest.Item]) -> List[pytest.Item]:
    """What a run leaves out: each case keeps one flavour, in one mode, in turns from test to test.

    Tests marked ``every_engine`` keep one flavour of each engine; diagnosis, and those marked ``every_flavour``, all.
    """
    cases: Dict[str, List[pytest.Item]] = {}
    for item in items:
        flavour = _flavour_of(item.nodeid)
        if flavour and not item.get_closest_marker("every_flavour"):
            case = item.nodeid.replace(flavour, "")
            for mode in MODES:
                case = case.replace(mode, "")
            if item.get_closest_marker("every_engine"):
                case += FLAVOURS[flavour].engine
            cases.setdefault(case, []).append(item)
    kept = {id(same[zlib.crc32(case.encode()) % len(same)]) for case, same in cases.items()}
    return [item for same in cases.values() for item in same if id(item) not in kept]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "modes(*modes): run with a pair in these modes only: gtid, position")
    config.addinivalue_line("markers", "pairs(*pairs): run with these pairs only, named as mysql-9.7-gtid")
    config.addinivalue_line("markers", "every_flavour: run on every flavour even when the matrix is thinned out")
    config.addinivalue_line("markers", "every_engine: run on a flavour of each engine when the matrix is thinned out")
    config.addinivalue_line("markers", "engine(*engines): run on these engines only: mysql, mariadb")


class Pair:
    """A source and a replica that several tests share; a test that leaves them unwell costs the next one a new pair."""

    def __init__(self, flavour: str, mode: str) -> None:
        self.flavour_name = flavour
        self.mode = mode
        self.lab = self._new()

    def _new(self) -> Lab:
        return Lab(self.flavour_name, gtid=self.mode == "gtid", seed=SEED).up()

    @property
    def source(self) -> Server:
        return self.lab.source

    @property
    def replica(self) -> Server:
        return self.lab.replica

    @property
    def words(self) -> Any:
        return self.lab.flavour.words

    @property
    def gtid(self) -> bool:
        return self.mode == "gtid"

    @property
    def is_mariadb(self) -> bool:
        return self.lab.flavour.is_mariadb

    def status(self) -> Dict[str, Any]:
        """The replica's raw status row."""
        return self.lab.status(self.lab.links[0])

    def write(self, count: int = 1) -> None:
        """Write rows on the source."""
        for number in range(count):
            self.source.execute("INSERT INTO shop.t (v) VALUES ('row %d')" % number)

    def same_rows(self) -> bool:
        """Whether replica and source have the same rows (when nobody writes)."""
        statement = "SELECT COUNT(*), COALESCE(SUM(CRC32(CONCAT(id, v))), 0) FROM shop.t"
        return self.source.query(statement) == self.replica.query(statement)

    def wait_same(self, timeout: float = 60.0) -> None:
        """Wait until the replica has applied everything; then the rows must be the same."""
        self.lab.wait_in_sync(timeout=timeout)
        assert self.same_rows()

    def well(self) -> bool:
        """Whether both threads run without an error, delay or filter, and the rows are the same."""
        try:
            row = self.status()
            plain = str(row.get("SQL_Delay", 0)) == "0" and not row[self.words.sql_error]
            if row[self.words.io_running] != "Yes" or row[self.words.sql_running] != "Yes" or not plain:
                return False
            self.lab.wait_in_sync(timeout=10)
            return self.same_rows() and not self.errant()
        except Exception:  # whatever is wrong with them: they are not well
            return False

    def errant(self) -> bool:
        """Whether a test before left transactions on the replica that the source does not have."""
        if not self.gtid:
            return False
        if self.is_mariadb:
            own = str(self.replica.value("SELECT @@GLOBAL.server_id"))
            state = str(self.replica.value("SELECT @@GLOBAL.gtid_binlog_state"))
            return any(gtid.split("-")[1] == own for gtid in state.split(",") if gtid)
        executed = self.source.value("SELECT @@GLOBAL.gtid_executed")
        return bool(self.replica.value("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, %s)", (executed,)))

    def renew_if_unwell(self) -> None:
        """Start new servers when the last test left these in another state than it found them in."""
        if not self.well():
            self.lab.down()
            self.lab = self._new()

    def down(self) -> None:
        """Remove the servers."""
        self.lab.down()


@pytest.fixture(scope="session", name="pair")
def shared_pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A pair of one flavour and mode; pytest runs all tests of one pair before it starts the next."""
    made = Pair(*request.param)
    yield made
    made.down()


@pytest.fixture
def well(pair: Pair) -> Pair:
    """The shared pair, in order: both threads run and nothing is left of the test before."""
    pair.renew_if_unwell()
    return pair


@pytest.fixture(scope="module")
def stages() -> Iterator[Any]:
    """The servers of one flavour at a time: ``stages.of("mysql-9.7")``."""
    from integration.running import Stages

    made = Stages()
    yield made
    made.close()


@pytest.fixture(scope="module")
def places() -> Iterator[Any]:
    """The servers of one flavour at a time, alone or with a third one below: ``places.of(cell)``."""
    from integration.matrix import Places

    made = Places()
    yield made
    made.close()


@pytest.fixture
def lab_of() -> Iterator[Callable[..., Lab]]:
    """Makes labs for one test: ``lab_of("mysql-9.7", "multi", gtid=True)``; they end with the test."""
    made: List[Lab] = []

    def make(*arguments: Any, **options: Any) -> Lab:
        made.append(Lab(*arguments, **options).up())
        return made[-1]

    yield make
    for lab in reversed(made):
        lab.down()


def _flavour_of(nodeid: str) -> str:
    return next((name for name in FLAVOURS if name in nodeid), "")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many cases ran on each flavour, so that a skipped flavour cannot go unnoticed, and what came of each."""
    counts: Counter[Tuple[str, str]] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in report.user_properties if report.when == "call" else ():
                if name == "outcome":
                    terminalreporter.write_line("%s: %s" % (report.nodeid.partition("[")[2].rstrip("]"), value))
            if report.when == "call" and _flavour_of(report.nodeid):
                counts[_flavour_of(report.nodeid), outcome] += 1
    names = sorted({name for name, _unused in counts})
    for name in names:
        line = "%s: %d passed, %d failed" % (name, counts[name, "passed"], counts[name, "failed"])
        terminalreporter.write_line(line)
