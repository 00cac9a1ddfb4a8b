# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs table_compare in tests, and gives it something to compare."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

from integration.playbook import assert_no_secret, login
from lab.accounts import OBSERVER
from lab.server import Server
from lab.topology import Lab

MODULE = "ansible_collections.replicaops.mysql.plugins.modules.table_compare"


COLLECTIONS = str(Path(next(iter(importlib.import_module("ansible_collections.replicaops").__path__))).parents[1])


SIMPLE = "CREATE TABLE proof.t (id INT PRIMARY KEY) ENGINE=InnoDB"


def arguments(replica: Server, tables: Any, options: Dict[str, Any]) -> Dict[str, Any]:
    """The module's arguments: an observer's account on the source is enough."""
    given = {**login(replica), "source": {"login_user": OBSERVER.user, "login_password": OBSERVER.password}, **options}
    return {**given, "tables": list(tables)} if tables else given


def start(replica: Server, tables: Any = ("proof.*",), **options: Any) -> subprocess.Popen[str]:
    """Start the module by itself, as the target's Python runs it; it reads its arguments from standard input."""
    given = arguments(replica, tables, options)
    given["_ansible_check_mode"] = given.pop("check", False)
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": COLLECTIONS},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    process.stdin.close()
    process.stdin = None
    return process


def compare(replica: Server, tables: Any = ("proof.*",), **options: Any) -> Dict[str, Any]:
    """Run the module against a replica to its end; its result, with ``failed``."""
    process = start(replica, tables, **options)
    output, errors = process.communicate(timeout=300)
    assert_no_secret(output + errors)
    result = json.loads(output)
    assert (process.returncode != 0) == bool(result.get("failed")), errors
    return {"failed": False, **result}


def different(result: Dict[str, Any]) -> Dict[str, List[Dict[str, Any]]]:
    """What differs, by table."""
    found: Dict[str, List[Dict[str, Any]]] = {}
    for entry in result["different"]:
        found.setdefault(entry["table"], []).append(entry)
    return found


def reasons(result: Dict[str, Any]) -> Dict[str, str]:
    """Why tables are undecided."""
    return {entry["table"]: entry["reason"] for entry in result["undecided"]}


def applier(lab: Lab) -> str:
    """Whether the applier runs."""
    return str(lab.status(lab.links[0])[lab.flavour.words.sql_running])


def until(lab: Lab) -> str:
    """The UNTIL condition that the applier has, or had when it stopped."""
    return str(lab.status(lab.links[0]).get("Until_Condition") or "None")


def make(lab: Lab, *statements: str) -> None:
    """A fresh schema on both sides, with the statements run on the source."""
    lab.source.execute("DROP DATABASE IF EXISTS proof", "CREATE DATABASE proof CHARACTER SET latin1", *statements)
    lab.wait_in_sync()


@contextlib.contextmanager
def proof_schema(lab: Lab, *statements: str) -> Iterator[None]:
    """The schema, for the length of a test."""
    make(lab, *statements)
    try:
        yield
    finally:
        lab.replica.execute_unlogged("CREATE DATABASE IF NOT EXISTS proof")
        lab.source.execute("DROP DATABASE IF EXISTS proof")
        lab.wait_in_sync()


@contextlib.contextmanager
def writers(server: Server, count: int = 3) -> Iterator[List[int]]:
    """Sessions which write without a pause and give up at the first lock they have to wait for."""
    stop, written, errors = threading.Event(), [0] * count, []

    def work(number: int) -> None:
        try:
            with server.connect("root") as connection, connection.cursor() as cursor:
                cursor.execute("SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 1")
                while not stop.is_set():
                    cursor.execute("INSERT INTO proof.w%d (v) VALUES (RAND())" % number)
                    cursor.execute("UPDATE proof.w%d SET v = v + 1 ORDER BY id DESC LIMIT 3" % number)
                    connection.commit()
                    written[number] += 1
                    stop.wait(0.005)  # so that the replica can keep up on a machine with few cores
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not errors, errors


def delay(lab: Lab, seconds: int) -> None:
    """Give the channel a delay, so that the applier is on its way to the point for so long."""
    lab.replica.stop_replica()
    words = lab.flavour.words
    lab.replica.execute("%s TO %s_DELAY = %d" % (words.change, words.prefix, seconds))
    lab.replica.start_replica()
