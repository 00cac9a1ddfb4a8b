# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics in Prometheus' text format."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.replicaops.mysql.plugins.module_utils._core.metrics import HELP, exposition

UUID = "11111111-aaaa-bbbb-cccc-000000000002"


def status(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"verdict": "diverged", "channels": [{"channel": "east"}, {"channel": "west"}], "findings": list(findings)}


def finding(code: str, channel: str, **evidence: str) -> dict[str, Any]:
    return {"code": code, "severity": "error", "channel": channel, "evidence": evidence}


def samples(statuses: dict[str, Any]) -> dict[str, str]:
    lines = exposition(statuses, 12.5).splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_every_line_is_of_the_format_and_every_family_is_told_once() -> None:
    text = exposition({'a "host"\\': status(finding("errant", "east", transactions=UUID + ":1-3"))}, 1.0)
    sample = r'replicaops_replica_[a-z_]+\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\} -?[0-9.e+]+'
    lines = text.splitlines()
    assert text.endswith("\n") and all(line.startswith("# ") or re.fullmatch(sample, line) for line in lines)
    assert [line.split()[2] for line in lines if line.startswith("# TYPE")] == [
        "replicaops_replica_" + one for one in HELP
    ]


def test_transactions_are_counted_by_channel() -> None:
    found = samples(
        {
            "db2": status(
                finding("errant", "east", transactions=UUID + ":1-3:7"),
                finding("gtid_hole", "west", missing=UUID + ":5"),
                finding("applier_stalled", "west"),
            )
        }
    )
    here = {key[len("replicaops_replica_") :]: value for key, value in found.items()}
    assert here['errant_transactions{host="db2",channel="east"}'] == "4"
    assert here['errant_transactions{host="db2",channel="west"}'] == "0"
    assert here['hole_transactions{host="db2",channel="west"}'] == "1"
    assert here['applier_stalled{host="db2",channel="west"}'] == "1"
    assert here['applier_stalled{host="db2",channel="east"}'] == "0"
    assert here['looked_timestamp_seconds{host="db2"}'] == "12.5"


def test_one_verdict_is_1_and_the_others_are_0() -> None:
    found = {key: value for key, value in samples({"db2": status()}).items() if "verdict{" in key}
    assert [key for key, value in found.items() if value == "1"] == [
        'replicaops_replica_verdict{host="db2",verdict="diverged"}'
    ]
    assert len(found) > 5


def test_positions_of_mariadb_count_as_one_where_there_are_some() -> None:
    found = samples({"db2": status(finding("errant", "east", transactions="0-2-17"))})
    assert found['replicaops_replica_errant_transactions{host="db2",channel="east"}'] == "1"


def test_a_server_that_was_not_read_is_down_and_nothing_else() -> None:
    found = samples({"db2": {}, "db3": {"failed": True, "msg": "no"}})
    assert {key: value for key, value in found.items() if "up{" in key} == {
        'replicaops_replica_up{host="db2"}': "0",
        'replicaops_replica_up{host="db3"}': "0",
    }
    assert not any("verdict" in key or "finding" in key for key in found)


def test_the_age_of_the_oldest_gap_is_told_of_every_channel_that_was_read() -> None:
    gaps = {"db2": {"east": [{"since": 3.0, "missing": UUID + ":5"}, {"since": 1.5, "missing": UUID + ":3"}]}}
    lines = exposition({"db2": status(), "db3": {}}, 12.5, gaps).splitlines()
    assert [line for line in lines if line.startswith("replicaops_replica_oldest_gap")] == [
        'replicaops_replica_oldest_gap_age_seconds{host="db2",channel="east"} 11',
        'replicaops_replica_oldest_gap_age_seconds{host="db2",channel="west"} 0',
    ]


def test_a_gap_is_never_younger_than_nothing() -> None:
    gaps = {"db2": {"east": [{"since": 99.0, "missing": UUID + ":5"}]}}
    assert 'oldest_gap_age_seconds{host="db2",channel="east"} 0' in exposition({"db2": status()}, 12.5, gaps)


def test_nothing_is_told_of_ages_that_nobody_follows() -> None:
    assert not any("gap_age" in key for key in samples({"db2": status()}))
