# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection to one server: our session settings, deadlines, and errors in the collection's words."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Type, Union, cast

from .._core.errors import ConnectError, ReplicaError, ServerError
from .._core.statement import Statement, Value
from . import driver_errors, literals, option_file

try:
    import pymysql
    import pymysql.cursors

    HAS_PYMYSQL = True
except ImportError:  # told to the user by `connect`
    HAS_PYMYSQL = False

LOCK_WAIT_SECONDS = 5
STATEMENT_SECONDS = 30.0

# sql_mode is empty so that our own statements mean the same everywhere; the rest undoes limits that an
# administrator may have set globally and that would cut our answers short.
SESSION = (
    "SET SESSION lock_wait_timeout = %d, innodb_lock_wait_timeout = %d, sql_mode = '', time_zone = '+00:00',"
    " autocommit = 1, sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0"
    % (LOCK_WAIT_SECONDS, LOCK_WAIT_SECONDS)
)

Query = Union[str, Statement]
Row = Dict[str, Any]


@dataclass(frozen=True)
class Login:
    """How to reach a server and who to be there.

    ``host`` and ``port`` are never replaced by those of ``config_file``; from it come only what is not given here:
    user, password, TLS files, and host, port or socket when neither host nor socket is given.
    ``check_hostname``: None checks the name whenever ``ca_cert`` is given. ``name``: for messages.
    """

    host: str = ""
    port: int = 3306
    user: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    unix_socket: Optional[str] = None
    config_file: Optional[str] = None
    ca_cert: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    check_hostname: Optional[bool] = None
    connect_timeout: int = 10
    name: str = ""

    @property
    def address(self) -> str:
        """``host:port``, or the path of the socket."""
        if self.unix_socket:
            return self.unix_socket
        host = "[%s]" % self.host if ":" in self.host else self.host
        return "%s:%d" % (host, self.port)

    @property
    def wants_tls(self) -> bool:
        """True when the caller asked for TLS: then a connection without it is an error."""
        return not self.unix_socket and bool(self.ca_cert or self.client_cert or self.check_hostname)


class Connection:
    """A dedicated connection in autocommit mode. Use `connect` to make one; it is a context manager."""

    def __init__(self, login: Login, driver: Any) -> None:
        self.login = login
        self._driver = driver
        self.connection_id = int(driver.thread_id())
        self.statement_seconds = STATEMENT_SECONDS
        self.set_deadline(STATEMENT_SECONDS)

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        return self.login.address

    @property
    def driver(self) -> Any:
        """The PyMySQL connection, for what has no statement (streaming a binlog)."""
        return self._driver

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def set_deadline(self, seconds: float) -> None:
        """Give every later statement so many seconds; one that takes longer raises ServerError 2013."""
        self.statement_seconds = seconds
        # There is no public way to change these after connecting; they have had these names since PyMySQL 0.7.
        self._driver._read_timeout = seconds
        self._driver._write_timeout = seconds

    def query(self, statement: Query, params: Sequence[Value] = ()) -> List[Row]:
        """All rows, as dicts of column name to value.

        :raises ServerError: the statement failed, took longer than the deadline, or the connection broke.
        :raises PrivilegeError: the account may not do that.
        """
        return cast(List[Row], self._run(statement, params)[0])

    def one(self, statement: Query, params: Sequence[Value] = ()) -> Optional[Row]:
        """The first row, or None. Raises what `query` raises."""
        rows = self.query(statement, params)
        return rows[0] if rows else None

    def execute(self, statement: Query, params: Sequence[Value] = ()) -> int:
        """Run a statement for its effect; the number of affected rows. Raises what `query` raises."""
        return self._run(statement, params)[1]

    def send(self, sql: bytes, purpose: str) -> int:
        """Run a statement that is bytes already, in the session's own character set; how many warnings it gave.

        :raises ServerError: as `query`; the message names the purpose, never the statement.
        """
        return self._tuples(sql, purpose)[1]

    def tuples(self, sql: str, purpose: str) -> List[Tuple[Any, ...]]:
        """All rows as tuples, which takes less time than dicts.

        :raises ServerError: as `query`, and when the server warns: then a value is not what is stored.
        """
        found, warned = self._tuples(sql, purpose)
        if warned:
            number, answer = (*self.warnings(), (0, "a warning that is gone"))[0]
            raise ServerError(number, purpose, self.address, "%d %s" % (number, answer))
        return found

    def _tuples(self, sql: Union[str, bytes], purpose: str) -> Tuple[List[Tuple[Any, ...]], int]:
        try:
            with self._driver.cursor(pymysql.cursors.Cursor) as cursor:
                cursor.execute(sql)
                found = list(cursor.fetchall() or ())
                return found, int(getattr(cursor._result, "warning_count", 0) or 0)
        except (pymysql.err.Error, OSError, UnicodeError) as error:
            raise self._error(Statement("", purpose=purpose), error) from None

    def pieces(self, sql: str, purpose: str, rows: int) -> Iterator[List[Tuple[Any, ...]]]:
        """The rows of a long answer, so many at a time, as the server sends them.

        :raises ServerError: as `tuples`.
        """
        try:
            with self._driver.cursor(pymysql.cursors.SSCursor) as cursor:
                cursor.execute(sql)
                while True:
                    found = cursor.fetchmany(rows)
                    if not found:
                        break
                    yield list(found)
                warned = int(getattr(cursor._result, "warning_count", 0) or 0)
        except (pymysql.err.Error, OSError, UnicodeError) as error:
            raise self._error(Statement("", purpose=purpose), error) from None
        if warned:
            raise ServerError(0, purpose, self.address, "it gave %d warnings" % warned)

    def warnings(self) -> Tuple[Tuple[int, str], ...]:
        """Number and text of what the last statement warned of."""
        return tuple((int(row["Code"]), str(row["Message"])) for row in self.query("SHOW WARNINGS"))

    def close(self) -> None:
        """Close the connection; a connection that broke before is fine."""
        try:
            self._driver.close()
        except Exception:  # nothing that happens while closing changes what was done
            return

    def _run(self, statement: Query, params: Sequence[Value]) -> Tuple[Sequence[Row], int]:
        text = statement if isinstance(statement, Statement) else Statement(statement, tuple(params))
        sql, values = literals.bytes_inline(text.sql, text.params)
        try:
            with self._driver.cursor() as cursor:
                affected = cursor.execute(sql, values or None)
                return cursor.fetchall() or (), int(affected)
        except (pymysql.err.Error, OSError, UnicodeError) as error:
            raise self._error(text, error) from None

    def _error(self, statement: Statement, error: Exception) -> ReplicaError:
        number, answer = driver_errors.split(error)
        if isinstance(error, UnicodeError):
            self.close()  # the rest of the answer is still on its way: this connection cannot be used again
        attempted = statement.purpose or "run %s" % literals.shortened(statement.display())
        if statement.secret:
            answer = literals.without_secrets(answer, statement)
        return driver_errors.statement_error(
            number, answer, attempted, self.address, self.statement_seconds, self.connection_id
        )


def connect(login: Login) -> Connection:
    """A new connection with our session settings.

    :raises ConnectError: the server was not reached or did not let us in; ``context["errno"]`` is the number, the
        message says what to do about it.
    """
    if not HAS_PYMYSQL:
        raise ConnectError(
            "connect to %s" % login.address,
            "",
            "the Python library PyMySQL is not installed where this module runs",
            "Install it there (python3-pymysql, or pip install PyMySQL).",
            {"errno": 0},
        )
    login = _completed(login)
    driver = _open(login)
    if login.wants_tls and not isinstance(getattr(driver, "_sock", None), ssl.SSLSocket):
        # PyMySQL before 1.1 goes on in the clear when the server offers no TLS.
        driver.close()
        raise driver_errors.connect_error(2026, "the server does not offer TLS, which was asked for", login.address)
    connection = Connection(login, driver)
    try:
        connection.execute(Statement(SESSION, purpose="set up the session"))
    except ServerError:
        connection.close()
        raise
    return connection


def _open(login: Login) -> Any:
    """The driver's connection. Without TLS options it is tried with TLS first where the driver does that."""
    arguments = _arguments(login)
    try:
        return pymysql.connect(**arguments)
    except Exception as error:
        if login.wants_tls or not driver_errors.is_tls_failure(error):
            raise driver_errors.from_connect(error, login.address) from None
    # Old servers offer TLS versions that today's libraries refuse; nobody asked for TLS, so go on without.
    try:
        return pymysql.connect(**dict(arguments, ssl_disabled=True))
    except Exception as error:
        raise driver_errors.from_connect(error, login.address) from None


def _arguments(login: Login) -> Dict[str, Any]:
    arguments: Dict[str, Any] = {
        "user": login.user or None,
        "password": (login.password or "").encode("utf-8"),  # the driver itself would use latin1
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": login.connect_timeout,
        "read_timeout": login.connect_timeout,
        "write_timeout": login.connect_timeout,
        "cursorclass": cast(Type[Any], pymysql.cursors.DictCursor),
        "program_name": "replicaops.mysql",
    }
    if login.unix_socket:
        arguments.update(unix_socket=login.unix_socket, ssl_disabled=True)
    else:
        arguments.update(host=login.host, port=login.port)
        arguments["ssl"] = _tls(login)
    return arguments


def _tls(login: Login) -> ssl.SSLContext:
    """A context of our own, as the driver's defaults differ from version to version."""
    verify = bool(login.ca_cert or login.check_hostname)
    try:
        if verify:
            context = ssl.create_default_context(cafile=login.ca_cert or None)
        else:  # to read the system's certificates takes longer than to connect
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Certificates that MySQL makes for itself fail the strict checks that Python 3.13 turned on.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", ssl.VerifyFlags(0))
        context.check_hostname = verify and login.check_hostname is not False
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        if login.client_cert:
            context.load_cert_chain(login.client_cert, login.client_key or None)
    except (OSError, ssl.SSLError) as error:
        files = [path for path in (login.ca_cert, login.client_cert, login.client_key) if path]
        raise ConnectError(
            "read the TLS files %s for the connection to %s" % (", ".join(files), login.address),
            "",
            str(error),
            "They must be readable PEM files where this module runs.",
            {"errno": 2026},
        ) from None
    return context


def _completed(login: Login) -> Login:
    """The login with what the option file adds. Raises ConnectError when it cannot be read or no host is known."""
    options: Dict[str, str] = {}
    if login.config_file:
        try:
            with open(login.config_file, encoding="utf-8") as file:
                options = option_file.parse(file.read())
        except (OSError, UnicodeError) as error:
            raise ConnectError(
                "read the option file %s" % login.config_file, answer=str(error), context={"errno": 0}
            ) from None
    if not login.host and not login.unix_socket:
        port = options.get("port", "")
        login = replace(
            login,
            unix_socket=options.get("socket") or None if not options.get("host") else None,
            host=options.get("host", ""),
            port=int(port) if port.isdigit() else login.port,
        )
    if not login.host and not login.unix_socket:
        raise ConnectError("connect to a server", answer="neither a host nor a socket was given", context={"errno": 0})
    return replace(
        login,
        user=login.user or options.get("user"),
        password=login.password if login.password is not None else options.get("password"),
        ca_cert=login.ca_cert or options.get("ssl-ca"),
        client_cert=login.client_cert or options.get("ssl-cert"),
        client_key=login.client_key or options.get("ssl-key"),
    )
