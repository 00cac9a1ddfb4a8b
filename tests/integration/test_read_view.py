# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read views on a source, on real servers: at a known point, and in nobody's way."""

from __future__ import annotations

import importlib
import threading

import pytest
from integration.comparing import (
    SIMPLE,
    proof_schema,
)
from integration.conftest import Pair
from lab.accounts import OBSERVER, REPAIRER
from lab.topology import Lab


@pytest.fixture(name="still")
def still_pair(well: Pair) -> Lab:
    return well.lab


@pytest.mark.modes("gtid")
def test_ddl_on_the_source_does_not_wait_for_the_read_view(still: Lab) -> None:
    with proof_schema(
        still,
        "CREATE TABLE proof.t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "INSERT INTO proof.t VALUES (1, 1)",
    ):
        core, server = (
            "ansible_collections.replicaops.mysql.plugins.module_utils." + part for part in ("_core", "_server")
        )
        connect, probe = importlib.import_module(server + ".connect"), importlib.import_module(server + ".probe")
        compare_rows, reading = (
            importlib.import_module(core + ".compare_rows"),
            importlib.import_module(server + ".compare_side"),
        )
        catalog, point = (importlib.import_module(server + name) for name in (".compare_catalog", ".snapshot_point"))
        account = connect.Login(still.source.host, still.source.port, REPAIRER.user, REPAIRER.password)
        with connect.connect(account) as view, still.source.connect("root") as other, other.cursor() as cursor:
            assert point.gives_locks_back(view, probe.probe(view))
            point.open_view(view, probe.probe(view), 30)
            table = catalog.describe(view, catalog.tables(view)["proof", "t"])
            statement = compare_rows.digest_statement(table, None, None)
            assert reading.Side(view, True).ask(statement)[0]["n"] == 1
            cursor.execute("SET SESSION lock_wait_timeout = 1")
            cursor.execute("INSERT INTO proof.t VALUES (2, 2)")
            assert reading.Side(view, True).ask(statement)[0]["n"] == 1
            cursor.execute("ALTER TABLE proof.t MODIFY v BIGINT")
            with pytest.raises(Exception) as caught:
                reading.Side(view, True).ask(statement)
            assert "changed while it was compared" in reading.reason_of(caught.value)


@pytest.mark.modes("gtid")
@pytest.mark.engine("mariadb")
def test_a_view_that_holds_locks_is_given_up_when_somebody_waits(still: Lab) -> None:
    with proof_schema(still, SIMPLE, "INSERT INTO proof.t VALUES (1)"):
        server = "ansible_collections.replicaops.mysql.plugins.module_utils._server"
        connect, probe = importlib.import_module(server + ".connect"), importlib.import_module(server + ".probe")
        reading, point = (
            importlib.import_module(server + ".compare_side"),
            importlib.import_module(server + ".snapshot_point"),
        )
        account = connect.Login(still.source.host, still.source.port, OBSERVER.user, OBSERVER.password)
        with connect.connect(account) as view, connect.connect(account) as watch:
            assert not point.gives_locks_back(view, probe.probe(view))
            point.open_view(view, probe.probe(view), 30)
            side = reading.Side(view, True, watch)
            assert side.ask("SELECT COUNT(*) AS n FROM proof.t") == [{"n": 1}]
            ddl = threading.Thread(target=lambda: still.source.execute("ALTER TABLE proof.t ADD COLUMN v INT"))
            ddl.start()
            try:
                still.replica.wait_until(lambda: point.is_waited_for(watch), 30, "the statement to wait")
                with pytest.raises(reading.YieldedError):
                    side.ask("SELECT COUNT(*) AS n FROM proof.t")
            finally:
                ddl.join(30)
                assert not ddl.is_alive()


@pytest.mark.modes("position")
@pytest.mark.engine("mysql")
def test_a_transaction_in_the_middle_of_its_commit_makes_the_point_doubtful(still: Lab) -> None:
    if still.flavour.version < (5, 7):
        pytest.skip("this server has no way to hold a commit between binlog and engine")
    server = "ansible_collections.replicaops.mysql.plugins.module_utils._server"
    connect, probe = importlib.import_module(server + ".connect"), importlib.import_module(server + ".probe")
    point = importlib.import_module(server + ".snapshot_point")
    account = connect.Login(still.source.host, still.source.port, OBSERVER.user, OBSERVER.password)
    with proof_schema(still, SIMPLE), connect.connect(account) as view, connect.connect(account) as other:
        probed = probe.probe(view)
        before = point.end(other, probed)
        still.source.execute("SET GLOBAL binlog_group_commit_sync_delay = 1000000")
        committing = threading.Thread(target=lambda: still.source.connect("root").cursor().execute(
            "INSERT INTO proof.t VALUES (1)"))  # fmt: skip
        try:
            committing.start()
            still.source.wait_until(lambda: point.end(other, probed) != before, 10, "the transaction in the binlog")
            doubtful = point.open_view(view, probed, 10, 0.0)
            assert doubtful.doubtful
            assert doubtful.coordinates != before.coordinates
            assert view.one("SELECT COUNT(*) AS n FROM proof.t") == {"n": 0}
            point.close_view(view)
            certain = point.open_view(view, probed, 10, 10.0)
            assert not certain.doubtful
            assert certain.coordinates == doubtful.coordinates
            assert view.one("SELECT COUNT(*) AS n FROM proof.t") == {"n": 1}
            point.close_view(view)
        finally:
            committing.join(30)
            still.source.execute("SET GLOBAL binlog_group_commit_sync_delay = 0")
