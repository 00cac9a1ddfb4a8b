# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a change whose plan is made again once the applier stands still."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from ansible_collections.replicaops.mysql.plugins.module_utils._core import channel_plan, refetch
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import POSITION, STOPPED, Coordinates
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import FAILED, LATER, NEVER, Statement
from ansible_collections.replicaops.mysql.plugins.module_utils._server import change
from ansible_collections.replicaops.mysql.plugins.module_utils._server.execute import Journal
from unit.made import channel, server, verbs

TAKEN = (("COMMIT", NEVER), ("BINLOG", LATER), ("one transaction", FAILED))


def test_the_source_is_asked_between_the_appliers_stop_and_the_receivers(monkeypatch):
    here = channel(mode=POSITION)
    stood = replace(here, applier=STOPPED, executed=Coordinates("binlog.000003", 700))
    events, noted = [], []

    def run(steps, *rest):
        events.extend(step.statement.display() for step in steps)

    def planned(now):
        proof = refetch.Evidence(True)
        return refetch.plan(verbs(), server(now), now, channel_plan.BOTH, "none", proof, "s")

    def again(now):
        events.append("the source is asked")
        return planned(now.channels[0])

    monkeypatch.setattr(change, "run", run)
    aim = SimpleNamespace(channel=here, connection=None, probed=None, read=lambda: server(stood))
    options = change.Options("replica_channel", "now")
    change._run(aim, planned(here), options, Journal(), again, lambda final, now: noted.append((final, now)))
    assert events == [
        "STOP REPLICA SQL_THREAD FOR CHANNEL ''",
        "the source is asked",
        "STOP REPLICA IO_THREAD FOR CHANNEL ''",
        "RESET REPLICA FOR CHANNEL ''",
        "CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE = 'binlog.000003', SOURCE_LOG_POS = 700 FOR CHANNEL ''",
        "START REPLICA FOR CHANNEL ''",
    ]
    final, now = noted[0]
    assert list(final.queries()) == [event for event in events if "asked" not in event] and now is stood


def test_what_a_broken_plan_has_left():
    kept, undone, whole = (Statement(word, taken_back=when) for word, when in TAKEN)
    assert not Journal([], [kept]).left_something(False)
    assert not Journal([undone], [undone, kept]).left_something(True), "the server rolls back when the client is gone"
    assert not Journal([undone], [whole]).left_something(False)
    assert Journal([undone], [whole]).left_something(True), "it may have been committed"
    assert Journal([undone], [kept]).left_something(False), "it may have done half of it"
    assert Journal([undone, whole], [undone]).left_something(False)
    assert Journal([undone, kept], []).left_something(False)
