# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core import account_statement as accounts
from ansible_collections.replicaops.mysql.plugins.module_utils._core.ddl import UnknownStatement, parse
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import MASK

SHA = "CREATE USER 'a'@'%' "
SHA += "IDENTIFIED WITH 'caching_sha2_password' AS '$A$00A$O?\\\\\x1e\x10@+\\n\t1B\t,,\x151U>=~tQqn9iy'"


def one(sql):
    (account,) = accounts.wanted(parse(sql))
    return account.user, account.host, account.plugin, account.secret


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (SHA, ("a", "%", "caching_sha2_password", "$A$00A$O?\\\x1e\x10@+\n\t1B\t,,\x151U>=~tQqn9iy")),
        (SHA + " REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT", None),
        ("CREATE USER 'a'@'h' IDENTIFIED BY PASSWORD '*519D'", ("a", "h", "mysql_native_password", "*519D")),
        (
            "CREATE USER a IDENTIFIED BY 'password'",
            ("a", "%", "mysql_native_password", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"),
        ),
        ("CREATE USER a@localhost", ("a", "localhost", "", None)),
        ("CREATE USER a@b IDENTIFIED VIA unix_socket", ("a", "b", "unix_socket", None)),
    ],
)
def test_wanted(sql, expected):
    found = one(sql)
    assert found == (expected or one(SHA))


def test_several():
    found = accounts.wanted(parse("DROP USER 'a'@'x', b"))
    assert [str(account) for account in found] == ["'a'@'x'", "'b'@'%'"]


@pytest.mark.parametrize(
    "tail",
    ["REQUIRE SSL", "WITH MAX_USER_CONNECTIONS 1", "ACCOUNT LOCK", "PASSWORD EXPIRE", "DEFAULT ROLE r", "IDENTIFIED"],
)
def test_more_than_a_password_is_unknown(tail):
    with pytest.raises(UnknownStatement):
        accounts.wanted(parse("CREATE USER a@b %s" % tail))


def test_a_user_that_is_there():
    (account,) = accounts.wanted(parse("CREATE USER a IDENTIFIED BY 'password'"))
    same = {"plugin": "mysql_native_password", "authentication_string": account.secret}
    assert accounts.lacking_user(account, same) == ()
    assert accounts.lacking_user(account, {"plugin": "", "password": account.secret}) == ()
    for change, word in [
        ({"authentication_string": "*1"}, "password"),
        ({"plugin": "ed25519"}, "plugin"),
        ({"account_locked": "Y"}, "locked"),
        ({"ssl_type": "ANY"}, "TLS"),
        ({"is_role": "Y"}, "role"),
    ]:
        (phrase,) = accounts.lacking_user(account, {**same, **change})
        assert word in phrase
        assert account.secret not in phrase


def test_roles():
    (role,) = accounts.wanted(parse("CREATE ROLE r")) or [None]
    assert accounts.lacking_role(role, {"is_role": "Y"}) == ()
    assert accounts.lacking_role(role, {"is_role": "N"}) != ()
    assert accounts.lacking_role(role, {"account_locked": "Y", "authentication_string": ""}) == ()
    assert accounts.lacking_role(role, {"account_locked": "N", "authentication_string": ""}) != ()


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        (
            "CREATE USER 'a'@'%' IDENTIFIED BY 'plain-secret-1'",
            "CREATE USER 'a'@'%%' IDENTIFIED BY '%s'" % MASK,
        ),
        ("CREATE USER 'a'@'%' IDENTIFIED BY 'cut-off", "CREATE USER %s" % MASK),
        ("SET PASSWORD FOR 'a'@'h'='*ABC'", "SET PASSWORD FOR 'a'@'h'='%s'" % MASK),
        ("GRANT ALL ON *.* TO 'a'@'h' IDENTIFIED BY \"x''y\"", "GRANT ALL ON *.* TO 'a'@'h' IDENTIFIED BY '%s'" % MASK),
        ("ALTER TABLE t ADD c INT COMMENT 'x'", "ALTER TABLE t ADD c INT COMMENT 'x'"),
    ],
)
def test_masked(sql, shown):
    assert accounts.masked(sql) == shown
    error = "Error 'Operation CREATE USER failed for 'a'@'%%'' on query. Default database: ''. Query: '%s'"
    assert accounts.masked_error(error % sql) == error % shown


def test_repr_has_no_secret():
    assert "2470" not in repr(accounts.wanted(parse("CREATE USER a IDENTIFIED BY 'password'")))
