# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of CHANGE MASTER / CHANGE REPLICATION SOURCE as data: our name, the server's word, where it is read.

Which of the words a server knows is not in the table: the server is asked (`_server/source_words.py`). Measured with
every option set on MySQL 9.7, MySQL 5.6, MariaDB 10.11 and 11.8, a CHANGE of one option alone does this to the others:

=================  ==========================================================  =========================
server             what is lost                                                threads that must stand
=================  ==========================================================  =========================
MySQL 9.7          host or port, even with the same value: the heartbeat       those of the option, see
                   period, and without auto position the coordinates           ``side``
MySQL 5.6          every CHANGE: the heartbeat period; host or port without    both
                   auto position: the coordinates
MariaDB            every CHANGE: the heartbeat period; host or port without    both
                   GTID: the coordinates; coordinates: GTID is turned off
=================  ==========================================================  =========================

All else stays, TLS settings, delay and password among it. With both threads stopped every CHANGE throws the relay logs
away on all four; on MySQL 9.7 they stay while one of the threads runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Tuple, Union

from .channel_plan import Keyword, Setting, Verbs
from .errors import BadInputError
from .statement import literal

TEXT = "text"
NUMBER = "number"
SECONDS = "seconds"
FLAG = "flag"
WORD = "word"
NUMBERS = "numbers"
NAMES = "names"
ACCOUNT = "account"
ASSIGN = "assign"
SECRET = "secret"

RECEIVER_SIDE = "receiver"
APPLIER_SIDE = "applier"
BOTH_SIDES = "both"

LOG_FILE = "source_log_file"
LOG_POS = "source_log_pos"
COORDINATES = (LOG_FILE, LOG_POS)
MODES = ("auto_position", "use_gtid")
PLACE = ("source_host", "source_port")
PASSWORD = "source_password"
HEARTBEAT = "source_heartbeat_period"
DEMOTE = "demote_to_replica"

Plain = Union[str, int, float, Tuple[int, ...], Tuple[str, ...], None]

_ACCOUNT = re.compile(r"^\s*(?:'((?:[^']|'')*)'|([^'@\s]+))\s*(?:@\s*(?:'((?:[^']|'')*)'|([^'@\s]+)))?\s*$")
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


@dataclass(frozen=True)
class SourceOption:
    """One option.

    :param name: what the module calls it.
    :param word: the server's word; ``{}`` stands for SOURCE or MASTER.
    :param setting: its key in `snapshot.Channel.settings`; empty where it is not read from there.
    :param kind: how values are compared and written.
    :param side: MySQL 5.7 and later: the thread that must stand still for it (measured on 9.7).
    :param unset: what the server has when the reading shows nothing.
    :param old_word: the word before SOURCE came into use, where it is not made by ``{}``.
    """

    name: str
    word: str
    setting: str
    kind: str = TEXT
    side: str = RECEIVER_SIDE
    unset: Plain = ""
    old_word: str = ""

    def spelled(self, verbs: Verbs) -> str:
        """The word as this server's dialect spells it."""
        new = verbs.dialect.name == "source"
        word = self.word if new or not self.old_word else self.old_word
        return word.replace("{}", "SOURCE" if new else "MASTER")


def _tls(name: str, kind: str = TEXT, unset: Plain = "") -> SourceOption:
    return SourceOption("source_" + name, "{}_" + name.upper(), name, kind, unset=unset)


OPTIONS: Tuple[SourceOption, ...] = (
    SourceOption("source_host", "{}_HOST", "host"),
    SourceOption("source_port", "{}_PORT", "port", NUMBER, unset=3306),
    SourceOption("source_user", "{}_USER", "user"),
    SourceOption(PASSWORD, "{}_PASSWORD", "", SECRET),
    SourceOption(LOG_FILE, "{}_LOG_FILE", "", TEXT, BOTH_SIDES),
    SourceOption(LOG_POS, "{}_LOG_POS", "", NUMBER, BOTH_SIDES),
    SourceOption("auto_position", "{}_AUTO_POSITION", "auto_position", FLAG, BOTH_SIDES, 0),
    SourceOption("use_gtid", "MASTER_USE_GTID", "use_gtid", WORD, BOTH_SIDES, "no"),
    SourceOption(DEMOTE, "MASTER_DEMOTE_TO_SLAVE", "", FLAG, BOTH_SIDES, 0),
    SourceOption("source_bind", "{}_BIND", "bind"),
    SourceOption("network_namespace", "NETWORK_NAMESPACE", "network_namespace"),
    SourceOption("source_connect_retry", "{}_CONNECT_RETRY", "connect_retry", NUMBER, unset=60),
    SourceOption("source_retry_count", "{}_RETRY_COUNT", "retry_count", NUMBER, unset=None),
    SourceOption(HEARTBEAT, "{}_HEARTBEAT_PERIOD", "heartbeat_period", SECONDS, unset=None),
    SourceOption("source_delay", "{}_DELAY", "delay", NUMBER, APPLIER_SIDE, 0),
    _tls("ssl", FLAG, 0),
    _tls("ssl_ca"),
    _tls("ssl_capath"),
    _tls("ssl_cert"),
    _tls("ssl_key"),
    _tls("ssl_crl"),
    _tls("ssl_crlpath"),
    _tls("ssl_cipher"),
    _tls("ssl_verify_server_cert", FLAG, 0),
    _tls("tls_version", NAMES, ()),
    _tls("tls_ciphersuites"),
    SourceOption("source_public_key_path", "{}_PUBLIC_KEY_PATH", "public_key_path"),
    SourceOption("get_source_public_key", "GET_{}_PUBLIC_KEY", "get_public_key", FLAG, unset=0),
    SourceOption(
        "source_compression_algorithms", "{}_COMPRESSION_ALGORITHMS", "compression_algorithms", NAMES, unset=()
    ),
    SourceOption("source_zstd_compression_level", "{}_ZSTD_COMPRESSION_LEVEL", "zstd_compression_level", NUMBER),
    SourceOption("ignore_server_ids", "IGNORE_SERVER_IDS", "ignore_server_ids", NUMBERS, unset=()),
    SourceOption("do_domain_ids", "DO_DOMAIN_IDS", "do_domain_ids", NUMBERS, unset=()),
    SourceOption("ignore_domain_ids", "IGNORE_DOMAIN_IDS", "ignore_domain_ids", NUMBERS, unset=()),
    SourceOption("privilege_checks_user", "PRIVILEGE_CHECKS_USER", "privilege_checks_user", ACCOUNT, APPLIER_SIDE),
    SourceOption("require_row_format", "REQUIRE_ROW_FORMAT", "require_row_format", FLAG, BOTH_SIDES, 0),
    SourceOption(
        "require_table_primary_key_check",
        "REQUIRE_TABLE_PRIMARY_KEY_CHECK",
        "require_table_primary_key_check",
        WORD,
        APPLIER_SIDE,
        "stream",
    ),
    SourceOption(
        "assign_gtids_to_anonymous_transactions",
        "ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS",
        "assign_gtids_to_anonymous_transactions",
        ASSIGN,
        BOTH_SIDES,
        "off",
    ),
    SourceOption("gtid_only", "GTID_ONLY", "gtid_only", FLAG, BOTH_SIDES, 0),
)

BY_NAME: Mapping[str, SourceOption] = {option.name: option for option in OPTIONS}


def plain(option: SourceOption, value: Any) -> Plain:
    """A value in the form in which two are compared; the option's ``unset`` for nothing.

    :raises BadInputError: the value cannot be one of this option.
    """
    if value is None or value == "":
        return option.unset
    if option.kind in (TEXT, SECRET):
        return str(value)
    try:
        return _PLAIN[option.kind](value)
    except ValueError:
        raise BadInputError("Option %s cannot be %r" % (option.name, value)) from None


def _numbers(value: Any) -> Tuple[int, ...]:
    parts = value if isinstance(value, (list, tuple)) else [part for part in str(value).split(",") if part.strip()]
    return tuple(sorted({int(part) for part in parts}))


def _names(value: Any) -> Tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return tuple(sorted({str(part).strip() for part in parts if str(part).strip()}))


def _word(value: Any) -> str:
    word = str(value).lower()
    return "slave_pos" if word == "replica_pos" else word


def _account(value: Any) -> str:
    """An account as MySQL's tables show it: ``'user'@'host'``."""
    match = _ACCOUNT.match(str(value))
    if match is None:
        raise ValueError(value)
    quoted_user, user, quoted_host, host = match.groups()
    name = user if user is not None else quoted_user.replace("''", "'")
    where = host if host is not None else ("%" if quoted_host is None else quoted_host.replace("''", "'"))
    return "%s@%s" % (literal(name), literal(where))


def _assign(value: Any) -> str:
    # YAML makes a boolean of a bare off.
    word = "off" if str(value).lower() == "false" else str(value).lower()
    if word not in ("off", "local") and not _UUID.match(word):
        raise ValueError(value)
    return word


_PLAIN: Mapping[str, Callable[[Any], Plain]] = {
    NUMBER: int,
    # Servers keep milliseconds, and the reading shows six digits.
    SECONDS: lambda value: float("%g" % round(float(value), 3)),
    FLAG: lambda value: int(bool(int(value))),
    WORD: _word,
    NUMBERS: _numbers,
    NAMES: _names,
    ACCOUNT: _account,
    ASSIGN: _assign,
}


def written(option: SourceOption, value: Plain) -> Setting:
    """A compared value as CHANGE wants it. A percent sign in a bare word is doubled, as `Verbs.change` takes it."""
    if option.kind == NUMBERS:
        numbers = value if isinstance(value, tuple) else ()
        return Keyword("(%s)" % ", ".join(str(number) for number in numbers))
    if option.kind == WORD:
        word = str(value)
        return Keyword(word if option.name == "use_gtid" else word.upper())
    if option.kind == ASSIGN:
        return Keyword(str(value).upper()) if value in ("off", "local") else str(value)
    if option.kind == ACCOUNT:
        return Keyword(str(value).replace("%", "%%") if value else "NULL")
    if option.name == "source_tls_ciphersuites" and not value:
        return Keyword("NULL")
    return _simple(value)


def _simple(value: Plain) -> Setting:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "" if value is None else value


def harmless(option: SourceOption) -> Setting:
    """A value that every server takes which knows the option; to ask whether its parser does. Never a secret."""
    example: Mapping[str, Plain] = {
        NUMBER: 4, SECONDS: 1.0, FLAG: 1, NUMBERS: (1,), NAMES: ("x",), ACCOUNT: "'x'@'localhost'", ASSIGN: "off",
    }  # fmt: skip
    words = {"use_gtid": "slave_pos", "require_table_primary_key_check": "stream"}
    return written(option, example.get(option.kind, words.get(option.name, "x")))


def shown(option: SourceOption, value: Plain) -> Optional[Union[str, int]]:
    """A compared value as the reading will show it in the settings; None when it will show nothing."""
    if value in ("", None, ()):
        return None
    if option.kind == NUMBERS and isinstance(value, tuple):
        return ", ".join(str(number) for number in value)
    if option.kind == ASSIGN:
        return None if value == "off" else str(value).upper() if value == "local" else str(value)
    if option.kind == WORD and option.name != "use_gtid":
        return str(value).upper()
    if option.kind == SECONDS:
        return "%g" % float(str(value))
    return value if isinstance(value, int) else str(_simple(value))
