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
        ("CREATE USER 'a'@'%' IDENTIFIED BY 'cut-off", "CREATE USER 'a'@'%%' IDENTIFIED BY %s" % MASK),
        (
            "CREATE USER a IDENTIFIED BY 'one', b IDENTIFIED BY 'it''s \"c",
            "CREATE USER a IDENTIFIED BY '%s', b IDENTIFIED BY '%s' %s" % (MASK, MASK, MASK),
        ),
        ("SET PASSWORD /* 'x' */ = 'y' -- z", "SET PASSWORD %s = '%s' -- z" % (MASK, MASK)),
        ("/* 'x' CREATE USER a IDENTIFIED BY 'y'", MASK),
        ("SET PASSWORD FOR 'a'@'h'='*ABC'", "SET PASSWORD FOR 'a'@'h'='%s'" % MASK),
        ("GRANT ALL ON *.* TO 'a'@'h' IDENTIFIED BY \"x''y\"", "GRANT ALL ON *.* TO 'a'@'h' IDENTIFIED BY '%s'" % MASK),
        ("ALTER TABLE t ADD c INT COMMENT 'x'", "ALTER TABLE t ADD c INT COMMENT 'x'"),
        ("SET PASSWORD = PASSWORD('plain')", "SET PASSWORD = PASSWORD('%s')" % MASK),
        ("SET PASSWORD='cut-off", "SET PASSWORD= %s" % MASK),
        ("ALTER USER a@b IDENTIFIED WITH p AS 0x24412430", "ALTER USER a@b IDENTIFIED WITH p AS %s" % MASK),
        ("CREATE USER a /*!50000 IDENTIFIED BY 'x' */", "CREATE USER a %s" % MASK),
        (
            "CREATE USER 'a'@'h' IDENTIFIED BY 'x\\', 'b'@'h' IDENTIFIED BY 'y'",
            "CREATE USER 'a'@'h' IDENTIFIED BY %s" % MASK,
        ),
        (
            "CREATE USER 'a'@'h' IDENTIFIED WITH 'p' AS '$A$005$x\\'y' REQUIRE NONE",
            "CREATE USER 'a'@'h' IDENTIFIED WITH '%s' AS %s" % (MASK, MASK),
        ),
        ("CREATE USER 'a'@'h' IDENTIFIED BY 'x\\ny'", "CREATE USER 'a'@'h' IDENTIFIED BY '%s'" % MASK),
    ],
)
def test_masked(sql, shown):
    assert accounts.masked(sql) == shown
    error = "Error 'Operation CREATE USER failed for 'a'@'%%'' on query. Default database: ''. Query: '%s'"
    assert accounts.masked_error(error % sql) == error % shown
    assert accounts.masked_error(error % shown) == error % shown


HASH = "*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29"


@pytest.mark.parametrize(
    "text",
    [
        "Error 'x' on query. Default database: ''. Query: 'CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '{0}''",
        "Error 'x' on query. Default database: ''. Query: 'CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '{0}', 'b'@'h' I",
        "Error 'x' on query. Default database: ''. Query: 'CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '{0}",
        "Query caused different errors on master and slave. Default database:''. Query:'SET PASSWORD FOR a@'h'='{0}''",
        "Error 'You have an error in your SQL syntax; check near 'BY PASSWORD '{0}'' at line 1' on query. Default"
        " database: ''. Query: 'CREATE USER 'a'@'%' IDENTIFIED BY PASSWORD '{0}''",
    ],
)
@pytest.mark.parametrize("secret", [HASH, "plain-secret-1"])
def test_no_secret_in_an_error(text, secret):
    shown = accounts.masked_error(text.format(secret))
    assert secret[:9] not in shown and MASK in shown
    assert shown.startswith(text[:20])
    assert accounts.masked_error(shown) == shown


def test_a_stored_password_is_masked_wherever_it_stands():
    assert accounts.masked_error("The password hash %s is wrong" % HASH) == "The password hash %s is wrong" % MASK


def test_an_error_without_a_secret_is_left_alone():
    text = "Error 'near 'x' at line 1' on query. Default database: 'd'. Query: 'ALTER TABLE t ADD c INT COMMENT 'x''"
    assert accounts.masked_error(text) == text
    assert accounts.masked_error("Could not read 1 * 2") == "Could not read 1 * 2"


def test_a_row_of_the_status():
    text = "Error 'x' on query. Default database: ''. Query: 'CREATE USER a IDENTIFIED BY 'geheim''"
    row = {"Last_SQL_Error": text, "LAST_ERROR_MESSAGE": text, "Last_Errno": 1396, "Last_Error": None, "File": "b.1"}
    shown = accounts.masked_row(row)
    assert "geheim" not in str(shown)
    assert {name: shown[name] for name in ("Last_Errno", "Last_Error", "File")} == {
        "Last_Errno": 1396, "Last_Error": None, "File": "b.1"
    }  # fmt: skip


def test_repr_has_no_secret():
    assert "2470" not in repr(accounts.wanted(parse("CREATE USER a IDENTIFIED BY 'password'")))
