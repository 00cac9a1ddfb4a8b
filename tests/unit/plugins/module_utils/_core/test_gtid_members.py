# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of what each member has and lacks."""

from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.replicaops.mysql.plugins.module_utils._core import gtid_members as rules
from ansible_collections.replicaops.mysql.plugins.module_utils._core.gtid_mysql import GtidSet
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Peer

A, B = "11111111-aaaa-bbbb-cccc-000000000001", "22222222-aaaa-bbbb-cccc-000000000002"


def server(executed, purged="", retrieved=""):
    channel = SimpleNamespace(retrieved=GtidSet.parse(retrieved))
    return SimpleNamespace(
        uuid=B, executed=GtidSet.parse(executed), purged=GtidSet.parse(purged), channels=(channel,), server_id=2
    )


def states(executed, source, **details):
    one = server(executed, retrieved=details.pop("retrieved", ""))
    member = rules.Member(Peer("db2", one), (source,), (source,), **details)
    return [(row.state, row.gtids) for row in rules.rows(member)]


def test_what_is_missing_is_told_by_why():
    source = server(A + ":1-20", purged=A + ":1-5")
    assert states(A + ":1-20", source) == [("in step", A + ":1-20")]
    assert states(A + ":1-18", source) == [("behind", A + ":19-20")]
    assert states(A + ":1-10:12-20", source) == [("gap", A + ":11")]
    assert states(A + ":1-10:12-20", source, holes=GtidSet.parse(A + ":11")) == [("hole", A + ":11")]
    assert states(A + ":1-3", source) == [("behind", A + ":6-20"), ("purged", A + ":4-5")]
    assert states(A + ":1-3", source, retrieved=A + ":4-5") == [("behind", A + ":4-20")]


def test_what_only_it_has_is_told_by_who_numbered_it():
    source = server(A + ":1-3")
    found = states(A + ":1-4," + B + ":1", source, errant=GtidSet.parse(B + ":1"), lost=GtidSet.parse(A + ":4"))
    assert found == [("errant", B + ":1"), ("lost", A + ":4")]


def test_a_member_that_could_not_be_read_is_unknown():
    row = rules.rows(rules.Member(Peer("db9", None, "no route")))[0]
    assert (row.state, row.shown) == ("unknown", ("no route",))
    assert not rules.agree([row], ()) and "db9 has unknown" in rules.sentence([row], ())


def test_the_table_is_short_and_names_servers():
    source = server(A + ":1-3")
    member = rules.Member(Peer("db2", server(A + ":1-2")), (source,), (source,))
    found = rules.rows(member)
    assert rules.agree(found, ()) and not rules.agree(found, ("x",))
    lines = rules.report(found, {A: "db1"}, ["db4 was not read"])
    assert lines[0].split() == ["server", "numbered", "by", "state", "transactions"]
    assert lines[1].startswith("db2") and "db1 (000001)" in lines[1] and "on their way" in lines[1]
    assert lines[2] == "unknown: db4 was not read"
    assert rules.sentence(found, ()) == "The members agree, but for what is on its way."


def test_what_is_undecided_is_no_agreement_and_no_disagreement():
    row = rules.Row("db2", A, "undecided", A + ":7")
    assert not rules.agree([row], ())
    open_one = "undecided: %s:7 of db2, logged in two forms that cannot be compared" % A
    assert rules.sentence([row], ()) == "Nothing disagrees as far as it is known; %s." % open_one
    assert rules.sentence([row], ["db4 was not read"]).endswith("compared; unknown: db4 was not read.")
    errant = rules.Row("db2", B, "errant", B + ":1")
    assert rules.sentence([row, errant], ()) == "The members disagree: db2 has errant (%s:1)." % B
