# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords go nowhere: not into output at -vvv, logs, reports, undo records, or what a host lists of its processes."""

from __future__ import annotations

import html
import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Set
from urllib.parse import quote

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.accounts import grants
from integration.conftest import Pair
from integration.playbook import run_playbook
from integration.test_repair import dropped, host, stops
from lab.accounts import Account
from lab.compare import compare

FULL = os.environ.get("REPLICA_TEST_MATRIX") == "full"
ODD = Account("odd", 'pa\'ss "wörd" \\ €# ', "repairer")


def forms(password: str) -> Set[str]:
    """A password as it may be written down."""
    return {
        password, json.dumps(password)[1:-1], json.dumps(password, ensure_ascii=False)[1:-1], repr(password)[1:-1],
        quote(password), html.escape(password), html.escape(json.dumps(password)[1:-1]),
        password.replace("\\", "\\\\").replace("'", "\\'"), password.replace("'", "''"),
    }  # fmt: skip


class Processes(threading.Thread):
    """Looks at the arguments of every process, again and again."""

    def __init__(self, wanted: Set[str]) -> None:
        super().__init__(daemon=True)
        self.wanted, self.looks, self.found = {text.encode() for text in wanted}, 0, []  # type: ignore[var-annotated]
        self._done = threading.Event()

    def __enter__(self) -> Processes:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        """Until it is told to stop."""
        while not self._done.wait(0.02):
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                self.found += [line for text in self.wanted if text in line]


def given(pair: Pair, account: Account) -> None:
    """Give both servers the account."""
    literal = "'%s'" % account.password.replace("\\", "\\\\").replace("'", "\\'")
    flavour = pair.lab.flavour
    for server in (pair.source, pair.replica):
        server.execute_unlogged(
            "CREATE USER %s IDENTIFIED BY %s" % (account.sql, literal),
            *grants(flavour.engine, (*flavour.version, 99), account.role, account.sql),
        )


def taken(pair: Pair, account: Account) -> None:
    """Take it away again."""
    for server in (pair.source, pair.replica):
        server.execute_unlogged("DROP USER %s" % account.sql)


def played(pair: Pair, account: Account, folder: Path) -> Dict[str, str]:
    """Diagnose, repair and verify a replica with a row in the way: everything that is written down, by what it is."""
    pair.replica.execute_unlogged("INSERT INTO shop.t VALUES (900, 'of the replica')")
    pair.source.execute("INSERT INTO shop.t VALUES (900, 'of the source')")
    stops(pair)
    mine = {"replica_login_user": account.user, "replica_login_password": account.password}
    inventory = {"all": {"hosts": {"replica": {**host(pair.replica), **mine}}}}
    variables: Dict[str, Any] = {"target": "replica", "repair_record_dir": str(folder / "records")}
    variables["report_dir"] = str(folder / "records")
    written: Dict[str, str] = {}
    for name in ("diagnose", "repair", "verify") if FULL else ("repair",):
        environment = {"ANSIBLE_LOG_PATH": str(folder / (name + ".log"))}
        more = ["-vvv", "-e", json.dumps(variables)]
        run = run_playbook("replicaops.mysql." + name, inventory, more, environment=environment)
        assert run.code == 0, run.output
        written[name] = run.output
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            written[str(path.relative_to(folder))] = path.read_text("utf-8")
    assert compare(pair.source, pair.replica) == []
    pair.source.execute("DELETE FROM shop.t WHERE id = 900")
    pair.lab.wait_in_sync()
    return written


def pointed(pair: Pair, account: Account) -> str:
    """What a plan shows that lets the channel log in as the account."""
    wanted = {"source_user": account.user, "source_password": account.password, "update_password": "always"}
    mine = {"login_host": pair.replica.host, "login_port": pair.replica.port, "source": {}}
    mine.update(login_user=account.user, login_password=account.password)
    tasks = [{"replicaops.mysql.change_master": {**mine, **wanted}, "register": "done"}, {"debug": {"var": "done"}}]
    tasks += [{"replicaops.mysql.change_master": {**mine, **wanted, "login_port": 1}, "ignore_errors": True}]
    hosts = {"all": {"hosts": {"replica": {"ansible_connection": "local"}}}}
    environment = {"ANSIBLE_INJECT_INVOCATION": "1"}
    plays = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    run = run_playbook(plays, hosts, ["-vvv", "--check", "--diff"], environment=environment)
    assert run.code == 0 and len(run.tasks) == 3, run.output
    return run.output


def test_a_password_of_quotes_and_letters_of_all_kinds_is_nowhere(well: Pair, tmp_path: Path) -> None:
    with dropped(well):
        given(well, ODD)
        with Processes(forms(ODD.password)) as processes:
            written = played(well, ODD, tmp_path)
        assert processes.looks and not processes.found
        assert {Path(name).suffix for name in written} >= {"", ".log", ".json", ".html"}, sorted(written)
        for name, text in written.items():
            assert not [form for form in forms(ODD.password) if form in text], name


@pytest.mark.skipif(not FULL, reason="a minute: REPLICA_TEST_MATRIX=full")
def test_a_password_that_is_the_name_of_its_user_is_where_the_name_is(well: Pair, tmp_path: Path) -> None:
    """And as many times as with another password, so that nobody sees from it what the password is."""
    with dropped(well):
        counted: List[Counter[str]] = []
        for number, password in enumerate(("another-one-4711", "samename")):
            account = Account("samename", password, "repairer")
            given(well, account)
            written = played(well, account, tmp_path / str(number))
            written["change_master"] = pointed(well, account)
            taken(well, account)
            # The undo records have the time in their names.
            shown = Counter(
                Path(name).suffix or name for name, text in written.items() for _each in range(text.count("samename"))
            )
            counted.append(shown)
        assert counted[0] == counted[1] and counted[0]["change_master"]
