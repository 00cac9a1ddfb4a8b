# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins out of options, merged specs, results and diffs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("ansible")

from ansible_collections.replicaops.mysql.plugins.module_utils import _module
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import BadInputError
from ansible_collections.replicaops.mysql.plugins.module_utils._masked_module import HIDDEN, user_names, without_secrets
from unit.made import channel

TARGET = {
    "login_host": "db2",
    "login_port": 3307,
    "login_user": "repairer",
    "login_password": "hidden",
    "ca_cert": "/ca.pem",
    "check_hostname": False,
    "connect_timeout": 7,
}


def test_a_login_has_no_default_host():
    with pytest.raises(BadInputError, match="login_host"):
        _module.login_from({"login_port": 3306, "login_host": ""})
    assert _module.login_from({"login_unix_socket": "/s"}).unix_socket == "/s"
    found = _module.login_from(TARGET)
    assert (found.address, found.user, found.ca_cert, found.connect_timeout) == ("db2:3307", "repairer", "/ca.pem", 7)
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    "source, expected",
    [
        (None, ("db1:3306", "repairer", "hidden", "/ca.pem")),
        ({}, ("db1:3306", "repairer", "hidden", "/ca.pem")),
        ({"login_host": "vip", "login_port": None}, ("vip:3306", "repairer", "hidden", "/ca.pem")),
        ({"login_user": "a", "login_password": "b"}, ("db1:3306", "a", "b", "/ca.pem")),
        ({"ca_cert": "/other.pem"}, ("db1:3306", "repairer", "hidden", "/other.pem")),
        ({"login_unix_socket": "/s"}, ("/s", "repairer", "hidden", "/ca.pem")),
        ({"check_hostname": True}, ("db1:3306", "repairer", "hidden", None)),
    ],
)
def test_the_source_is_where_the_channel_says_unless_told(source, expected):
    found = _module.source_login({**TARGET, "source": source}, channel())
    assert (found.address, found.user, found.password, found.ca_cert) == expected


def test_the_sources_port_is_never_the_targets():
    assert _module.source_login({**TARGET, "source": None}, channel(source_port=3310)).port == 3310


@pytest.mark.parametrize(
    "source, named",
    [(None, False), ({}, False), ({"login_user": "a"}, False), ({"login_host": "h"}, True), ({"login_port": 1}, False)],
)
def test_a_source_is_named_by_its_place(source, named):
    assert _module.source_is_named({"source": source}) is named


def test_members_keep_their_names_and_inherit_the_account():
    members = [{"name": "m1", "login_host": "db3", "login_port": 3306, "login_user": None}]
    found = _module.member_logins({**TARGET, "members": members})
    assert [(login.name, login.address, login.user) for login in found] == [("m1", "db3:3306", "repairer")]
    with pytest.raises(BadInputError, match="m2"):
        _module.member_logins({**TARGET, "members": [{"name": "m2"}]})


def test_an_option_is_declared_once():
    with pytest.raises(ValueError, match="login_host"):
        _module.merge(_module.LOGIN_SPEC, {"login_host": {}})
    merged = _module.merge(_module.LOGIN_SPEC, _module.SOURCE_SPEC)
    merged["source"]["options"]["login_host"]["type"] = "int"
    assert _module.SOURCE_SPEC["source"]["options"]["login_host"]["type"] == "str"


def test_every_password_is_hidden():
    specs = [_module.LOGIN_SPEC, _module.SOURCE_SPEC["source"]["options"], _module.MEMBERS_SPEC["members"]["options"]]
    assert all(spec["login_password"]["no_log"] is True for spec in specs)


def test_names_of_users_are_found_and_secrets_hidden_at_any_depth():
    member = {"name": "db3", "login_user": "c", "login_password": None}
    options = {"login_user": "a", "login_password": "a", "source": {"master_user": "b", "master_password": "s"},
               "members": [member], "update_password": "always", "login_port": 3306}  # fmt: skip
    assert user_names(options) == {"a", "b", "c"}
    shown = without_secrets(options)
    assert (shown["login_user"], shown["login_password"], shown["update_password"]) == ("a", HIDDEN, "always")
    assert shown["source"] == {"master_user": "b", "master_password": HIDDEN} and shown["members"] == [member]


def outcome(check_mode=False, diff=True, changed=True, **more):
    module = SimpleNamespace(check_mode=check_mode, _diff=diff)
    return _module.result(module, changed, "done", ["STOP"], {"a": 1, "b": 2}, {"a": 1, "b": 3}, "id", "", **more)


def test_the_result_has_one_shape():
    found = outcome(pending=[])
    assert found["executed"] and found["diff"] == {"before": {"b": 2}, "after": {"b": 3}} and found["pending"] == []
    assert not outcome(check_mode=True)["executed"] and not outcome(changed=False)["executed"]
    assert "diff" not in outcome(diff=False)
    assert outcome(shown=("a",))["diff"] == {"before": {}, "after": {}}
