# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report import runs
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report.incident import as_data, incident
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report.lines import folded, lines
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report.markup import VOID
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report.page import page
from ansible_collections.replicaops.mysql.plugins.module_utils._core.report.topology import topology

ONE, TWO = "11111111-aaaa-bbbb-cccc-000000000001", "11111111-aaaa-bbbb-cccc-000000000002"
AT = "2026-11-21 03:00:00 UTC"
HOSTILE = "</style><script src='http://x/'>&\"'"

SOURCE = {
    "verdict": "not_a_replica",
    "msg": "db1 is not a replica.",
    "server": {"identity": ONE, "uuid": ONE, "server_id": 1, "version_text": "9.7.4"},
    "gtid": {"executed": ONE + ":1-9", "purged": ""},
    "channels": [],
    "findings": [],
    "sources": [],
}
FINDING = {
    "code": "gtid_hole",
    "severity": "error",
    "channel": "",
    "summary": "Never applied: " + HOSTILE,
    "meaning": "They will not come by themselves.",
    "evidence": {"missing": ONE + ":3", "nothing": []},
    "remedies": [{"name": "refetch", "risk": "none", "meaning": "Fetch them again."}],
}
REPLICA = {
    "verdict": "diverged",
    "msg": "db2 is diverged.",
    "server": {"identity": TWO, "uuid": TWO, "server_id": 2, "version_text": "9.7.4"},
    "gtid": {"executed": "%s:1-2:4,%s:1" % (ONE, TWO), "purged": ""},
    "channels": [{"channel": "", "source_uuid": ONE, "source_host": "db1", "source_port": 3306, "verdict": "diverged",
                  "receiver": "running", "applier": "running"}],
    "findings": [FINDING],
    "sources": [{"channel": "", "name": "db1:3306", "gtid": SOURCE["gtid"], "reason": None}],
}  # fmt: skip
STEP = {"remedy": "refetch", "finding": "gtid_hole", "channel": "", "msg": "fetched",
        "queries": ["STOP REPLICA", HOSTILE], "records": ["/srv/1.json", "/srv/2.json"], "passed": []}  # fmt: skip
DONE = {"ok": True, "line": "Repaired (refetch).", "steps": [STEP], "proofs": [{"msg": "Proven: 4 rows."}]}
HOSTS = {
    "db1": {"diagnose_status": SOURCE, "replica_login_password": "secret"},
    "db2": {"repair_first": REPLICA, "repair_status": {**REPLICA, "verdict": "healthy", "findings": []},
            "repair_result": DONE},
}  # fmt: skip


class Page(HTMLParser):
    """Reads a page, fails on elements that are not closed in order, and keeps what it saw."""

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.attributes = [], Counter(), []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names[tag] += 1
        self.attributes.extend(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names[tag] += 1
        self.attributes.extend(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, name):
        return [value for key, value in self.attributes if key == name]


def repaired():
    return incident(HOSTS, "repair", AT)


def test_the_page_is_whole_and_needs_nothing_else():
    seen = Page(page(repaired()))
    assert seen.names["script"] == seen.names["link"] == seen.names["img"] == 0
    assert seen.values("src") == [] and all(link.startswith("#") for link in seen.values("href"))
    assert "url(" not in page(repaired()).split("</style>")[0]


def test_what_servers_say_cannot_become_markup():
    assert HOSTILE not in page(repaired())
    assert "&lt;/style&gt;&lt;script" in page(repaired())


def test_every_picture_has_words_and_every_reference_a_target():
    seen = Page(page(repaired()))
    ids = seen.values("id")
    assert len(ids) == len(set(ids)) and seen.names["svg"] == 2
    for reference in seen.values("aria-labelledby"):
        assert set(reference.split()) <= set(ids)
    for link in seen.values("href"):
        assert link[1:] in ids


def test_the_page_tells_what_was_found_and_done_and_how_to_undo_it():
    shown = page(repaired())
    for told in ("gtid_hole", "STOP REPLICA", "Proven: 4 rows.", ONE + ":3"):
        assert told in shown
    assert shown.index("undo_record=/srv/2.json") < shown.index("undo_record=/srv/1.json")
    assert "nothing" not in shown


def test_a_step_that_was_rolled_back_is_told_as_that():
    ended = {**DONE, "steps": [{**STEP, "rolled_back": True}]}
    told = incident({"db2": {"repair_status": REPLICA, "repair_result": ended}}, "repair", AT)
    assert told.stories[0].steps[0].told == "Rolled back. fetched"


def test_only_what_the_roles_left_is_looked_at():
    assert "secret" not in page(repaired()) and "secret" not in str(as_data(repaired()))


def test_a_host_that_could_not_be_read_is_not_hidden():
    told = incident({"db3": {}, **HOSTS}, "repair", AT)
    assert not told.ok
    assert lines(told)[:2] == [
        "Repair of 3 servers at %s: 2 good, 1 not." % AT,
        "!  db3 (unknown): It could not be looked at; the error is in the output of the run.",
    ]
    Page(page(told))


def test_a_diagnosis_is_good_only_where_replication_is():
    told = incident({"db1": {"diagnose_status": SOURCE}, "db2": {"diagnose_status": REPLICA}}, "diagnosis", AT)
    assert [story.ok for story in told.stories] == [True, False]


@pytest.mark.parametrize("number", [1, 18, 19, 60])
def test_a_summary_has_at_most_twenty_lines_and_names_the_bad_ones_first(number):
    hosts = {"db%d" % each: {"diagnose_status": REPLICA if each == number - 1 else SOURCE} for each in range(number)}
    shown = lines(incident(hosts, "diagnosis", AT), "/srv/report.html")
    assert len(shown) <= 20 and shown[-1] == "All of it: /srv/report.html"
    assert shown[1].startswith("!  db%d (diverged)" % (number - 1))
    assert (number > 18) == ("[" in shown[-2])
    if number == 60:
        assert shown[-2] == "   not a replica (59): db[0:58]"


def test_in_a_summary_no_server_is_hidden():
    odd = {"one": {}, "two": {"diagnose_status": REPLICA}, "db7b": {}}
    hosts = {**{"db%02d" % each: {"diagnose_status": SOURCE} for each in range(1, 200) if each != 17}, **odd}
    shown = lines(incident(hosts, "diagnosis", AT))
    assert len(shown) <= 20 and shown[0].endswith("198 good, 3 not.")
    assert [line.split()[1] for line in shown[1:4]] == ["one", "two", "db7b"]
    assert shown[-1] == "   not a replica (198): db[01:16], db[18:199]"


def test_many_that_are_not_good_share_lines_by_how_they_ended():
    hosts = {"db%02d" % each: {"diagnose_status": REPLICA if each % 2 else {}} for each in range(60)}
    shown = lines(incident(hosts, "diagnosis", AT))
    assert len(shown) == 20 and {line.split()[1] for line in shown[-2:]} == {"diverged", "unknown"}
    text = "\n".join(shown)
    assert all(host in text for host in hosts)


@pytest.mark.parametrize(
    "names, expected",
    [
        (["db9", "db10", "db8"], ["db[8:10]"]),
        (["db09", "db10", "db8"], ["db8", "db09", "db10"]),
        (["a1-b2", "a1-b3", "a1-b4", "a2-b4"], ["a1-b[2:4]", "a2-b4"]),
        (["db1.eu2", "db2.eu2", "db3.eu2"], ["db[1:3].eu2"]),
        (["x", "10.0.0.1", "", "10.0.0.2"], ["", "10.0.0.1", "10.0.0.2", "x"]),
    ],
)
def test_numbered_names_are_told_as_ranges(names, expected):
    assert sorted(folded(names)) == sorted(expected)


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="not of 'party'"):
        incident({}, "party", AT)


def stretches(row):
    return [(stretch.numbers, stretch.meaning) for stretch in row.stretches]


@pytest.mark.parametrize(
    "here, there, codes, expected",
    [
        (ONE + ":1-2:4", ONE + ":1-9", ["gtid_hole"],
         [("1-2", "applied"), ("3", "hole"), ("4", "applied"), ("5-9", "behind")]),
        (ONE + ":1-2:4", ONE + ":1-4", ["gtid_gap"], [("1-2", "applied"), ("3", "gap"), ("4", "applied")]),
        (ONE + ":1-7", ONE + ":1-5", ["lost_tail"], [("1-5", "applied"), ("6-7", "lost")]),
        (ONE + ":app:1-2", ONE + ":app:1-3", [], [("1-2", "applied"), ("3", "behind")]),
    ],
)  # fmt: skip
def test_what_the_numbers_of_the_source_mean(here, there, codes, expected):
    (row,) = runs.rows({"executed": here}, {"executed": there}, ONE, codes)
    assert stretches(row) == expected


@pytest.mark.parametrize(
    "codes, meaning", [(["errant"], "errant"), (["allowed_local"], "allowed"), (["errant", "allowed_local"], "errant")]
)
def test_what_only_the_replica_has(codes, meaning):
    _source, local = runs.rows({"executed": "%s:1,%s:1-3" % (ONE, TWO)}, {"executed": ONE + ":1"}, ONE, codes)
    assert (local.origin, stretches(local)) == (TWO, [("1-3", meaning)])


def test_what_the_source_purged_is_told_from_what_is_on_its_way():
    (row,) = runs.rows({"executed": ""}, {"executed": ONE + ":1-9", "purged": ONE + ":1-4"}, ONE, [])
    assert stretches(row) == [("1-4", "purged"), ("5-9", "behind")]


def test_domains_of_mariadb():
    found = runs.rows({"slave_pos": "0-1-5,2-1-8"}, {"binlog_state": "0-1-7,0-2-9,2-1-6"}, "", [])
    assert [(row.origin, stretches(row)) for row in found] == [
        ("domain 0", [("1-5", "applied"), ("6-9", "behind")]),
        ("domain 2", [("1-6", "applied"), ("7-8", "ahead")]),
    ]


def test_without_gtids_there_is_no_picture():
    assert runs.rows({"executed": None}, {"executed": None}, ONE, []) == []


def test_servers_stand_below_their_sources_and_rings_end():
    chain = {
        "leaf": {**REPLICA, "server": {"identity": "3", "uuid": "3"}, "channels": [{"source_uuid": TWO}]},
        "db2": REPLICA,
        "db1": SOURCE,
    }
    assert [(node.host, node.rank) for node in topology(chain).nodes] == [("db1", 0), ("db2", 1), ("leaf", 2)]
    ring = {"db1": {**SOURCE, "channels": [{"source_uuid": TWO}]}, "db2": REPLICA}
    assert len(topology(ring).links) == 2


def test_a_source_that_was_not_read_is_shown_by_its_address():
    (above, _replica) = topology({"db2": REPLICA}).nodes
    assert (above.host, above.verdict) == ("db1:3306", "unknown")


def test_a_verification_shows_proofs_and_no_servers_that_nobody_looked_at():
    proven = {"verify_result": {"proof": "rows_proven", "msg": "Proven: 4 rows."}}
    told = incident({"db2": proven, "db3": {"verify_failure": "db3 is not a replica."}}, "verification", AT)
    assert [(story.verdict, story.ok) for story in told.stories] == [("rows_proven", True), ("unknown", False)]
    assert lines(told)[1] == "!  db3 (unknown): db3 is not a replica."
    assert Page(page(told)).names["svg"] == 0
