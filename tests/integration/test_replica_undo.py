# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""replica_undo on real servers: what a recorded change altered comes back, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from integration.conftest import Pair
from integration.playbook import run_module
from lab import faults


def channel(pair: Pair, tmp_path: Path, **options: Any) -> str:
    """Run replica_channel with a record; the record's path."""
    done = run_module("replica_channel", pair.replica, {**options, "record_dir": str(tmp_path)})
    assert not done["failed"] and done["changed"], done
    return str(done["record"])


def undo(pair: Pair, record: str, check: bool = False, **options: Any) -> Dict[str, Any]:
    return run_module("replica_undo", pair.replica, {"record": record, **options}, check=check)


def on(pair: Pair) -> Dict[str, str]:
    row = pair.status()
    return {"receiver": str(row[pair.words.io_running]), "applier": str(row[pair.words.sql_running])}


def test_threads_come_back_once(well: Pair, tmp_path: Path) -> None:
    record = channel(well, tmp_path, state="stopped", threads="both")
    told = undo(well, record, check=True)
    assert told["changed"] and not told["executed"] and on(well) == {"receiver": "No", "applier": "No"}
    done = undo(well, record, record_dir=str(tmp_path))
    assert done["changed"] and done["queries"] == told["queries"] and done["restored"] == told["restored"]
    assert done["diff"]["after"] == {"receiver": "running", "applier": "running"} and Path(done["record"]).exists()
    assert on(well) == {"receiver": "Yes", "applier": "Yes"}
    again = undo(well, record)
    assert not again["changed"] and again["queries"] == [] and again["restored"] == []


def test_a_delay_that_was_dropped_comes_back(well: Pair, tmp_path: Path) -> None:
    words = well.words
    well.replica.stop_replica()
    # MySQL 9.7 would not connect then, and keeps it anyway.
    verify = ", MASTER_SSL_VERIFY_SERVER_CERT = 1" if words.prefix == "MASTER" else ""
    well.replica.execute("%s TO %s_DELAY = 3600%s" % (words.change, words.prefix, verify))
    record = channel(well, tmp_path, refetch=True, state="started")
    well.write(3)
    well.replica.stop_replica()
    well.replica.execute(well.replica.replica_sql("RESET"))
    if not well.gtid:
        restore_coordinates(well, record)
    assert str(well.status()["SQL_Delay"]) == "0"
    # The record ends with the delay in place, so that it is gone is somebody else's change and stays ...
    left = undo(well, record)
    assert not left["failed"] and not left["changed"], left
    # ... while a record without an end, as a killed run leaves it, is put back whole.
    unfinished(record)
    done = undo(well, record)
    assert not done["failed"] and done["changed"], done
    assert str(well.status()["SQL_Delay"]) == "3600" and any("delay: 3600" in text for text in done["restored"])
    assert not verify or well.status()["Master_SSL_Verify_Server_Cert"] == "Yes"
    assert not undo(well, record)["changed"]
    well.replica.stop_replica()
    well.replica.execute("%s TO %s_DELAY = 0" % (words.change, words.prefix))
    well.replica.start_replica()
    well.wait_same()


def restore_coordinates(pair: Pair, record: str) -> None:
    point = json.loads(Path(record).read_text(encoding="utf-8"))["before"]["channel"]["executed"]
    words = pair.words
    pair.replica.execute(
        "%s TO %s_LOG_FILE = '%s', %s_LOG_POS = %d"
        % (words.change, words.prefix, point["file"], words.prefix, point["position"])
    )


def unfinished(record: str) -> None:
    """Make a record look as if its run had been killed."""
    path = Path(record)
    data = json.loads(path.read_text(encoding="utf-8"))
    data.update(after=None, outcome="running")
    path.write_text(json.dumps(data), encoding="utf-8")


def killed_refetch(pair: Pair, tmp_path: Path) -> str:
    """What a refetch leaves that was killed between RESET and CHANGE."""
    record = channel(pair, tmp_path, refetch=True)
    unfinished(record)
    pair.replica.stop_replica()
    pair.replica.execute(pair.replica.replica_sql("RESET"))
    return record


@pytest.mark.pairs("mysql-9.7-position")
def test_coordinates_lost_by_a_killed_refetch_come_back(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica("SQL_THREAD")
    well.write(5)
    record = killed_refetch(well, tmp_path)
    assert not well.status()[well.words.applied_file]
    told = undo(well, record, check=True)
    done = undo(well, record)
    assert not done["failed"] and done["changed"] and done["queries"] == told["queries"], done
    assert any("coordinates" in text for text in done["restored"]) and on(well)["receiver"] == "Yes"
    well.replica.start_replica("SQL_THREAD")
    well.wait_same()
    assert not any("coordinates" in text for text in undo(well, record)["restored"])


@pytest.mark.pairs("mysql-9.7-position")
def test_coordinates_are_not_put_back_when_the_source_has_purged_them(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica("SQL_THREAD")
    well.write(5)
    record = killed_refetch(well, tmp_path)
    faults.purge_binlogs(well.source)
    refused = undo(well, record)
    assert refused["failed"] and refused["code"] == "refused" and not refused["changed"]
    assert not well.status()[well.words.applied_file]


@pytest.mark.modes("position")
def test_coordinates_that_somebody_else_lost_stay_lost(well: Pair, tmp_path: Path) -> None:
    well.replica.stop_replica("SQL_THREAD")
    record = channel(well, tmp_path, state="stopped", threads="receiver")
    well.replica.execute(well.replica.replica_sql("RESET"))
    for _unused in range(2):
        left = undo(well, record, check=True)
        assert not any("coordinates:" in text for text in left["restored"]), left
        assert any("not by this change" in text for text in left["not_restorable"])
        unfinished(record)


@pytest.mark.modes("position")
def test_a_promoted_server_stays_writable_and_no_counter_is_armed(well: Pair, tmp_path: Path) -> None:
    name = "sql_%s_skip_counter" % well.words.replica.lower()
    well.replica.stop_replica("SQL_THREAD")
    well.replica.execute("SET GLOBAL %s = 1" % name, "SET GLOBAL read_only = ON")
    record = channel(well, tmp_path, state="stopped", threads="receiver")
    well.replica.execute("SET GLOBAL %s = 0" % name, "SET GLOBAL read_only = OFF")
    unfinished(record)
    done = undo(well, record)
    assert not done["failed"] and done["restored"] == ["the receiver runs again"], done
    assert well.replica.value("SELECT @@GLOBAL.read_only") == 0
    assert well.replica.value("SELECT @@GLOBAL.%s" % name) == 0 and on(well) == {"receiver": "Yes", "applier": "No"}


@pytest.mark.modes("position")
def test_a_skip_counter_that_waits_forbids_starting_the_applier(well: Pair, tmp_path: Path) -> None:
    name = "sql_%s_skip_counter" % well.words.replica.lower()
    record = channel(well, tmp_path, state="stopped")
    well.write(2)
    well.replica.execute("SET GLOBAL %s = 1" % name)
    refused = undo(well, record)
    assert refused["failed"] and refused["code"] == "refused" and "%s is 1" % name in refused["msg"], refused
    assert on(well)["applier"] == "No"
    well.replica.execute("SET GLOBAL %s = 0" % name)
    assert undo(well, record)["changed"]
    well.wait_same()


@pytest.mark.modes("gtid")
def test_a_record_of_another_server_is_refused(well: Pair, tmp_path: Path) -> None:
    record = channel(well, tmp_path, state="stopped")
    data = json.loads(Path(record).read_text(encoding="utf-8"))
    data["server"].update(identity="another", server_id=77)
    Path(record).write_text(json.dumps(data), encoding="utf-8")
    refused = undo(well, record)
    assert refused["failed"] and refused["code"] == "identity" and on(well)["applier"] == "No"
    missing = undo(well, str(tmp_path / "none.json"))
    assert missing["failed"] and missing["code"] == "bad_input"
