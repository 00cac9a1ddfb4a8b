# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored programs: whether the one that is there is the one that a statement makes.

The server stores the body as it was written, so statement and SHOW CREATE are compared token by token: words and names
without regard to case and backticks, strings exactly, plain comments not at all.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from .ddl import CREATE_EVENT, CREATE_TRIGGER, Ddl
from .sql_reader import Reader, UnknownStatement
from .sql_tokens import SqlError, Token, plain, tokenise

_SHOW: Mapping[str, Tuple[str, str]] = {
    "create_procedure": ("PROCEDURE", "Create Procedure"),
    "create_function": ("FUNCTION", "Create Function"),
    "create_trigger": ("TRIGGER", "SQL Original Statement"),
    "create_event": ("EVENT", "Create Event"),
}


def show(kind: str) -> Tuple[str, str]:
    """The word after SHOW CREATE for this kind of program, and the column that holds the text."""
    return _SHOW[kind]


def lacking(ddl: Ddl, shown: str, schema: str) -> Tuple[str, ...]:
    """What tells the program that is there from the one the statement makes; empty when they are the same.

    :param ddl: a CREATE statement of a stored program.
    :param shown: the text of SHOW CREATE for the program of that name.
    :param schema: the database the program is in.
    :raises UnknownStatement: when one of both cannot be understood.
    """
    try:
        theirs = tokenise(shown, executable=True)
    except SqlError as error:
        raise UnknownStatement("the text of SHOW CREATE (%s)" % error) from None
    if ddl.kind == CREATE_EVENT:
        return _event(ddl, theirs, schema)
    mine, other = _normal(ddl.tokens, ddl.kind, schema), _normal(theirs, ddl.kind, schema)
    return () if mine == other else ("its text is another one: %s" % _first_difference(mine, other),)


def _normal(tokens: Sequence[Token], kind: str, schema: str) -> Tuple[str, ...]:
    """The tokens for comparison; a trailing semicolon and the database's name before the program are left out."""
    if tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    start = _after_definer(tokens)
    out = list(plain(tokens[:start]))
    rest = list(tokens[start:])
    # Only names before the body may carry the database; in the body they may mean something else.
    places = [1]
    if kind == CREATE_TRIGGER:
        on = next((n for n, token in enumerate(rest) if token.upper == "ON"), -1)
        places.append(on + 1)
    for place in sorted(places, reverse=True):
        dotted = place + 2 < len(rest) and rest[place].is_name and rest[place + 1].text == "."
        if dotted and rest[place].value.lower() == schema.lower():
            del rest[place : place + 2]
    return tuple(out) + plain(rest)


def _after_definer(tokens: Sequence[Token]) -> int:
    reader = Reader(tokens)
    if not reader.accept("CREATE"):
        raise UnknownStatement("the text does not begin with CREATE")
    if reader.accept("DEFINER", "="):
        reader.account()
    return reader.at


def _first_difference(mine: Sequence[str], theirs: Sequence[str]) -> str:
    for left, right in zip(mine, theirs):
        if left != right:
            return "%s and not %s" % (_short(right), _short(left))
    longer, word = (mine, "ends before") if len(mine) > len(theirs) else (theirs, "goes on with")
    at = min(len(mine), len(theirs))
    return "%s %s" % (word, _short(longer[at])) if at < len(longer) else "nothing"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _event(ddl: Ddl, theirs: Sequence[Token], schema: str) -> Tuple[str, ...]:
    """Events: SHOW CREATE fills in what the statement leaves out, so they are compared part by part."""
    wanted, found = _event_parts(ddl.tokens, schema), _event_parts(theirs, schema)
    out: List[str] = []
    if wanted["schedule"][:1] == ("at",) and not wanted["schedule"][1:2][0].startswith("'"):
        raise UnknownStatement("an event whose time is counted from its making")
    for part in ("definer", "name", "schedule", "ends", "completion", "comment", "body"):
        if wanted[part] != found[part]:
            out.append(
                "its %s is %s and not %s" % (part, " ".join(found[part]) or "none", " ".join(wanted[part]) or "none")
            )
    if wanted["starts"] and wanted["starts"] != found["starts"]:
        out.append("it starts at %s and not %s" % (" ".join(found["starts"]), " ".join(wanted["starts"])))
    if found["status"] == ("enable",):
        out.append("it is enabled, and a replicated event is not: it would run on both servers")
    return tuple(out)


def begins(text: str, schema: str) -> str:
    """When an event that repeats begins, as its text says; '' where it does not, as CREATE EVENT need not.

    :param text: of SHOW CREATE EVENT, or the statement.
    :raises UnknownStatement: it cannot be understood.
    """
    try:
        return " ".join(_event_parts(tokenise(text, executable=True), schema)["starts"])
    except SqlError as error:
        raise UnknownStatement("the text of SHOW CREATE (%s)" % error) from None


_PARTS = {
    "ON": "schedule",
    "STARTS": "starts",
    "ENDS": "ends",
    "ENABLE": "status",
    "DISABLE": "status",
    "COMMENT": "comment",
    "DO": "body",
}


def _event_parts(tokens: Sequence[Token], schema: str) -> Dict[str, Tuple[str, ...]]:
    start = _after_definer(tokens)
    reader = Reader(tokens)
    reader.at = start
    if not reader.accept("EVENT"):
        raise UnknownStatement("the event's name")
    name = reader.name()
    parts: Dict[str, List[Token]] = {}
    current = ""
    while reader.rest and current != "body":
        if reader.accept("ON", "SCHEDULE"):
            current = "schedule"
        elif reader.accept("ON", "COMPLETION"):
            current = "completion"
        elif reader.peek() in _PARTS and reader.peek() != "ON":
            current = _PARTS[reader.peek()]
            if current == "status":
                parts.setdefault(current, []).append(reader.rest[0])
            reader.at += 1
        else:
            parts.setdefault(current, []).append(reader.rest[0])
            reader.at += 1
    if current == "body":
        parts["body"] = list(reader.rest)
    out = {part: plain(parts.get(part, ())) for part in ("schedule", "starts", "ends", "status", "comment", "body")}
    if out["body"][-1:] == (";",):
        out["body"] = out["body"][:-1]
    completion = plain(parts.get("completion", ()))
    out["completion"] = completion or ("not", "preserve")
    out["definer"] = plain(tokens[:start])
    out["name"] = (name.name.lower(), (name.schema or schema).lower())
    return out
