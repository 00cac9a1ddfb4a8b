# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables a comparison has to be about, and what the accounts cannot see of them: a proof that leaves out a table
because nobody could see it is none."""

from __future__ import annotations

from typing import Collection, Dict, Iterable, List, Sequence, Set, Tuple

from .grants import Grants
from .touched import Touched

SELECT = "SELECT"
# Without these, information_schema leaves triggers and events out, and SHOW CREATE VIEW is refused.
OF_OBJECTS = ("TRIGGER", "EVENT", "SHOW VIEW")
HIDDEN = "the source changed it, it was not dropped, and neither account can see it"

Pair = Tuple[str, str]
Sides = Sequence[Tuple[str, Grants]]


def changed(touched: Touched, known: Iterable[Pair], foreign_keys: Iterable[Tuple[Pair, Pair]]) -> List[Pair]:
    """The known tables that were changed, and those with a foreign key from or to a changed one, in a stable order.

    A cascade changes children without a word in the binlog on MySQL 5.6 and MariaDB.

    :param foreign_keys: pairs of the table that has the key and the one it references, of both sides.
    """
    pairs = sorted(set(known))
    near: Set[Pair] = set()
    for child, parent in foreign_keys:
        if touched.has(*child) or touched.has(*parent):
            near.update((touched.spelled(*child), touched.spelled(*parent)))
    return [pair for pair in pairs if touched.has(*pair) or touched.spelled(*pair) in near]


def hidden(touched: Touched, known: Iterable[Pair], system: Iterable[str]) -> List[Pair]:
    """The tables that were changed and are on neither side, though nothing says that they went away.

    :param system: schemas that are never compared.
    """
    seen = {"%s.%s" % touched.spelled(*pair) for pair in known}
    seen.update("%s.%s" % pair for pair in touched.gone)
    # A name with a dot in it is there in every way it can be read; one that is known, or gone, is enough.
    ways: Dict[str, List[Pair]] = {}
    for pair in sorted(touched.tables):
        ways.setdefault("%s.%s" % pair, []).append(pair)
    ignored = set(system)
    return [
        pairs[0]
        for name, pairs in ways.items()
        if name not in seen
        and not any(schema in touched.gone_schemas for schema, _unused in pairs)
        and not all(schema.lower() in ignored for schema, _unused in pairs)
    ]


def unseen(
    wanted: Sequence[str], since: str, pairs: Iterable[Pair], sides: Sides, system: Iterable[str]
) -> Dict[Pair, str]:
    """What the accounts' privileges leave open, by table or, with '' for the schema, by what was asked for.

    :param wanted: ``schema.table``, ``schema.*`` or ``all``.
    :param since: the point after which changed tables are compared; '' for none.
    :param pairs: the tables that were chosen.
    :param sides: address and grants of both accounts.
    :param system: schemas that are never compared.
    """
    found: Dict[Pair, str] = {}
    for pair in pairs:
        _note(found, pair, [(at, ("SELECT",)) for at, own in sides if not own.table(SELECT, *pair)], "%s.%s" % pair)
    for entry in wanted:
        if entry == "all":
            _note(found, ("", entry), [(at, own.lacking((SELECT, *OF_OBJECTS), system)) for at, own in sides])
        elif entry.endswith(".*"):
            lacking = [(at, ("SELECT",)) for at, own in sides if not own.schema(SELECT, entry[:-2])]
            _note(found, ("", entry), lacking, entry)
    if since:
        _note(found, ("", "since %s" % since), [(at, own.lacking((SELECT,), system)) for at, own in sides])
    return found


def _note(
    found: Dict[Pair, str], pair: Pair, lacking: Sequence[Tuple[str, Tuple[str, ...]]], where: str = "*.*"
) -> None:
    needs = ["the account on %s needs %s on %s" % (at, ", ".join(names), where) for at, names in lacking if names]
    if needs:
        found[pair] = "part of it may be out of sight: " + ", ".join(needs)


def of_this_source(pairs: Iterable[Pair], mine: Collection[Pair], named: Collection[str]) -> List[Pair]:
    """The tables that one of several sources can answer for: those that only the replica has are the others'.

    :param mine: the tables of the source.
    :param named: entries of option tables; what is named there is compared all the same.
    """
    return [pair for pair in pairs if pair in mine or "%s.%s" % pair in named]
