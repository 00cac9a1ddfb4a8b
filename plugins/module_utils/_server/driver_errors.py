# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the driver and the server say, in the collection's errors: which kind, and what to do about it."""

from __future__ import annotations

import re
import ssl
from typing import Dict, Tuple

from .._core.errors import ConnectError, PrivilegeError, ServerError

CONNECTION_LOST = 2013
DATABASE_DENIED = 1044
ACCESS_DENIED = 1045

PRIVILEGE_NUMBERS = frozenset((1044, 1045, 1142, 1143, 1227, 1370))
_LOST_NUMBERS = frozenset((0, 2006, 2013, 2014, 2055))

_NAMED = re.compile(r"need \(at least one of\) the (.+?) privilege\(s\)")
_COMMAND = re.compile(r"^(.+?) command denied to user .+? for (table|column|routine) (.+)$", re.DOTALL)
_UNKNOWN_HOST = (
    "name or service not known",
    "getaddrinfo",
    "name resolution",
    "nodename nor servname",
    "no address associated",
)
_NO_CRYPTOGRAPHY = (
    "the account uses caching_sha2_password or sha256_password, and the Python package 'cryptography', which PyMySQL"
    " needs for it over a connection without TLS, is not installed"
)

ADVICE: Dict[int, str] = {
    1040: "The server has no free connection: raise max_connections there or end unused sessions.",
    1044: "Check the account's grants.",
    1045: "Check user and password, and that the account exists for the host this connection comes from.",
    1129: "The server blocked this client after failed handshakes: FLUSH HOSTS (TRUNCATE performance_schema.host_cache)"
    " there.",
    1130: "No account of the server is allowed from this client's address: create one for it.",
    1698: "The account uses socket authentication: use a unix socket as the right system user, or an account with a"
    " password.",
    1862: "The account's password has expired: set a new one.",
    2002: "Check the path of the socket and that the server runs.",
    2003: "Check host and port, that the server runs and listens on this address, and that no firewall is in between.",
    2005: "Check the spelling of the host name and the name service where this module runs.",
    2006: "The server closed the connection: look into its error log (init_connect, max_connections, a restart?).",
    2013: "The server or a proxy in front of it did not complete the handshake: check that the port is MySQL's.",
    2026: "Check the TLS options (ca_cert, client_cert, client_key, check_hostname) against what the server offers.",
    2059: "The account's authentication plugin is not supported by this PyMySQL: use caching_sha2_password or"
    " mysql_native_password, or a newer PyMySQL.",
    2061: "Install the Python package 'cryptography' where this module runs (python3-cryptography, or"
    " pip install PyMySQL[rsa]), or connect with TLS or over a unix socket.",
    3118: "The account is locked: ALTER USER ... ACCOUNT UNLOCK.",
    3159: "The server accepts only TLS connections (require_secure_transport): give ca_cert.",
    3878: "The server accepts only TLS connections (require_secure_transport): give ca_cert.",
}


def split(error: BaseException) -> Tuple[int, str]:
    """Number and text of a driver's error; 0 when it has no number."""
    arguments = error.args
    if arguments and isinstance(arguments[0], int) and not isinstance(error, (OSError, UnicodeError)):
        return int(arguments[0]), str(arguments[1]) if len(arguments) > 1 else ""
    return 0, str(error) or type(error).__name__


# The answer of a server without TLS to PyMySQL before 1.2, which asks for TLS all the same (measured on MySQL 5.6).
_BAD_HANDSHAKE = 1043


def is_tls_failure(error: BaseException) -> bool:
    """True when the handshake failed in TLS itself, or the server has none."""
    original = getattr(error, "original_exception", None)
    if isinstance(error, ssl.SSLError) or isinstance(original, ssl.SSLError):
        return True
    number, text = split(error)
    if number == _BAD_HANDSHAKE:
        return True
    signs = ("[ssl", "ssl:", "certificate_verify_failed", "ssl is required", "doesn't support ssl")
    return any(sign in text.lower() for sign in signs)


def from_connect(error: BaseException, address: str) -> ConnectError:
    """The error of a failed attempt to connect, with its cause told apart where the driver puts all under 2003."""
    number, text = split(error)
    if isinstance(error, ConnectError):
        return error
    lower = text.lower()
    if "cryptography" in lower:
        number, text = 2061, _NO_CRYPTOGRAPHY
    elif is_tls_failure(error):
        number = 2026
    elif number in (0, 2003) and any(words in lower for words in _UNKNOWN_HOST):
        number = 2005
    elif number == 2003 and address.startswith("/"):
        number = 2002
    elif number in _LOST_NUMBERS and "authentication plugin" in lower:
        number = 2059
    return connect_error(number, text, address)


def connect_error(number: int, text: str, address: str) -> ConnectError:
    """A ConnectError with the number, the server's text and the advice for that number."""
    answer = "%d %s" % (number, text) if number else text
    return ConnectError("connect to %s" % address, "", answer, ADVICE.get(number, ""), {"errno": number})


def privilege_of(number: int, text: str) -> str:
    """The privilege an error asks for, as people grant it; empty when the text does not name one.

    Where several would do, SUPER is not proposed: it allows far more.
    """
    match = _NAMED.search(text)
    if match:
        names = re.split(r",\s*|\s+or\s+", match.group(1).strip())
        names = [name for name in names if name != "SUPER"] or names
        return names[0] if len(names) == 1 else "one of " + ", ".join(names)
    match = _COMMAND.match(text)
    if match:
        return "%s on %s %s" % (match.group(1), match.group(2), match.group(3))
    return ""


def statement_error(
    number: int, text: str, attempted: str, address: str, seconds: float, connection_id: int
) -> ServerError:
    """The error of a failed statement: PrivilegeError when the account may not, ServerError 2013 when the connection
    broke or the deadline passed, otherwise ServerError with the server's number and text."""
    if number in PRIVILEGE_NUMBERS:
        needed = privilege_of(number, text)
        if number == DATABASE_DENIED and "CREATE TEMPORARY TABLE" in attempted:
            # The server names the database and not what is missing (measured on MySQL 9.7 and MariaDB 10.11).
            needed = "CREATE TEMPORARY TABLES"
        if number == ACCESS_DENIED:
            # What MySQL 5.6 says of START and STOP SLAVE without SUPER (measured); nothing else gives it to a session.
            needed = "SUPER"
        advice = "Grant the account %s." % needed if needed else "Check the account's grants."
        return PrivilegeError(number, attempted, address, "%d %s" % (number, text), advice)
    if number in _LOST_NUMBERS:
        return _lost(text, attempted, address, seconds, connection_id)
    return ServerError(number, attempted, address, "%d %s" % (number, text))


def _lost(text: str, attempted: str, address: str, seconds: float, connection_id: int) -> ServerError:
    if "timed out" in text:
        return ServerError(
            CONNECTION_LOST,
            attempted,
            address,
            "no answer within %g s (connection %d)" % (seconds, connection_id),
            "The statement may still be running there: look at the process list for what it waits for.",
        )
    return ServerError(
        CONNECTION_LOST,
        attempted,
        address,
        "the connection broke (%s)" % (text or "no details"),
        "Look into the server's error log for a restart, a crash or a KILL of connection %d." % connection_id,
    )
