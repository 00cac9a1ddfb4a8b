# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which methods of a rebuild come into question, in which order, and what is said about the one that is taken."""

from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import rebuild_method as methods
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError, RefusedError

ALL = {"source_password": "x", "backup_command": "cat x"}
GONE = RefusedError("build it", "db1:3306", "the source has purged its beginning.", "Use method: copy.")


@pytest.mark.parametrize(
    ("asked", "another", "given", "mariadb", "expected"),
    [
        ("auto", False, {}, False, ("copy", "replay")),
        ("auto", False, ALL, False, ("copy", "replay", "clone")),
        ("auto", False, ALL, True, ("copy", "replay", "backup")),
        ("auto", True, {"backup_command": ""}, True, ("copy", "replay")),
        ("replay", False, ALL, True, ("replay",)),
        ("replay", True, {}, True, ("replay", "copy")),
        ("clone", True, ALL, False, ("clone", "copy", "replay")),
    ],
)
def test_what_keeps_the_accounts_comes_first(asked, another, given, mariadb, expected):
    assert methods.order(asked, another, given, mariadb) == expected


def test_it_is_said_why():
    assert methods.reason("clone", "clone", ()) == "The method is clone, as asked for."
    assert methods.reason("copy", "auto", ()) == (
        "The method is copy: it needs only the two servers, and the accounts of this one stay."
    )
    told = methods.reason("copy", "replay", [("replay", GONE)])
    assert told.endswith(" accounts of this one stay. Not replay: the source has purged its beginning.")


def test_when_none_can_each_reason_is_told():
    assert methods.none_can([("replay", GONE)], "db2:3306") is GONE
    wrong = BadInputError("Method clone needs source_password")
    error = methods.none_can([("replay", GONE), ("clone", wrong)], "db2:3306")
    assert error.code == "refused" and str(error).startswith("Refused to build the replica anew on db2:3306: ")
    assert "not replay: the source has purged its beginning; not clone: Method clone needs" in str(error)
