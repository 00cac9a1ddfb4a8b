# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of connecting and reading that need no server; the texts of errors are those of real servers."""

from __future__ import annotations

import datetime
import ssl
from decimal import Decimal

import pytest
from ansible_collections.replicaops.mysql.plugins.module_utils._core.errors import (
    ConnectError,
    IdentityError,
    PrivilegeError,
    ServerError,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.statement import MASK, Statement
from ansible_collections.replicaops.mysql.plugins.module_utils._server import connect as connecting
from ansible_collections.replicaops.mysql.plugins.module_utils._server import (
    driver_errors,
    identity,
    literals,
    option_file,
    reader,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._server.connect import Login

pymysql = pytest.importorskip("pymysql")


def test_a_password_is_never_shown():
    login = Login(host="db2", user="observer", password="hidden-words")
    assert "hidden-words" not in repr(login) and "hidden-words" not in str(login)
    assert "observer" in repr(login)


@pytest.mark.parametrize(
    ("login", "address"),
    [
        (Login(host="db2"), "db2:3306"),
        (Login(host="db2", port=3307), "db2:3307"),
        (Login(host="2001:db8::5"), "[2001:db8::5]:3306"),
        (Login(unix_socket="/run/mysqld.sock"), "/run/mysqld.sock"),
    ],
)
def test_addresses(login, address):
    assert login.address == address


@pytest.mark.parametrize(
    ("login", "wanted"),
    [
        (Login(host="db2"), False),
        (Login(host="db2", check_hostname=False), False),
        (Login(host="db2", check_hostname=True), True),
        (Login(host="db2", ca_cert="/ca.pem"), True),
        (Login(host="db2", client_cert="/c.pem", client_key="/k.pem"), True),
        (Login(unix_socket="/s", ca_cert="/ca.pem"), False),
    ],
)
def test_when_tls_is_a_must(login, wanted):
    assert login.wants_tls is wanted


def test_a_host_is_never_assumed():
    with pytest.raises(ConnectError, match="neither a host nor a socket") as raised:
        connecting.connect(Login(user="observer"))
    assert raised.value.context == {"errno": 0}


def test_host_and_port_of_the_option_file_do_not_replace_those_given(tmp_path):
    path = tmp_path / "my.cnf"
    path.write_text("[client]\nuser=me\npassword=pw\nhost=other\nport=9\nsocket=/elsewhere\nssl-ca=/ca.pem\n")
    login = connecting._completed(Login(host="db2", config_file=str(path)))
    assert (login.host, login.port, login.unix_socket) == ("db2", 3306, None)
    assert (login.user, login.password, login.ca_cert) == ("me", "pw", "/ca.pem")


def test_the_option_file_may_name_the_server_when_nobody_else_does(tmp_path):
    path = tmp_path / "my.cnf"
    path.write_text("[client]\nhost=db7\nport=3307\nsocket=/elsewhere\n")
    login = connecting._completed(Login(config_file=str(path)))
    assert (login.host, login.port, login.unix_socket) == ("db7", 3307, None)
    path.write_text("[client]\nsocket=/run/s\n")
    assert connecting._completed(Login(config_file=str(path))).unix_socket == "/run/s"


def test_what_is_given_wins_over_the_option_file(tmp_path):
    path = tmp_path / "my.cnf"
    path.write_text("[client]\nuser=me\npassword=pw\n")
    login = connecting._completed(Login(host="db2", user="you", password="", config_file=str(path)))
    assert (login.user, login.password) == ("you", "")


def test_an_option_file_that_is_not_there_is_named(tmp_path):
    path = str(tmp_path / "absent.cnf")
    with pytest.raises(ConnectError, match=r"absent\.cnf"):
        connecting._completed(Login(host="db2", config_file=path))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("[client]\nuser = me\n", {"user": "me"}),
        ("user=outside\n[mysqld]\nuser=mysql\n", {}),
        ("[client]\npassword='a # b'\n", {"password": "a # b"}),
        ("[client]\npassword=a#b # comment\n", {"password": "a#b"}),
        ('[client]\npassword="a\\"b\\\\c\\sd"\n', {"password": 'a"b\\c d'}),
        ("[client]\nssl_ca=/x\n", {"ssl-ca": "/x"}),
        ("!includedir /etc/my.cnf.d\n[client]\n# user=a\n;user=b\nuser=c\n", {"user": "c"}),
        ("[client]\nuser=a\n[mysqldump]\nuser=b\n[client-mariadb]\nuser=c\n", {"user": "c"}),
        ("[client]\nquick\n", {"quick": ""}),
    ],
)
def test_option_files(text, options):
    assert option_file.parse(text) == options


def test_the_driver_gets_bytes_and_the_deadline_of_connecting():
    arguments = connecting._arguments(Login(host="db2", user="me", password="schl\u00fcssel\u20ac", connect_timeout=7))
    assert arguments["password"] == "schl\u00fcssel\u20ac".encode()
    assert arguments["connect_timeout"] == arguments["read_timeout"] == arguments["write_timeout"] == 7
    assert (arguments["host"], arguments["port"], arguments["autocommit"]) == ("db2", 3306, True)
    assert "read_default_file" not in arguments


def test_tls_that_nobody_asked_for_is_tried_and_checks_nothing():
    context = connecting._arguments(Login(host="db2"))["ssl"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


def test_a_socket_needs_no_tls_and_no_host():
    arguments = connecting._arguments(Login(unix_socket="/s", ca_cert="/ca.pem"))
    assert arguments["unix_socket"] == "/s" and arguments["ssl_disabled"] is True
    assert "host" not in arguments and "ssl" not in arguments


def test_tls_checks_the_name_unless_told_not_to():
    context = connecting._tls(Login(host="db2", check_hostname=True))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_unreadable_tls_files_are_named():
    with pytest.raises(ConnectError, match=r"/nowhere/ca\.pem") as raised:
        connecting._tls(Login(host="db2", ca_cert="/nowhere/ca.pem"))
    assert raised.value.context == {"errno": 2026}


@pytest.mark.parametrize(
    ("error", "number", "words"),
    [
        (pymysql.err.OperationalError(1045, "Access denied for user 'a'@'b' (using password: YES)"), 1045, "password"),
        (pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'db2' ([Errno 111])"), 2003, "firewall"),
        (
            pymysql.err.OperationalError(
                2003, "Can't connect to MySQL server on 'x' ([Errno -2] Name or service not known)"
            ),
            2005,
            "spelling",
        ),
        (pymysql.err.OperationalError(1130, "Host '10.0.0.9' is not allowed to connect"), 1130, "create one"),
        (
            RuntimeError(
                "'cryptography' package is required for sha256_password or caching_sha2_password auth methods"
            ),
            2061,
            r"python3-cryptography",
        ),
        (pymysql.err.OperationalError(2026, "SSL is required but the server doesn't support it"), 2026, "TLS options"),
        (
            pymysql.err.OperationalError(
                2003, "Can't connect ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed)"
            ),
            2026,
            "check_hostname",
        ),
        (ssl.SSLError(1, "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol"), 2026, "TLS"),
        (pymysql.err.OperationalError(2059, "Authentication plugin 'x' not configured"), 2059, "newer PyMySQL"),
    ],
)
def test_why_a_connection_failed_and_what_to_do(error, number, words):
    found = driver_errors.from_connect(error, "db2:3306")
    assert found.context == {"errno": number}
    assert found.message().startswith("Could not connect to db2:3306: %d " % number)
    assert words in found.advice


def test_a_wrong_socket_path_is_told_apart_from_a_wrong_port():
    error = pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'localhost' ([Errno 2] No such file)")
    assert driver_errors.from_connect(error, "/run/s").context == {"errno": 2002}


def failed(number, text):
    return driver_errors.statement_error(number, text, "run SHOW REPLICA STATUS", "db2:3306", 30, 17)


@pytest.mark.parametrize(
    ("number", "text", "privilege"),
    [
        (
            1227,
            "Access denied; you need (at least one of) the SUPER, REPLICATION CLIENT privilege(s) for this operation",
            "REPLICATION CLIENT",
        ),
        (
            1227,
            "Access denied; you need (at least one of) the REPLICATION_SLAVE_ADMIN or SUPER privilege(s) for this",
            "REPLICATION_SLAVE_ADMIN",
        ),
        (1227, "Access denied; you need (at least one of) the SUPER privilege(s) for this operation", "SUPER"),
        (1227, "Access denied; you need (at least one of) the SUPER, A, B privilege(s) for this", "one of A, B"),
        (1142, "SELECT command denied to user 'repl'@'h' for table 'user'", "SELECT on table 'user'"),
        (
            1143,
            "SELECT command denied to user 'r'@'h' for column 'a' in table 't'",
            "SELECT on column 'a' in table 't'",
        ),
        (1370, "execute command denied to user 'r'@'h' for routine 'mysql.p'", "execute on routine 'mysql.p'"),
    ],
)
def test_a_missing_privilege_is_named(number, text, privilege):
    error = failed(number, text)
    assert isinstance(error, PrivilegeError)
    assert error.advice == "Grant the account %s." % privilege
    assert error.context == {"errno": number}


def test_a_privilege_that_the_server_does_not_name():
    error = failed(1044, "Access denied for user 'a'@'%' to database 'd'")
    assert isinstance(error, PrivilegeError) and error.advice == "Check the account's grants."


def test_a_deadline_says_that_the_statement_may_go_on():
    error = failed(2013, "Lost connection to MySQL server during query (timed out)")
    assert error.__class__ is ServerError and error.number == 2013
    assert "no answer within 30 s (connection 17)" in error.message()
    assert "may still be running" in error.message()


@pytest.mark.parametrize("number", [0, 2006, 2013, 2014, 2055])
def test_a_broken_connection_has_one_number(number):
    error = failed(number, "MySQL server has gone away")
    assert error.number == 2013 and "the connection broke" in error.message()


def test_any_other_error_keeps_number_and_text():
    error = failed(1198, "This operation cannot be performed as you have a running replica")
    assert (type(error), error.number) == (ServerError, 1198)
    assert error.message().startswith("Could not run SHOW REPLICA STATUS on db2:3306: 1198 This operation cannot be")


def test_number_and_text_of_errors_of_every_kind():
    assert driver_errors.split(pymysql.err.InterfaceError(0, "")) == (0, "")
    assert driver_errors.split(ConnectionResetError(104, "Connection reset by peer"))[0] == 0
    assert driver_errors.split(RuntimeError("text")) == (0, "text")


def test_bytes_are_written_as_hexadecimal_literals():
    text, values = literals.bytes_inline("SELECT %s, %s, '5%%'", (b"\x00'\\", "x"))
    assert (text, values) == ("SELECT _binary X'00275c', %s, '5%%'", ("x",))
    assert literals.bytes_inline("SELECT %s, '5%%'", (b"",)) == ("SELECT _binary X'', '5%'", ())
    assert literals.bytes_inline("SELECT '5%'", ()) == ("SELECT '5%'", ())


def test_an_error_does_not_repeat_a_secret():
    statement = Statement("CHANGE MASTER TO MASTER_PASSWORD = %s", ("s3cret",), frozenset((0,)))
    syntax = "You have an error in your SQL syntax; use near 'MASTER_PASSWORD = 's3cr' at line 1"
    assert "s3cr" not in literals.without_secrets(syntax, statement)
    other = literals.without_secrets("Incorrect value 's3cret' for user 's3cret-admin'", statement)
    assert other == "Incorrect value '%s' for user 's3cret-admin'" % MASK


def test_long_statements_are_shortened_in_messages():
    assert literals.shortened("SELECT\n  1") == "SELECT 1"
    assert len(literals.shortened("x" * 1000)) == 300


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (3, 3),
        (1.5, 1.5),
        ("x", "x"),
        (True, True),
        (Decimal("1.50"), "1.50"),
        (b"a\xff", "a\\xff"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02T03:04:05.000006"),
        (datetime.timedelta(seconds=90), "0:01:30"),
    ],
)
def test_raw_values_are_plain(value, plain):
    assert reader._cell(value) == plain


@pytest.mark.parametrize(
    ("grant", "shown"),
    [
        (
            "GRANT SELECT ON *.* TO 'o'@'%' IDENTIFIED BY PASSWORD '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29'",
            "GRANT SELECT ON *.* TO 'o'@'%'",
        ),
        (
            "GRANT ALL ON *.* TO `r`@`%` IDENTIFIED VIA unix_socket OR ed25519 USING '*94' WITH GRANT OPTION",
            "GRANT ALL ON *.* TO `r`@`%` WITH GRANT OPTION",
        ),
        (
            "GRANT USAGE ON *.* TO 'o'@'%' IDENTIFIED BY PASSWORD '*94' REQUIRE SSL",
            "GRANT USAGE ON *.* TO 'o'@'%' REQUIRE SSL",
        ),
        ("GRANT PROCESS ON *.* TO `o`@`%`", "GRANT PROCESS ON *.* TO `o`@`%`"),
    ],
)
def test_grants_lose_their_password_hashes(grant, shown):
    assert reader._without_credentials([{"Grants for o@%": grant}]) == [{"grant": shown}]


class Named:
    """As much of a server as telling them apart needs."""

    def __init__(self, identity_text, server_id=1, address="db:3306"):
        self.identity, self.server_id, self.address = identity_text, server_id, address


def test_two_names_for_one_server_are_an_error():
    servers = [("db1", Named("u1")), ("db2", Named("u2")), ("db3", Named("u1", address="vip:3306"))]
    with pytest.raises(IdentityError, match=r"tell db1 and db3 apart.*same server") as raised:
        identity.check_distinct(servers)
    assert raised.value.context == {"identity": "u1", "names": ["db1", "db3"]}
    identity.check_distinct(servers[:2])


def test_an_address_that_leads_elsewhere_later_is_an_error():
    identity.check_unchanged(Named("u1"), Named("u1"), "start the applier")
    with pytest.raises(IdentityError, match="led to u1 before and leads to u2 now"):
        identity.check_unchanged(Named("u1"), Named("u2"), "start the applier")
