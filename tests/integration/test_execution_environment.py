# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment: built from the AWX project's definition, and a broken pair repaired from inside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator

import docker.errors
import pytest
from integration.conftest import Pair
from integration.execution_environment import RECORDS, Ended, Inside, build, project, run, tools
from integration.test_repair import host
from lab.compare import compare
from lab.engine import engine
from lab.images import REPOSITORY

pytestmark = [
    pytest.mark.skipif(os.environ.get("REPLICA_TEST_MATRIX") != "full", reason="REPLICA_TEST_MATRIX=full builds it"),
    pytest.mark.skipif(not (shutil.which("docker") and shutil.which("mmdebstrap")), reason="needs docker, mmdebstrap"),
]


@dataclass(frozen=True)
class Built:
    """The image, the programs that use it, and the project that it was built from."""

    image: str
    bin: Path
    project: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The execution environment, built once for all tests here."""
    folder = tmp_path_factory.mktemp("ee")
    tag = "%s/ee:%s" % (REPOSITORY, uuid.uuid4().hex[:12])
    made = Built(tag, tools(folder / "tools"), project(folder))
    try:
        build(made.bin, made.project, tag)
        yield made
    finally:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine().images.remove(tag, force=True)


def test_it_holds_what_the_collection_needs(built: Built, tmp_path: Path) -> None:
    inside = ["docker", "run", "--rm", "--network", "none", built.image]
    listed = run([*inside, "ansible-galaxy", "collection", "list", "replicaops.mysql"], tmp_path)
    assert "replicaops.mysql" in listed
    told = run([*inside, "python3", "-c", "import pymysql, cryptography, zstandard; print(pymysql.__name__)"], tmp_path)
    assert told.strip().endswith("pymysql")


def stop_by_a_row(pair: Pair) -> None:
    """Take a row from the replica and have the source change it."""
    pair.replica.execute_unlogged("DELETE FROM shop.t WHERE v = 'row 1'")
    pair.source.execute("UPDATE shop.t SET v = 'changed' WHERE v = 'row 1'")
    pair.replica.wait_until(lambda: str(pair.status()[pair.words.sql_running]) == "No", 60, "the applier to stop")


@pytest.mark.modes("gtid")
@pytest.mark.parametrize("way", ["runner", "navigator"])
def test_a_broken_pair_is_repaired_from_inside(built: Built, well: Pair, way: str, tmp_path: Path) -> None:
    well.write(4)
    well.wait_same()
    inside = Inside(built.image, built.bin, built.project, tmp_path, well.lab)
    runs: Dict[str, Callable[..., Ended]] = {"runner": inside.by_runner, "navigator": inside.by_navigator}
    hosts, variables = {"db2": host(well.replica)}, {"target": "db2", "repair_record_dir": RECORDS}
    stop_by_a_row(well)
    assert compare(well.source, well.replica) != []

    seen = runs[way]("diagnose", hosts, {**variables, "diagnose_fail_on": "error"})
    assert seen.code != 0 and ": broken" in seen.output and "error missing_row" in seen.output, seen.output
    repaired = runs[way]("repair", hosts, variables)
    assert repaired.code == 0, repaired.output
    verified = runs[way]("verify", hosts, variables)
    assert verified.code == 0 and "db2 (rows_proven)" in verified.output, verified.output
    assert compare(well.source, well.replica) == []
    assert list(inside.records.rglob("*")), "no undo record came out of the container"
