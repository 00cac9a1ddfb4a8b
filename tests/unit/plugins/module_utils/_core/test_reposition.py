# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way on from where the data was found, without a server."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import REMEDIES
from ansible_collections.replicaops.mysql.plugins.module_utils._core.reposition import way

U = "11111111-aaaa-bbbb-cccc-000000000001"
FIRST = {"file": "binlog.000003", "position": 100, "gtid_set": ""}
LAST = {"file": "binlog.000003", "position": 900, "gtid_set": ""}
AT = {"file": "binlog.000003", "position": 900}


def found(kind, gtids="", lacking="", **more):
    """A result of binlog_locate."""
    made = {"kind": kind, "msg": "This was found.", "coordinates": None, "gtid_set": gtids, "gtids_to_append": lacking}
    made.update(range=None, applied=None, mixed=None)
    if kind == "boundary":
        made["coordinates"] = AT
    if kind == "range":
        made["range"] = {"first": {**FIRST, "gtid_set": gtids}, "last": {**LAST, "gtid_set": gtids}}
    if kind == "mixed":
        made["mixed"] = {"first": FIRST, "last": {**LAST, "gtid_set": gtids}}
    if kind == "applied_set":
        made["applied"] = {"all_before": FIRST, "none_after": {**LAST, "gtid_set": U + ":1-9"}, "rows_only": True}
    return {**made, **more}


def test_by_coordinates_one_position_is_all_that_is_needed():
    on = way(found("boundary"), "position", "reposition")
    assert on.possible and on.position == AT and not on.gtids and not on.heal
    maria = way(found("boundary", "0-1-9"), "position", "reposition")
    assert maria.position == AT and not maria.gtids


def test_by_gtid_what_is_lacking_counts_as_executed():
    on = way(found("boundary", U + ":1-9", U + ":6-9"), "gtid", "gtid_append")
    assert on.possible and on.gtids == U + ":6-9" and not on.position
    assert way(found("boundary", "0-1-9"), "gtid", "gtid_append").gtids == "0-1-9"


def test_a_mysql_set_gets_no_hole_behind_a_channel_that_goes_by_coordinates():
    located = found("boundary", U + ":1-9", U + ":6-9")
    on = way(located, "position", "gtid_append")
    assert on.possible and on.gtids == U + ":6-9" and not on.position
    refused = way(located, "position", "reposition")
    assert not refused.possible and "hole" in refused.reason
    assert way(found("boundary", U + ":1-9"), "position", "reposition").position == AT


@pytest.mark.parametrize("kind", ["mixed", "applied_set"])
def test_rows_are_brought_to_the_end_of_the_range_first(kind):
    on = way(found(kind), "position", "heal_rows")
    assert on.heal == {"from": {"file": "binlog.000003", "position": 100}, "to": AT}
    assert way(found(kind), "position").heal == on.heal
    for remedy in ("reposition", "gtid_append"):
        other = way(found(kind), "position", remedy)
        assert not other.possible and "heal_rows" in other.reason


def test_rows_of_a_range_are_healed_by_gtid_too():
    on = way(found("mixed", U + ":1-9"), "gtid", "heal_rows")
    assert on.possible and on.heal and on.gtids == U + ":1-9" and not on.position


def test_an_exact_set_needs_no_rows_where_sets_can_say_it():
    on = way(found("applied_set", U + ":1-5:7", U + ":7"), "gtid", "gtid_append")
    assert on.possible and on.gtids == U + ":7" and not on.heal
    assert not way(found("applied_set", U + ":1-5:7", U + ":7"), "gtid", "heal_rows").possible


def test_definitions_among_what_is_missing_cannot_be_healed_by_rows():
    located = found("applied_set")
    located["applied"]["rows_only"] = False
    assert not way(located, "position").possible


@pytest.mark.parametrize("kind", ["range", "not_at_any_boundary", "undecided"])
def test_anything_else_needs_a_person(kind):
    on = way(found(kind), "position")
    assert not on.possible and on.reason == "This was found."


def test_a_person_takes_one_end_of_a_range():
    assert way(found("range"), "position", choice="last").position == AT
    assert way(found("range", U + ":1-9"), "gtid", choice="last").gtids == U + ":1-9"


def test_where_all_is_said_already_nothing_is_to_be_done():
    on = way(found("boundary", U + ":1-9"), "gtid")
    assert not on.possible and on.needless and "nothing to change" in on.reason
    assert on.as_dict()["heal"] == {}


def test_a_range_says_what_must_not_run_a_second_time():
    located = found("range")
    assert way(located, "position").unsafe == ()
    located["range"]["runs_again"] = True
    refused = way(located, "position")
    assert not refused.possible and "second time" in refused.reason
    assert {"skip_present", "heal_failing", "restart"} <= set(refused.unsafe)
    assert set(refused.unsafe) <= set(REMEDIES) and "reposition" not in refused.unsafe
    taken = way(located, "position", choice="last")
    assert taken.possible and taken.as_dict()["unsafe"] == []
