# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo records on disk."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, ReplicaError
from ansible_collections.replicaops.mysql.plugins.module_utils._core.plan import Plan
from ansible_collections.replicaops.mysql.plugins.module_utils._core.record import build
from ansible_collections.replicaops.mysql.plugins.module_utils._server import record as store
from ansible_collections.replicaops.mysql.plugins.module_utils._server.lock import lock_name
from unit.made import channel, server


def made(time="20261120T233000.000001Z"):
    here = channel()
    return build("replica_channel", server(here), here, Plan("s"), time)


def test_a_record_is_whole_and_only_its_owner_can_read_it(tmp_path):
    directory = tmp_path / "a" / "b"
    path = store.write(str(directory), made())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    assert store.read(path) == json.loads(json.dumps(made()))
    store.replace(path, {**made(), "outcome": "done"})
    assert store.read(path)["outcome"] == "done" and os.listdir(directory) == [os.path.basename(path)]


def test_a_record_is_never_overwritten_by_another(tmp_path):
    store.write(str(tmp_path), made())
    with pytest.raises(ReplicaError, match="there already"):
        store.write(str(tmp_path), made())
    assert store.write(str(tmp_path), made("20261120T233000.000002Z"))


def test_a_failed_write_leaves_the_old_record_and_nothing_else(tmp_path):
    path = store.write(str(tmp_path), made())
    with pytest.raises(ReplicaError):
        store.replace(path, {"not": {"json", "able"}})
    assert store.read(path)["schema"] == 1 and len(os.listdir(tmp_path)) == 1


def test_a_directory_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReplicaError, match="record_dir"):
        store.write(str(tmp_path / "file"), made())


@pytest.mark.parametrize("content", ["", "[]", "{", '{"schema": 9}'])
def test_what_is_no_record_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadInputError):
        store.read(str(tmp_path / "x.json"))


def test_a_missing_record_is_bad_input(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        store.read(str(tmp_path / "none"))


def test_the_newest_records_come_first_and_what_is_none_is_left_out(tmp_path):
    paths = [store.write(str(tmp_path), made("20261120T23300%d.000001Z" % second)) for second in range(3)]
    (tmp_path / "99999999T999999-not-one.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("nothing")
    found = list(store.newest(str(tmp_path), 10))
    assert [path for path, _record in found] == paths[::-1]
    assert found[0][1] == store.read(paths[2])
    assert [path for path, _record in store.newest(str(tmp_path), 2)] == [paths[2]]
    module = found[0][1]["module"]
    assert [path for path, _record in store.newest(str(tmp_path), 1, module)] == [paths[2]], "counted of these alone"
    assert list(store.newest(str(tmp_path), 10, "another")) == []
    assert list(store.newest(None, 10)) == list(store.newest(str(tmp_path / "nowhere"), 10)) == []


def test_lock_names_fit_and_differ():
    long = "c" * 64
    names = {lock_name(name) for name in ("", "c1", "c2", long, long[:-1] + "d")}
    assert len(names) == 5 and all(len(name) <= 64 for name in names)
    assert lock_name("C1") == lock_name("c1")
