# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts: what CREATE USER, CREATE ROLE, DROP USER and DROP ROLE want, and texts with their secrets masked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .ddl import CREATE_USER, Ddl
from .sql_reader import Reader, UnknownStatement
from .sql_tokens import COMMENT, DOUBLE, STRING, SqlError, Token, depth_split, tokenise
from .statement import MASK

NATIVE = "mysql_native_password"

# What a server adds by itself when it logs CREATE USER (measured on 9.7); none of it asks for anything.
_DEFAULTS: Tuple[Tuple[str, ...], ...] = (
    ("REQUIRE", "NONE"), ("PASSWORD", "EXPIRE", "DEFAULT"), ("ACCOUNT", "UNLOCK"), ("PASSWORD", "HISTORY", "DEFAULT"),
    ("PASSWORD", "REUSE", "INTERVAL", "DEFAULT"), ("PASSWORD", "REQUIRE", "CURRENT", "DEFAULT"),
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """An account that a statement makes. ``secret``: the stored form of its password; None when none is asked for."""

    user: str
    host: str
    plugin: str = ""
    secret: Optional[str] = field(default=None, repr=False)

    def __str__(self) -> str:
        return "'%s'@'%s'" % (self.user, self.host)


def wanted(ddl: Ddl) -> Tuple[Account, ...]:
    """The accounts of a statement about accounts, with what CREATE USER asks for.

    :raises UnknownStatement: when it asks for more than a password (TLS, limits, locks, roles).
    """
    if ddl.kind != CREATE_USER:
        return tuple(Account(name.name, name.schema or "%") for name in ddl.names)
    rest = _without_defaults(ddl.rest)
    accounts: List[Account] = []
    for part in depth_split(rest):
        reader = Reader(part)
        user, host = reader.account()
        plugin, secret = _identified(reader)
        reader.end()
        accounts.append(Account(user, host or "%", plugin, secret))
    return tuple(accounts)


def _without_defaults(tokens: Sequence[Token]) -> Tuple[Token, ...]:
    kept = list(tokens)
    while True:
        words = tuple(token.upper for token in kept)
        tail = next((words_ for words_ in _DEFAULTS if words[-len(words_) :] == words_), None)
        if tail is None:
            return tuple(kept)
        del kept[-len(tail) :]


def _identified(reader: Reader) -> Tuple[str, Optional[str]]:
    """Plugin and stored secret; plugin '' means the server's default."""
    if not reader.rest:
        return "", None
    if reader.accept("IDENTIFIED", "BY", "PASSWORD"):
        return NATIVE, _string(reader)
    if reader.accept("IDENTIFIED", "BY"):
        return NATIVE, native_hash(_string(reader))
    if reader.accept("IDENTIFIED", "WITH") or reader.accept("IDENTIFIED", "VIA"):
        if not reader.rest:
            raise UnknownStatement("the plugin was expected")
        plugin = reader.rest[0].value
        reader.at += 1
        if not reader.rest:
            return plugin, None
        if reader.accept("AS") or reader.accept("USING"):
            return plugin, _string(reader)
        if reader.accept("BY") and plugin == NATIVE:
            return plugin, native_hash(_string(reader))
    raise UnknownStatement("what is asked of the account besides a password")


def _string(reader: Reader) -> str:
    if not reader.rest or reader.rest[0].kind not in (STRING, DOUBLE):
        raise UnknownStatement("a password was expected")
    reader.at += 1
    return reader.tokens[reader.at - 1].value


def native_hash(password: str) -> str:
    """The stored form of a password under mysql_native_password (manual: "Native Pluggable Authentication")."""
    if not password:
        return ""
    inner = hashlib.sha1(password.encode("utf-8")).digest()  # noqa: S324 - the server's own format, not our choice
    return "*" + hashlib.sha1(inner).hexdigest().upper()  # noqa: S324


def lacking_user(account: Account, row: Mapping[str, Any]) -> Tuple[str, ...]:
    """What tells the user that is there from the wanted one; never says a secret.

    :param row: its row of mysql.user, with column names in lower case.
    """
    found = str(row.get("plugin") or NATIVE).lower()
    # 5.6 and MariaDB leave the plugin out of the statement, and 5.6 keeps the native password in a column of its own.
    want = (account.plugin or NATIVE).lower()
    if str(row.get("is_role", "N")) == "Y":
        return ("%s is a role" % account,)
    if want != found:
        return ("%s uses the plugin %s and not %s" % (account, found, want),)
    if (account.secret or "") != str(row.get("authentication_string") or row.get("password") or ""):
        return ("the password of %s is another one, or was stored with another salt" % account,)
    for column, plain_value, what in _PLAIN:
        if str(row.get(column) or plain_value) != plain_value:
            return ("%s %s" % (account, what),)
    return ()


_PLAIN = (
    ("account_locked", "N", "is locked"),
    ("password_expired", "N", "has an expired password"),
    ("ssl_type", "", "needs TLS"),
)


def lacking_role(account: Account, row: Mapping[str, Any]) -> Tuple[str, ...]:
    """What tells what is there from the wanted role: MariaDB marks roles, on MySQL one is a locked account."""
    if "is_role" in row:
        return () if str(row["is_role"]) == "Y" else ("%s is a user" % account,)
    locked = str(row.get("account_locked", "N")) == "Y" and not row.get("authentication_string")
    return () if locked else ("%s is not locked, or has a password, and so is no role" % account,)


_SECRETIVE = re.compile(r"\b(IDENTIFIED|PASSWORD|USER|ROLE|SERVER|MASTER|SOURCE)\b", re.I)
# Some texts have no space before the quote, and one that was too long for its column has lost the quote at its end.
_QUERY = re.compile(r"(Query: ?')(.*?)('?\s*)$", re.S)
_NEAR = re.compile(r"(near ')(.*)(' at line \d+)", re.S)
# What is stored of a password: mysql_native_password, mysql_old_password's is too short to be told from other numbers,
# sha256_password, caching_sha2_password (also as hexadecimal number).
_HASH = re.compile(r"\*[0-9A-Fa-f]{40}\b|\$(?:5|A)\$[^'\"]{20,}|0x24(?:35|41)24[0-9A-Fa-f]{40,}", re.S)


def masked(sql: str) -> str:
    """A statement for display: in statements that may carry a password every string but account names is masked.

    Where a string ends may depend on the sql_mode, and a wrong end would show what is inside: then the rest is masked.
    So it is behind the last string of a text that was cut off.
    """
    if not _SECRETIVE.search(sql):
        return sql
    try:
        tokens = tokenise(sql, executable=True)
        alike = _is_cut_alike(sql, tokens)
    except SqlError:
        alike = False
    if not alike:
        tokens = _certain_start(sql)
        sql = sql[: tokens[-1].end] + " " + MASK if tokens else MASK
    out: List[str] = []
    at = 0
    for place, token in enumerate(tokens):
        out.append(_without_comment(sql[at : token.start]))
        shown = "'%s'" % MASK if token.kind in (STRING, DOUBLE) else MASK
        out.append(shown if _may_be_secret(tokens, place) else token.text)
        at = token.end
    return "".join(out) + _without_comment(sql[at:])


def _without_comment(between: str) -> str:
    """What stands between two tokens, unless it is a comment with a string in it."""
    return " %s " % MASK if "'" in between or '"' in between else between


def _is_cut_alike(sql: str, tokens: Sequence[Token]) -> bool:
    """Whether the tokens are the same under NO_BACKSLASH_ESCAPES."""
    try:
        other = tokenise(sql, backslash=False, executable=True)
    except SqlError:
        return False
    return [(token.start, token.end) for token in tokens] == [(token.start, token.end) for token in other]


def _certain_start(sql: str) -> Tuple[Token, ...]:
    """The tokens before the first backslash and before a string that does not end; none when that does not help."""
    start = sql.split("\\", 1)[0]
    for _unused in range(3):
        try:
            return tokenise(start, executable=True)
        except SqlError:
            start = start[: max(start.rfind(quote) for quote in ("'", '"', "`", "/*"))]
    return ()


def _may_be_secret(tokens: Sequence[Token], place: int) -> bool:
    token = tokens[place]
    if token.kind in (STRING, DOUBLE):
        return not _names_account(tokens, place)
    # A hexadecimal number, as which servers show a stored password, or an executable comment with a string in it.
    return token.upper.startswith("0X") or (token.kind == COMMENT and ("'" in token.text or '"' in token.text))


def _names_account(tokens: Sequence[Token], place: int) -> bool:
    around = [tokens[n].text for n in (place - 1, place + 1) if 0 <= n < len(tokens)]
    return "@" in around


def masked_error(text: str) -> str:
    """An error text for display: the statement that servers quote at its end is masked as by `masked`.

    So is the piece of it that a syntax error quotes, and stored passwords wherever they stand.
    """
    match = _QUERY.search(text)
    if match is None:
        return _HASH.sub(MASK, text)
    query, before = match.group(2), text[: match.start(2)]
    if _SECRETIVE.search(query):
        before = _NEAR.sub(lambda found: found.group(1) + MASK + found.group(3), before)
    return _HASH.sub(MASK, before) + masked(query) + match.group(3)


def masked_row(row: Mapping[str, Any]) -> Dict[str, Any]:
    """A row of the replica's status for display: its error texts are masked as by `masked_error`."""
    return {
        name: masked_error(value) if "error" in name.lower() and isinstance(value, str) else value
        for name, value in row.items()
    }
