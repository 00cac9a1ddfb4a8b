# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of a directory are exchanged, wherever that is ended and gone on with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import RefusedError, ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._server import rebuild_exchange
from ansible_collections.replicaops.mysql.plugins.module_utils._server.rebuild_exchange import Exchange, half_way


def filled(path, *names, text="old"):
    path.mkdir(parents=True, exist_ok=True)
    for name in names:
        (path / name).write_text(text)
    (path / "mysql").mkdir()
    (path / "mysql" / "db.frm").write_text(text)


@pytest.fixture
def exchange(tmp_path):
    filled(tmp_path / "data", "ibdata1", "master.info", "zz")
    made = Exchange(str(tmp_path / "data"), str(tmp_path / "rebuild"))
    made.begin()
    os.rmdir(made.new)
    filled(tmp_path / "rebuild" / "new", "ibdata1", "aria", text="new")
    made.prepare({"mode": "gtid"})
    made.copy_kept(("master.info", "not there"))
    return made


def contents(path):
    return {one.name: one.read_text() for one in Path(path).iterdir() if one.is_file()}


WANTED = {"ibdata1": "new", "aria": "new", "master.info": "old"}


def test_what_was_there_is_aside_until_it_is_removed(exchange):
    exchange.carry_out()
    assert contents(exchange.datadir) == WANTED
    assert set(contents(exchange.old)) == {"ibdata1", "master.info", "zz"}
    found = half_way(exchange.directory)
    assert found.datadir == exchange.datadir and found.told()["mode"] == "gtid"
    found.carry_out()
    assert contents(exchange.datadir) == WANTED
    exchange.remove()
    assert not os.path.exists(exchange.directory) and half_way(exchange.directory) is None


@pytest.mark.parametrize("moves", range(8))
def test_it_can_be_ended_at_any_move_and_gone_on_with(exchange, monkeypatch, moves):
    real, done = os.rename, []

    def rename(origin, target):
        if len(done) == moves:
            raise OSError("ended here")
        done.append(target)
        real(origin, target)

    before = os.stat(exchange.datadir).st_mode
    monkeypatch.setattr(rebuild_exchange.os, "rename", rename)
    with pytest.raises(ReplicaError, match="Run again, which goes on with it"):
        exchange.carry_out()
    # No server starts without its system schema.
    assert not moves or not os.path.exists(os.path.join(exchange.datadir, "mysql"))
    assert os.geteuid() or os.stat(exchange.datadir).st_mode & 0o777 == 0
    monkeypatch.setattr(rebuild_exchange.os, "rename", real)
    half_way(exchange.directory).carry_out()
    assert contents(exchange.datadir) == WANTED and os.stat(exchange.datadir).st_mode == before
    assert contents(os.path.join(exchange.datadir, "mysql")) == {"db.frm": "new"}
    assert set(contents(exchange.old)) == {"ibdata1", "master.info", "zz"}


def test_a_place_of_no_use_is_refused(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for directory, wanted, expected in (
        (str(data / "x"), 0, "inside the data directory"),
        ("/dev/shm/x", 0, "not on the file system"),
        ("relative", 0, "is no directory"),
        (str(tmp_path / "none" / "x"), 0, "is no directory"),
        (str(tmp_path / "x"), 1 << 60, "MB are free"),
    ):
        with pytest.raises(RefusedError, match=expected):
            Exchange(str(data), directory).check("db2", wanted)
    Exchange(str(data), str(tmp_path / "x")).check("db2", 1000)


def test_nothing_is_written_once_the_server_is_stopped_so_that_a_full_disk_is_no_obstacle(exchange, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    real = open

    def reads(name, mode="r", **more):
        return full() if "w" in mode else real(name, mode, **more)

    monkeypatch.setattr("builtins.open", reads)
    monkeypatch.setattr(rebuild_exchange.os, "makedirs", full)
    exchange.carry_out()
    assert contents(exchange.datadir) == WANTED


@pytest.mark.parametrize(("what", "name"), [("copy_kept", "copy2"), ("prepare", "replace"), ("begin", "rmtree")])
def test_a_full_disk_is_an_error_in_words(exchange, monkeypatch, what, name):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    owner = rebuild_exchange.os if name == "replace" else rebuild_exchange.shutil
    monkeypatch.setattr(owner, name, full)
    with pytest.raises(ReplicaError, match="No space left on device"):
        getattr(exchange, what)(*{"copy_kept": (("master.info",),), "prepare": ({},)}.get(what, ()))


def test_what_has_come_goes_and_what_is_noted_stays(exchange):
    exchange.drop()
    assert half_way(exchange.directory).told()["phase"] == rebuild_exchange.READY
    assert "ibdata1" in contents(exchange.datadir) and not os.path.exists(exchange.new)


def test_what_an_ended_run_has_left_counts_as_free(tmp_path, monkeypatch):
    filled(tmp_path / "rebuild" / "new", "ibdata1", text="x" * 5000)
    (tmp_path / "data").mkdir()

    class Full:
        f_bavail, f_frsize = 0, 1

    monkeypatch.setattr(rebuild_exchange.os, "statvfs", lambda _path: Full)
    Exchange(str(tmp_path / "data"), str(tmp_path / "rebuild")).check("db2", 4000)
    with pytest.raises(RefusedError, match="MB are free"):
        Exchange(str(tmp_path / "data"), str(tmp_path / "rebuild")).check("db2", 12000)


def test_tables_elsewhere_are_found_and_bytes_are_counted(exchange):
    assert exchange.links() == [] and exchange.size() > 0
    Path(exchange.new, "mysql", "t.isl").write_text("/elsewhere/t.ibd")
    assert exchange.links() == ["t.isl"]


def test_what_is_not_ours_stays(exchange):
    Path(exchange.directory, "notes").write_text("somebody's")
    exchange.remove()
    assert os.listdir(exchange.directory) == ["notes"]
