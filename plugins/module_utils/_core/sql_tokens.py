# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tokens of one SQL statement, cut strictly: what cannot be cut with certainty is refused, never guessed.

The rules are those of the reference manual, "Lexical Structure" and "Comments". A statement is judged here without the
sql_mode it ran under, so a text whose cut depends on ANSI_QUOTES or NO_BACKSLASH_ESCAPES is called ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

WORD = "word"
NAME = "name"
STRING = "string"
DOUBLE = "double"
SYMBOL = "symbol"
COMMENT = "comment"

_SPACE = " \t\n\v\f\r"
_QUOTES = {"'": STRING, "`": NAME, '"': DOUBLE}
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}


class SqlError(ValueError):
    """A text that cannot be cut into tokens, or not with certainty; the message says why."""


@dataclass(frozen=True)
class Token:
    """A piece of a statement.

    :param kind: ``word`` (bare word or number), ``name`` (in backticks), ``string`` (in single quotes), ``double`` (in
        double quotes: a string or a name, as the sql_mode has it), ``symbol``, ``comment`` (an executable one).
    :param text: as written.
    :param start: where it begins in the statement.
    :param end: where it ends.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        """The text without quotes and escapes."""
        if self.kind == NAME:
            return self.text[1:-1].replace("``", "`")
        if self.kind in (STRING, DOUBLE):
            return _unescaped(self.text[1:-1], self.text[0])
        return self.text

    @property
    def upper(self) -> str:
        """A bare word in upper case, a symbol as it is, '' for anything quoted: a quoted name is never a keyword."""
        return self.text.upper() if self.kind in (WORD, SYMBOL) else ""

    @property
    def is_name(self) -> bool:
        """True for what can be the name of an object."""
        return self.kind in (WORD, NAME)


def _unescaped(body: str, quote: str) -> str:
    out: List[str] = []
    at = 0
    while at < len(body):
        char = body[at]
        if char == "\\" and at + 1 < len(body):
            out.append(_ESCAPES.get(body[at + 1], body[at + 1]))
            at += 2
        elif char == quote:
            out.append(quote)
            at += 2
        else:
            out.append(char)
            at += 1
    return "".join(out)


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in "_$") or ord(char) >= 0x80


def _comment_end(sql: str, at: int) -> int:
    """The end of a comment that begins here, or ``at`` when none does."""
    if sql.startswith("/*", at):
        end = sql.find("*/", at + 2)
        if end < 0:
            raise SqlError("a comment that does not end")
        return end + 2
    dashes = sql.startswith("--", at) and (at + 2 == len(sql) or sql[at + 2] in _SPACE)
    if dashes or sql[at] == "#":
        end = sql.find("\n", at)
        return len(sql) if end < 0 else end + 1
    return at


def _quoted_end(sql: str, at: int, backslash: bool) -> int:
    quote = sql[at]
    place = at + 1
    while place < len(sql):
        char = sql[place]
        if char == "\\" and backslash and quote != "`":
            place += 2
        elif char != quote:
            place += 1
        elif sql.startswith(quote, place + 1):
            place += 2
        else:
            return place + 1
    raise SqlError("a quoted text that does not end")


def _word_end(sql: str, at: int) -> int:
    end = at
    while end < len(sql) and _is_word(sql[end]):
        end += 1
    return end


def tokenise(sql: str, backslash: bool = True, executable: bool = False) -> Tuple[Token, ...]:
    """The tokens of a statement; plain comments are left out.

    :param backslash: whether a backslash escapes inside quotes (it does not under NO_BACKSLASH_ESCAPES).
    :param executable: take executable comments (``/*! ... */``) as one token each; without it they raise SqlError,
        because the server runs what is in them.
    :raises SqlError: for an open quote or comment, a control character, or an executable comment.
    """
    tokens: List[Token] = []
    at = 0
    while at < len(sql):
        char = sql[at]
        if char in _SPACE:
            at += 1
            continue
        end = _comment_end(sql, at)
        if end > at:
            if sql.startswith(("/*!", "/*M!"), at):
                if not executable:
                    raise SqlError("an executable comment (%s...)" % sql[at : at + 12])
                tokens.append(Token(COMMENT, sql[at:end], at, end))
            at = end
            continue
        if char in _QUOTES:
            kind, end = _QUOTES[char], _quoted_end(sql, at, backslash)
        elif _is_word(char):
            kind, end = WORD, _word_end(sql, at)
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            raise SqlError("the control character 0x%02x" % ord(char))
        else:
            kind, end = SYMBOL, at + 1
        tokens.append(Token(kind, sql[at:end], at, end))
        at = end
    return tuple(tokens)


def certain(sql: str) -> Tuple[Token, ...]:
    """The tokens of a statement whose cut does not depend on the sql_mode it ran under.

    :raises SqlError: also for double quotes (a string or a name), for backslashes that move the end of a string, and
        for more than one statement.
    """
    tokens = tokenise(sql)
    if any(token.kind == DOUBLE for token in tokens):
        raise SqlError("double quotes, which mean a string or a name depending on sql_mode")
    try:
        same = [(t.start, t.end) for t in tokenise(sql, backslash=False)] == [(t.start, t.end) for t in tokens]
    except SqlError:
        same = False
    if not same:
        raise SqlError("a backslash before a quote, which means different things depending on sql_mode")
    if tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    if any(token.text == ";" for token in tokens):
        raise SqlError("more than one statement")
    return tokens


def depth_split(tokens: Sequence[Token], separator: str = ",") -> Tuple[Tuple[Token, ...], ...]:
    """The tokens cut at every separator that stands outside parentheses.

    :raises SqlError: for parentheses that do not match.
    """
    parts: List[Tuple[Token, ...]] = []
    current: List[Token] = []
    depth = 0
    for token in tokens:
        if token.kind == SYMBOL and token.text in "()":
            depth += 1 if token.text == "(" else -1
            if depth < 0:
                raise SqlError("a closing parenthesis too many")
        if depth == 0 and token.kind == SYMBOL and token.text == separator:
            parts.append(tuple(current))
            current = []
        else:
            current.append(token)
    if depth:
        raise SqlError("an opening parenthesis too many")
    parts.append(tuple(current))
    return tuple(parts)


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The index of the parenthesis that closes the one at ``opening``. Raises SqlError when there is none."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == SYMBOL and tokens[index].text in "()":
            depth += 1 if tokens[index].text == "(" else -1
            if depth == 0:
                return index
    raise SqlError("an opening parenthesis too many")


def plain(tokens: Sequence[Token]) -> Tuple[str, ...]:
    """The tokens in a form for comparison: bare words and names in lower case and alike, strings as values."""
    out: List[str] = []
    for token in tokens:
        if token.kind in (WORD, NAME):
            out.append(token.value.lower())
        elif token.kind in (STRING, DOUBLE):
            out.append("'" + token.value + "'")
        else:
            out.append(token.text)
    return tuple(out)
