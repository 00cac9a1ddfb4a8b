# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pt-table-checksum says, turned into data, and what it is told."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import checksum_tool as rules

OUTPUT = """\
Checking if all tables can be checksummed ...
Starting checksum ...
            TS ERRORS  DIFFS     ROWS  DIFF_ROWS  CHUNKS SKIPPED    TIME TABLE
11-21T09:51:26      0      1        3          0       1       0   0.010 shop.a
11-21T09:51:26      2      0        0          0       1       0   0.010 shop.b
11-21T09:51:27      0      0      600          0       6       4   1.024 shop.c
"""


def row(**changed: object) -> dict[str, object]:
    return {
        "db": "shop", "tbl": "a", "chunks": 2, "open_chunks": 0, "ends": 1, "source_rows": 9, "differing": 0,
        "missing": 0, "extra": 0, **changed,
    }  # fmt: skip


def test_versions_and_what_they_cannot_run_on() -> None:
    assert rules.version("pt-table-checksum 3.2.1\n") == (3, 2, 1)
    assert rules.version("bash: not found") == ()
    assert "8.4" in rules.unfit((3, 2, 1), False, False, "")
    assert rules.unfit((3, 7, 1), False, False, "") == "" == rules.unfit((3, 2, 1), True, True, "")
    assert "connection" in rules.unfit((3, 2, 1), True, True, "a")
    assert "not pt-table-checksum" in rules.unfit((), True, False, "")


@pytest.mark.parametrize(
    ("status", "failed", "words"),
    [(0, False, ()), (16, False, ("rows differ",)), (16 | 32 | 64, False, ("rows differ", "it skipped chunks",
     "it skipped tables")), (8, True, ("it found no replica",)), (255, True, ("it died",)),
     (1, False, ("an error that did not end it",))],
)  # fmt: skip
def test_exit_bits(status: int, failed: bool, words: tuple[str, ...]) -> None:
    assert rules.meaning(status) == words
    assert rules.failed(status) is failed


def test_passwords_stand_in_the_file_only() -> None:
    assert rules.dsn("db1", 3307, "", "/tmp/x") == "h=db1,P=3307,F=/tmp/x"
    assert rules.dsn("", 3306, "/run/sock", "/tmp/x") == "S=/run/sock,F=/tmp/x"
    with pytest.raises(ValueError):
        rules.dsn("a,h=b", 1, "", "x")
    text = rules.login_file("me", 'a"b\\c', {"ssl-ca": "/ca", "ssl-cert": ""})
    assert text == '[client]\nuser="me"\npassword="a\\"b\\\\c"\nssl-ca="/ca"\n'


def test_arguments() -> None:
    given = rules.arguments("h=a", "work", [("s", "t"), ("s", "u")], "/empty", 30, 1, 0.5, "c1")
    assert given[:3] == ["--config", "/empty", "h=a"] and "--no-version-check" in given
    assert given[given.index("--tables") + 1] == "s.t,s.u" and given[-2:] == ["--channel", "c1"]
    assert rules.unsafe(("s", "a,b")) and rules.unsafe(("s.x", "t")) and not rules.unsafe(("s", "t-1"))


def test_results_in_the_shape_of_our_own() -> None:
    here = rules.found([row(), row(tbl="b", ends=0), row(tbl="c", differing=1, missing=2), row(tbl="d", open_chunks=1)])
    equal = rules.outcome(("shop", "a"), here, {}, "why")
    assert equal.equal and (equal.rows, equal.chunks, equal.method) == (9, 2, "pt-table-checksum")
    assert rules.outcome(("shop", "b"), here, {}, "why").undecided == "why"
    assert rules.outcome(("shop", "d"), here, {}, "").undecided and rules.outcome(("shop", "x"), here, {}, "").undecided
    different = rules.outcome(("shop", "c"), here, {}, "")
    assert different.differences[0].as_dict()["counts"] == {"changed": 0, "missing": 2, "extra": 0}
    assert not different.differences[0].complete
    assert "4 chunks skipped" in rules.outcome(("shop", "c"), {}, rules.skipped(OUTPUT), "").undecided


def test_what_it_printed() -> None:
    assert set(rules.skipped(OUTPUT)) == {"shop.b", "shop.c"}
    assert (
        rules.complaint("# A\nChecksumming shop.a: 1% 00:10 remain\n11-21T09:51:26 Cannot connect\n")
        == "Cannot connect"
    )
    assert rules.complaint("") == ""
