# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making the rows of named tables equal to the source's at one point: what is asked for, refused and said."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Sequence, Tuple

from .binlog import canonical
from .binlog.columns_info import ColumnInfo, Value
from .binlog.json_encode import document
from .binlog.row_bytes import Parts
from .binlog.table_map import TableName
from .compare import grouped, plural
from .compare_columns import BINARY, TEXT, Column
from .compare_definition import differences
from .errors import BadInputError, RefusedError
from .row_repair_map import by_key, encoded
from .row_repair_report import Outcome, counts
from .row_repair_rows import Compared, Difference, Key, Shape, Values, Wanted
from .snapshot import Channel, Server

CHECKED = "checked"
HEALED = "healed"

# Without a key that rows can be read by in order, all rows of a table are held at once.
WITHOUT_ORDER = 20000

AHEAD = (
    "what the source changed after the point at which the stopped applier stands cannot be told row by row (%s); where "
    "the applier can go on, start it or set start_stopped, else find the position that the data is at (reposition)"
)
REDEFINED = (
    "the source changed its definition after the point at which the stopped applier stands, and how it was before is "
    "not known; find the position that the data is at (playbook reposition), or build the table or the replica anew"
)
# What is made here for a point that only this server and its source share cannot be made below in the same way.
BUILD_ANEW = "Let those replicate from its source instead, or detach them and build them anew from here afterwards."
CHANGED = "it was changed on the source while it was compared; run again when there is less writing"

ROWS_PROVEN = "rows_proven"
UNPROVEN = "unproven"

_JSON = 245


@dataclass(frozen=True)
class Wish:
    """What the caller asks for.

    :param tables: ``schema.table``, ``schema.*`` or ``all``.
    :param start_stopped: an applier that was found stopped may run up to the source's point.
    :param create: tables that the replica lacks are made as the source defines them.
    :param max_rows: so many rows may differ.
    :param show: ``none``, ``keys`` or ``full``.
    :param whole: nothing is written when one of the tables cannot be decided.
    :param pending: tables that transactions to come need are taken as well, if they are missing or have no primary key.
    """

    tables: Tuple[str, ...]
    state: str = CHECKED
    start_stopped: bool = False
    create: bool = False
    max_rows: int = 100000
    chunk: int = 10000
    show: str = "keys"
    whole: bool = False
    pending: bool = False


def check(wish: Wish, server: Server, channel: Channel, timeout: float) -> None:
    """Refuse what cannot be answered, before anything is read.

    :raises BadInputError: no table is named.
    :raises RefusedError: the channel filters, or is delayed for longer than the module may wait.
    """
    what = "compare the rows of %s" % channel.label
    if not wish.tables:
        raise BadInputError("Option tables is empty", advice="Name tables as schema.table, schema.* or all.")
    filters = ["%s = %s" % pair for pair in sorted(channel.filters.items()) if pair[1]]
    if filters:
        raise RefusedError(
            what, server.address, "it filters (%s), so that its rows need not be the source's" % "; ".join(filters)
        )
    if channel.delay and channel.delay >= timeout:
        raise RefusedError(
            what, server.address, "the replica is delayed by %d s, longer than the timeout of %g s"
            % (channel.delay, timeout), "Give a timeout longer than the delay.",
        )  # fmt: skip


def key_of(texts: Sequence[str], columns: Sequence[ColumnInfo]) -> Key:
    """A key as its canonical values, from the texts that a comparison reads it as.

    :raises ValueError: a text is not what the comparison gives.
    """
    return tuple(_key_value(text, column) for text, column in zip(texts, columns))


def _key_value(text: str, column: ColumnInfo) -> Value:
    kind = Column(column.name, column.data_type).kind
    if kind in (TEXT, BINARY):
        return bytes.fromhex(text)
    if column.data_type == "uuid":
        return bytes.fromhex(text.replace("-", ""))
    if column.data_type in ("inet4", "inet6"):
        return ipaddress.ip_address(text).packed
    return canonical.parser(column)(text.encode("ascii"))


def image(values: Values, shape: Shape, metadata: Sequence[int]) -> Parts:
    """A row's values as the bytes of a row image, documents of MySQL too.

    :raises ValueError: a value has no encoder, or columns are not known.
    """
    if _JSON not in shape.type_codes:
        return encoded(values, shape, metadata)
    plain = tuple(None if code == _JSON else value for code, value in zip(shape.type_codes, values))
    parts = encoded((*plain, *values[len(plain) :]), shape, metadata)
    return tuple(
        _document(value) if code == _JSON and value is not None else part
        for code, value, part in zip(shape.type_codes, values, parts)
    )


def _document(value: Value) -> bytes:
    data = document(str(value))
    return len(data).to_bytes(4, "little") + data


def wanted(
    keys: Sequence[Key], source: Mapping[Key, Values], replica: Mapping[Key, Values], shape: Shape,
    metadata: Sequence[int],
) -> Dict[Key, Wanted]:  # fmt: skip
    """What the rows of these keys have to be, and by which image one that is there is deleted."""
    found: Dict[Key, Wanted] = {}
    for key in keys:
        values, have = source.get(key), replica.get(key)
        try:
            parts = None if values is None else image(values, shape, metadata)
            known = None if have is None else by_key(have, shape, metadata)
            found[key] = Wanted(parts, values, known)
        except ValueError as error:
            found[key] = Wanted(None, values, None, "it cannot be written as a row event: %s" % error)
    return found


def bag(source: Sequence[Values], replica: Sequence[Values], shape: Shape, metadata: Sequence[int]) -> Compared:
    """The rows that only one side has, of a table without a primary key; each as often as it is there.

    The key of a difference is its number. Rows are deleted by all of their values, so that these must be exact.
    """
    mine, theirs = Counter(source), Counter(replica)
    different: List[Difference] = []
    undecided: Dict[Key, str] = {}
    surplus = [(values, None) for values in (theirs - mine).elements()]
    for have, wish in [*surplus, *[(None, values) for values in (mine - theirs).elements()]]:
        key = (len(different) + len(undecided),)
        try:
            parts = None if wish is None else image(wish, shape, metadata)
            known = None if have is None else image(have, shape, metadata)
            different.append(Difference(key, have, Wanted(parts, wish, known)))
        except ValueError as error:
            undecided[key] = "it cannot be written as a row event: %s" % error
    return Compared(len(source), tuple(different), undecided)


@dataclass(frozen=True)
class Said:
    """What is told of one comparison.

    :param outcome: the tables that were compared, with all their rows counted.
    :param undecided: why others are neither equal nor different.
    """

    outcome: Outcome
    undecided: Mapping[str, str]

    @property
    def proof(self) -> str:
        """Whether all that was asked for is equal."""
        if self.outcome.different or self.reasons or not self.outcome.tables:
            return UNPROVEN
        return ROWS_PROVEN

    @property
    def reasons(self) -> List[str]:
        """What could not be decided and why, a sentence each."""
        return ["%s: %s" % pair for pair in sorted(self.undecided.items())] + self.outcome.undecided


def sentence(before: Said, healed: int, check_mode: bool, point: str) -> str:
    """What came out, in a few plain sentences."""
    outcome = before.outcome
    said = "Compared %s in %s with the source at %s" % (
        plural(outcome.rows, "row"), plural(len(outcome.tables), "table"), point,
    )  # fmt: skip
    if healed:
        said += ": %s differed and %s equal (%s)" % (
            grouped(healed), "would be made" if check_mode else "were made", _listed(counts(outcome)),
        )  # fmt: skip
    elif outcome.different:
        said += ": %s differ (%s)" % (grouped(outcome.different), _listed(counts(outcome)))
    elif outcome.tables:
        said += ": all are equal"
    reasons = before.reasons
    if reasons:
        said += ". Not decided: %s" % "; ".join(reasons[:5]) + (" and more" if len(reasons) > 5 else "")
    return said + "."


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join("%s: %s" % (name, grouped(number)) for name, number in numbers.items() if number)


def unlike(source: str, replica: str) -> str:
    """Why rows of two definitions cannot be compared, with the lines that differ.

    :param source, replica: from SHOW CREATE TABLE.
    """
    mine, theirs = differences(source, replica)
    said = "its columns differ"
    if mine or theirs:
        said += " (source: %s; replica: %s)" % ("; ".join(mine) or "nothing", "; ".join(theirs) or "nothing")
    return said + "; make the definitions equal with sql_log_bin=0 first"


def refuse_undecided(reasons: Sequence[str], server: Server, channel: Channel) -> None:
    """Raise RefusedError when some tables are not decided and the caller wants all or none."""
    if reasons:
        raise RefusedError(
            "make the tables equal to the source's for %s" % channel.label, server.address,
            "; ".join(reasons[:5]) + (" and more" if len(reasons) > 5 else ""),
            "Nothing was written. Build what is named anew (the table, or the replica), or mend it by hand.",
            {"undecided": list(reasons)},
        )  # fmt: skip


def with_rows(outcome: Outcome, numbers: Mapping[TableName, int]) -> Outcome:
    """The outcome with the number of all rows that were compared in each table, not only of those that may differ."""
    return replace(
        outcome,
        tables={
            name: (shape, replace(compared, rows=max(numbers.get(name, 0), compared.rows)))
            for name, (shape, compared) in outcome.tables.items()
        },
    )


def refuse_many(count: int, wish: Wish, server: Server, channel: Channel) -> None:
    """Raise RefusedError when more rows differ than may be written."""
    if count > wish.max_rows:
        raise RefusedError(
            "write rows for %s" % channel.label, server.address,
            "%s rows differ at least, and option max_rows is %s" % (grouped(count), grouped(wish.max_rows)),
            "Allow more rows, or build the tables or the replica anew.", {"different_count": count},
        )  # fmt: skip
