# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data ahead of what the GTIDs say is applied: the transactions that the rows show to be here count as executed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Callable

import pytest
from integration.test_repair import queries, result
from integration.test_reposition import (
    APPLIED,
    LATER,
    MOVED,
    RELEASE,
    TABLES,
    Coordinates,
    on_source,
    play,
    sql_running,
)
from lab.compare import compare
from lab.flavours import FLAVOURS
from lab.topology import Lab

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"


def known(lab: Lab) -> str:
    """What the replica's GTIDs say is applied."""
    name = "gtid_slave_pos" if lab.flavour.is_mariadb else "gtid_executed"
    return str(lab.replica.value("SELECT @@GLOBAL.%s" % name))


def forget(lab: Lab, gtids: str, start: Coordinates, by_coordinates: bool) -> None:
    """Let the stopped replica count no more than these GTIDs as executed."""
    words, replica = lab.flavour.words, lab.replica
    if lab.flavour.is_mariadb:
        replica.execute("RESET MASTER", "SET GLOBAL gtid_slave_pos = '%s'" % gtids)
        return
    old = words.prefix == "MASTER"
    replica.execute(
        "RESET MASTER" if old else "RESET BINARY LOGS AND GTIDS",
        "SET GLOBAL gtid_purged = '%s'" % gtids,
        "RESET SLAVE" if old else "RESET REPLICA",
    )
    if by_coordinates:
        verb = "CHANGE MASTER TO" if old else "CHANGE REPLICATION SOURCE TO"
        place = "{0}_AUTO_POSITION = 0, {0}_LOG_FILE = '{1}', {0}_LOG_POS = {2}".format(words.prefix, *start)
        replica.execute("%s %s" % (verb, place))


def ahead(lab: Lab, by_coordinates: bool) -> None:
    """Bring the replica's data ten transactions ahead of its GTIDs, and let it meet that."""
    lab.source.execute("CREATE DATABASE shop")
    on_source(lab, *TABLES)
    lab.wait_in_sync()
    gtids, start = known(lab), lab.source.coordinates()
    on_source(lab, *RELEASE[:APPLIED])
    lab.wait_in_sync()
    lab.replica.stop_replica()
    on_source(lab, *RELEASE[APPLIED:-1])
    forget(lab, gtids, start, by_coordinates)
    lab.replica.start_replica()
    lab.replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to meet what is there already")


@pytest.mark.parametrize("by_coordinates", [False, True] if FULL else [False])
def test_what_is_here_counts_as_executed(
    lab_of: Callable[..., Lab], flavour: str, by_coordinates: bool, tmp_path: Path
) -> None:
    if by_coordinates and FLAVOURS[flavour].is_mariadb:
        pytest.skip("MariaDB keeps no set beside coordinates that could have a hole")
    lab = lab_of(flavour, gtid=True)
    ahead(lab, by_coordinates)
    before = known(lab), lab.replica.coordinates()
    planned = play(lab, "repair", tmp_path, "--check", "--diff")
    assert planned.code == 0, planned.output
    named, begun = (re.search(text, planned.output) for text in (r"repair: (\w+) \(", r"Round 1: apply (\w+)\."))
    assert named and begun and named.group(1) == begun.group(1), planned.output
    assert (known(lab), lab.replica.coordinates()) == before and sql_running(lab) == "No"
    assert not list(tmp_path.iterdir())
    on_source(lab, *("INSERT INTO cnt VALUES (%d, 0)" % number for number in range(100, 120)))
    repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    ended = result(repaired)
    assert (ended["applied"], ended["proof"]) == (["gtid_append"], "rows_proven"), ended
    assert queries(planned)[0] == queries(repaired)[0]
    assert "no donor" in ended["steps"][0]["msg"], ended
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
    if not lab.flavour.is_mariadb:
        assert known(lab) == lab.source.value("SELECT @@GLOBAL.gtid_executed")
    again = play(lab, "repair", tmp_path)
    assert again.code == 0 and result(again)["applied"] == [], again.output


@pytest.mark.skipif(not FULL, reason="part of the full matrix")
def test_rows_that_a_restart_moved_back_are_brought_forward_again(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    """With GTIDs: what the rows show to be here counts as executed, or they go to the end of the range first."""
    lab = lab_of(flavour, gtid=True)
    lab.source.execute("CREATE DATABASE shop")
    on_source(lab, *TABLES)
    lab.wait_in_sync()
    gtids, start = known(lab), lab.source.coordinates()
    on_source(lab, *MOVED)
    lab.wait_in_sync()
    lab.replica.stop_replica()
    on_source(lab, *LATER)
    forget(lab, gtids, start, False)
    lab.replica.start_replica()
    lab.replica.wait_until(lambda: sql_running(lab) == "No", what="the applier to meet what is there already")
    assert lab.replica.value("SELECT n FROM shop.cnt WHERE id = 1") == 11
    repaired = play(lab, "repair", tmp_path)
    assert repaired.code == 0, repaired.output
    # A set can leave out what was taken back, so that the source sends it again; MariaDB's position cannot.
    expected = ["heal_rows"] if lab.flavour.is_mariadb else ["gtid_append"]
    assert (result(repaired)["applied"], result(repaired)["proof"]) == (expected, "rows_proven"), result(repaired)
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
    if not lab.flavour.is_mariadb:
        assert known(lab) == lab.source.value("SELECT @@GLOBAL.gtid_executed")


@pytest.mark.skipif(not FULL, reason="part of the full matrix")
def test_the_playbook_appends_for_a_replica_that_was_never_started(
    lab_of: Callable[..., Lab], flavour: str, tmp_path: Path
) -> None:
    lab = lab_of(flavour, gtid=True)
    ahead(lab, False)
    refused = play(lab, "repair", tmp_path, repair_max_risk="none")
    assert refused.code != 0 and result(refused)["applied"] == [], refused.output
    done = play(lab, "reposition", tmp_path)
    assert done.code == 0 and "no donor" in done.output, done.output
    lab.wait_in_sync()
    assert compare(lab.source, lab.replica) == []
