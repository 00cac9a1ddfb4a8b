# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MySQL's global transaction identifiers: one (``Gtid``) and sets of them (``GtidSet``).

The text forms are those of the reference manual, "GTID Format and Storage", and were measured on MySQL 9.7 and 5.6.
A set is keyed by UUID *and* tag: ``uuid:1-5`` does not cover ``uuid:app:3``, as each tag counts from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Callable

from . import gtid_intervals as runs_of
from .gtid_intervals import Interval, Runs

Key = tuple[str, str]

# The server refuses this number and every higher one (error 1772, measured on 9.7 and 5.6).
NUMBER_END = 2**63 - 1

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_SPACE = re.compile(r"\s")
_SPACE_AT_SEPARATOR = re.compile(r"\s*([:-])\s*")
# Nothing that a server takes is as long; int() itself refuses thousands of digits, with another error.
_LONGEST_NUMBER = 40
_LONGEST_INTERVAL = 2 * _LONGEST_NUMBER + 1
_NO_GTID = frozenset(("", "ANONYMOUS", "NOT_YET_DETERMINED"))


class GtidError(ValueError):
    """A text or value that is no GTID, GTID set or position; the message quotes what is wrong with it."""


@lru_cache(maxsize=1024)
def normal_uuid(text: str) -> str:
    """The UUID as the server prints it (lower case). Raises GtidError when ``text`` is none."""
    uuid = text.strip().lower()
    if not text.isascii() or _UUID.fullmatch(uuid) is None:
        raise GtidError(f"not a server UUID: {_quoted(text)}")
    return uuid


@lru_cache(maxsize=1024)
def normal_tag(text: str) -> str:
    """The tag as the server prints it (lower case), or '' for no tag. Raises GtidError when ``text`` is neither.

    The server takes up to 32 letters, digits and underscores that do not begin with a digit (measured on 9.7).
    """
    tag = text.strip().lower()
    if tag and (not text.isascii() or _TAG.fullmatch(tag) is None):
        raise GtidError(f"not a GTID tag (1 to 32 of a-z, 0-9 and _, not beginning with a digit): {_quoted(text)}")
    return tag


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


@dataclass(frozen=True, order=True)
class Gtid:
    """One transaction's identifier. UUID and tag are normalised; a bad field raises GtidError."""

    uuid: str
    tag: str
    number: int

    def __post_init__(self) -> None:
        """Normalise, so that equal identifiers compare equal however they were written."""
        object.__setattr__(self, "uuid", normal_uuid(self.uuid))
        object.__setattr__(self, "tag", normal_tag(self.tag))
        if not 0 < self.number < NUMBER_END:
            raise GtidError(f"a transaction number is at least 1 and below 2^63 - 1, not {self.number}")

    @classmethod
    def parse(cls, text: str) -> Gtid:
        """The identifier written as ``uuid:5`` or ``uuid:tag:5``. Raises GtidError for anything else."""
        fields = [field.strip() for field in text.split(":")] if text.isascii() else []
        if len(fields) not in (2, 3) or not _is_number(fields[-1]) or not fields[1]:
            raise GtidError(f"not a GTID (uuid:number or uuid:tag:number): {_quoted(text)}")
        return cls(fields[0], fields[1] if len(fields) == 3 else "", int(fields[-1]))

    @classmethod
    def parse_optional(cls, text: str | None) -> Gtid | None:
        """As ``parse``; None for what servers show when there is no identifier.

        These are '', NULL, ``ANONYMOUS`` (a transaction without GTID) and ``NOT_YET_DETERMINED``, as in
        ``performance_schema.replication_applier_status_by_worker.APPLYING_TRANSACTION``.
        """
        if text is None or text.strip().upper() in _NO_GTID:
            return None
        return cls.parse(text)

    def __str__(self) -> str:
        """As the server prints it."""
        return f"{_tsid(self.uuid, self.tag)}:{self.number}"


@dataclass(frozen=True)
class GtidSet:
    """An immutable set of identifiers. Use ``parse``, ``from_intervals``, ``from_gtids``; ``GtidSet()`` is empty.

    ``parts`` holds ((uuid, tag), runs) sorted by key; no part is without a number. Equal sets have equal parts, so
    sets compare, hash and print by content.
    """

    parts: tuple[tuple[Key, Runs], ...] = ()

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """The set in any form the server prints or takes: line breaks, upper case, disorder, overlaps, tags.

        '' is the empty set. Raises GtidError for everything else, also where a server is lenient (measured on 9.7 and
        5.6): it reads a reversed interval, a UUID or a tag without numbers as nothing, which hides a typing error, and
        takes a UUID in braces or without dashes.
        """
        if not text.isascii():
            raise GtidError(f"not a GTID set: {_quoted(text)}")
        collected: dict[Key, Runs] = {}
        for item in text.split(","):
            item = item.strip()
            if item:
                for key, runs in _parse_item(item):
                    collected[key] = runs_of.union(collected.get(key, ()), runs)
        return cls._of(collected.items())

    @classmethod
    def from_intervals(cls, intervals: Mapping[Key, Iterable[Interval]]) -> GtidSet:
        """The set of half-open intervals by (uuid, tag). Raises GtidError for a bad key or number."""
        collected: dict[Key, list[Interval]] = {}
        for (uuid, tag), given in intervals.items():
            bucket = collected.setdefault((normal_uuid(uuid), normal_tag(tag)), [])
            for start, end in given:
                if not 0 < start < end <= NUMBER_END:
                    raise GtidError(f"not an interval of transaction numbers: from {start} up to before {end}")
                bucket.append((start, end))
        return cls._of((key, runs_of.merged(bucket)) for key, bucket in collected.items())

    @classmethod
    def from_gtids(cls, gtids: Iterable[Gtid]) -> GtidSet:
        """The set of these identifiers."""
        collected: dict[Key, list[Interval]] = {}
        for gtid in gtids:
            collected.setdefault((gtid.uuid, gtid.tag), []).append((gtid.number, gtid.number + 1))
        return cls._of((key, runs_of.merged(intervals)) for key, intervals in collected.items())

    @classmethod
    def from_gtid(cls, gtid: Gtid) -> GtidSet:
        """The set of this identifier alone."""
        return cls.from_gtids((gtid,))

    @classmethod
    def _of(cls, parts: Iterable[tuple[Key, Runs]]) -> GtidSet:
        return cls(tuple(sorted(part for part in parts if part[1])))

    def union(self, other: GtidSet) -> GtidSet:
        """The identifiers that are in either set; also ``|``."""
        return self._combined(other, runs_of.union)

    def subtract(self, other: GtidSet) -> GtidSet:
        """The identifiers of this set that are not in ``other`` (GTID_SUBTRACT); also ``-``."""
        return self._combined(other, runs_of.subtract)

    def intersect(self, other: GtidSet) -> GtidSet:
        """The identifiers that are in both sets; also ``&``."""
        return self._combined(other, runs_of.intersect)

    __or__ = union
    __sub__ = subtract
    __and__ = intersect

    def _combined(self, other: GtidSet, operation: Callable[[Runs, Runs], Runs]) -> GtidSet:
        left, right = self._by_key, other._by_key
        return self._of((key, operation(left.get(key, ()), right.get(key, ()))) for key in left.keys() | right.keys())

    @cached_property
    def _by_key(self) -> dict[Key, Runs]:
        return dict(self.parts)

    def contains(self, other: GtidSet) -> bool:
        """Whether every identifier of ``other`` is in this set (GTID_SUBSET with the sides swapped); also ``>=``."""
        return other.subtract(self).is_empty

    def isdisjoint(self, other: GtidSet) -> bool:
        """Whether no identifier is in both sets."""
        return self.intersect(other).is_empty

    def __ge__(self, other: GtidSet) -> bool:
        """``contains``."""
        return self.contains(other)

    def __le__(self, other: GtidSet) -> bool:
        """``other`` contains this set."""
        return other.contains(self)

    def __contains__(self, gtid: Gtid) -> bool:
        """Whether this identifier is in the set."""
        return runs_of.holds(self._by_key.get((gtid.uuid, gtid.tag), ()), gtid.number)

    @property
    def is_empty(self) -> bool:
        """Whether the set has no identifier."""
        return not self.parts

    def __bool__(self) -> bool:
        """Whether the set has an identifier."""
        return bool(self.parts)

    def count(self) -> int:
        """How many identifiers the set has. Not ``len()``, which cannot return more than 2^63 - 1."""
        return sum(runs_of.count(runs) for _key, runs in self.parts)

    def uuids(self) -> tuple[str, ...]:
        """The UUIDs that have a transaction here, with whichever tag, sorted."""
        return tuple(sorted({uuid for (uuid, _tag), _runs in self.parts}))

    def last(self, uuid: str, tag: str = "") -> int:
        """The highest number of this UUID and tag; 0 when there is none."""
        runs = self._by_key.get((normal_uuid(uuid), normal_tag(tag)))
        return runs[-1] - 1 if runs else 0

    def holes(self) -> GtidSet:
        """The numbers missing below the highest of each (uuid, tag).

        A hole in ``gtid_executed`` is work in progress while it is inside ``Retrieved_Gtid_Set``, else permanent
        (measured under load on MySQL 9.7 and 5.6): this set alone does not tell which.
        """
        return self._of((key, runs_of.holes(runs)) for key, runs in self.parts)

    def restricted(self, uuids: Iterable[str]) -> GtidSet:
        """The part of the set that these UUIDs wrote, with every tag."""
        wanted = {normal_uuid(uuid) for uuid in uuids}
        return GtidSet(tuple(part for part in self.parts if part[0][0] in wanted))

    def without(self, uuids: Iterable[str] = (), tags: Iterable[str] = ()) -> GtidSet:
        """The set less everything of these UUIDs and everything with these tags ('' are the untagged ones)."""
        no_uuids = {normal_uuid(uuid) for uuid in uuids}
        no_tags = {normal_tag(tag) for tag in tags}
        return GtidSet(tuple(p for p in self.parts if p[0][0] not in no_uuids and p[0][1] not in no_tags))

    def gtids(self, limit: int) -> Iterator[Gtid]:
        """The first ``limit`` identifiers in the order of the text form."""
        return islice(
            (
                Gtid(uuid, tag, number)
                for (uuid, tag), runs in self.parts
                for run in runs_of.pairs(runs)
                for number in range(*run)
            ),
            limit,
        )

    def intervals(self) -> dict[Key, tuple[Interval, ...]]:
        """The half-open intervals by (uuid, tag); ``from_intervals`` makes the set of them again."""
        return {key: tuple(runs_of.pairs(runs)) for key, runs in self.parts}

    def __str__(self) -> str:
        """As the server prints it, on one line: ``uuid:1-3:app:1-2,uuid:5``."""
        items: list[str] = []
        previous = ""
        for (uuid, tag), runs in self.parts:
            numbers = runs_of.write(runs)
            if uuid == previous:
                items[-1] += f":{tag}:{numbers}"
            else:
                items.append(f"{_tsid(uuid, tag)}:{numbers}")
            previous = uuid
        return ",".join(items)


def describe(gtid_set: GtidSet, limit: int = 5) -> str:
    """The set for a message: "3 transactions of 1111...: 4-6", with at most ``limit`` intervals in all.

    UUIDs are never shortened: an administrator pastes them into the next statement.
    """
    pieces: list[str] = []
    left = max(limit, 1)
    for (uuid, tag), runs in gtid_set.parts:
        if not left:
            break
        shown = runs[: 2 * left]
        left -= len(shown) // 2
        text = "{} of {}: {}".format(
            _plural(runs_of.count(runs), "transaction"),
            uuid + (" with tag " + tag if tag else ""),
            runs_of.write(shown).replace(":", ", "),
        )
        if len(runs) > len(shown):
            text += " and " + _plural((len(runs) - len(shown)) // 2, "more interval")
        pieces.append(text)
    rest = GtidSet(gtid_set.parts[len(pieces) :])
    if rest:
        pieces.append(_plural(rest.count(), "more transaction"))
    return "; ".join(pieces) or "no transactions"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tsid(uuid: str, tag: str) -> str:
    return f"{uuid}:{tag}" if tag else uuid


def _is_number(ascii_text: str) -> bool:
    # isdigit() takes digits of other scripts, so callers check for ASCII first; int() would take signs and underscores.
    return ascii_text.isdigit() and len(ascii_text) <= _LONGEST_NUMBER


def _parse_item(item: str) -> Iterable[tuple[Key, Runs]]:
    """What one ``uuid(:tag|:interval)+`` holds, in ASCII."""
    head, _colon, rest = item.partition(":")
    uuid = normal_uuid(head)
    plain = runs_of.read(rest, NUMBER_END)
    if not plain and _SPACE.search(rest):
        rest = _SPACE_AT_SEPARATOR.sub(r"\1", rest).strip()
        plain = runs_of.read(rest, NUMBER_END)
    if plain:
        return [((uuid, ""), plain)]
    bucket: list[Interval] = []
    collected: dict[Key, list[Interval]] = {(uuid, ""): bucket}
    after_tag = False
    for token in rest.split(":"):
        first, dash, last = token.partition("-")
        if first.isdigit() and (last.isdigit() or not dash) and len(token) <= _LONGEST_INTERVAL:
            start = int(first)
            end = int(last) + 1 if dash else start + 1
            if not 0 < start < end <= NUMBER_END:
                raise GtidError(f"not an interval of transaction numbers from 1 up: {_quoted(token)}")
            bucket.append((start, end))
            after_tag = False
        elif after_tag or _TAG.fullmatch(token.lower()) is None:
            raise GtidError(f"{_quoted(token)} is neither an interval nor a tag, in the GTID set of {uuid}")
        else:
            bucket = collected.setdefault((uuid, token.lower()), [])
            after_tag = True
    if after_tag:
        raise GtidError(f"no transaction number at the end of {_quoted(item)}")
    return [(key, runs_of.merged(intervals)) for key, intervals in collected.items()]
