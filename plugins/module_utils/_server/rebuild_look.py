# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a donor before anything is dropped: how much there is, and whether all of it can be copied exactly."""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, Sequence, Tuple

from .._core import rebuild as rules
from .._core.accounts import copying_privileges
from .._core.compare_rows import BASE_TABLE, Table
from .._core.errors import RefusedError, ServerError
from .._core.rebuild import ATTEMPT
from .._core.snapshot import Server
from . import compare_catalog, own_host
from .connect import Connection
from .rebuild_invalid import check_views

# What a copy manages at the least, for the estimate of how long the source's binlogs are needed.
SLOW_BYTES = 2 << 20
_SIZES = (
    "SELECT COALESCE(SUM(TABLE_ROWS), 0) AS n, COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS bytes"
    " FROM information_schema.TABLES WHERE TABLE_TYPE <> 'VIEW' AND TABLE_SCHEMA NOT IN"
    " ('information_schema', 'mysql', 'ndbinfo', 'performance_schema', 'sys')"
)
# MySQL 8 and later; MySQL 5.7 and MariaDB; MySQL 5.6 does not tell.
_FILES = tuple(
    "SELECT COALESCE(SUM(ALLOCATED_SIZE), 0) AS n FROM information_schema.%s WHERE NAME LIKE '%%/%%'"
    " AND NAME NOT LIKE 'mysql/%%' AND NAME NOT LIKE 'sys/%%'" % name
    for name in ("INNODB_TABLESPACES", "INNODB_SYS_TABLESPACES")
)
_ACCOUNTS = "SELECT User, Host FROM mysql.user"


def sizes(reader: Connection) -> Tuple[int, int]:
    """Rows and bytes of all tables outside the system schemas, as the server estimates them.

    The estimate of bytes lags behind, on MySQL 8 and later by a day (``information_schema_stats_expiry``); the sizes of
    the files do not.
    """
    row = reader.one(_SIZES) or {"n": 0, "bytes": 0}
    return int(row["n"]), max(int(row["bytes"]), _files(reader))


def _files(reader: Connection) -> int:
    for statement in _FILES:
        with suppress(ServerError):
            return int((reader.one(statement) or {"n": 0})["n"])
    return 0


def look(reader: Connection, target: Connection, source: Server, copied: bool) -> Tuple[int, Tuple[str, ...]]:
    """How many rows are to be copied, and what is to be said about them.

    :param source: the channel's source, which has to keep its binlogs meanwhile.
    :param copied: by statements of our account, without the accounts: missing ones are named.
    :raises RefusedError: something cannot be copied exactly, has no room, or takes longer than the source keeps its
        binlogs.
    """
    rows, size = sizes(reader)
    if copied:
        check_account(target, copying_privileges(source.flavour.engine))
        check_views(reader)
    _check_packets(reader, target)
    tables(reader)
    said = "About %s rows, %.1f MB with indexes, are to be copied." % (format(rows, ","), size / 1e6)
    lacking = accounts(reader, target) if copied else ""
    notes = (said, rules.check_expiry(source, size / SLOW_BYTES), lacking)
    return rows, (*(note for note in notes if note), *check_room(target, size))


def accounts(reader: Connection, target: Connection) -> str:
    """Which accounts of the donor are not here, as far as both may be read."""
    try:
        sides = [{(str(row["User"]), str(row["Host"])) for row in one.query(_ACCOUNTS)} for one in (reader, target)]
    except ServerError:
        return "Whether the donor has accounts that are not here could not be read."
    return rules.missing_accounts(sorted(sides[0] - sides[1]))


def check_room(target: Connection, wanted: int) -> Tuple[str, ...]:
    """Refuse what the data directory has no room for, where that can be seen; what is to be said otherwise.

    :param wanted: bytes that are to come when everything was dropped.
    :raises RefusedError: there is not enough.
    """
    free = own_host.free(target)
    if free is None:
        return ("How much room there is on the replica cannot be seen from here.",)
    dropped = sizes(target)[1]
    if free + dropped < wanted * own_host.SPARE:
        raise RefusedError(
            ATTEMPT, target.address,
            "%.1f MB are free there, what is dropped takes %.1f MB, and what comes may take %.1f MB"
            % (free / 1e6, dropped / 1e6, wanted * own_host.SPARE / 1e6),
            "Nothing was changed. Make room on the file system of its data directory.",
        )  # fmt: skip
    return ()


def check_account(target: Connection, wanted: Sequence[str]) -> None:
    """Refuse an account that would be told only half way that it may not.

    :param wanted: privileges on ``*.*``.
    :raises RefusedError: it lacks some; all are named.
    """
    lacking = ", ".join(compare_catalog.visible(target).lacking(wanted, compare_catalog.SYSTEM_SCHEMAS))
    if lacking:
        raise RefusedError(
            ATTEMPT, target.address, "the account lacks %s on *.* here" % lacking,
            "Nothing was changed. GRANT %s ON *.* to it; docs/accounts.md says what each is for." % lacking,
        )  # fmt: skip


def _check_packets(reader: Connection, target: Connection) -> None:
    statement = "SELECT @@GLOBAL.max_allowed_packet AS n"
    theirs, mine = (int((one.one(statement) or {"n": 0})["n"]) for one in (reader, target))
    if theirs > mine:
        raise RefusedError(
            ATTEMPT, target.address,
            "its max_allowed_packet is %d, the donor's %d: a row may not fit" % (mine, theirs),
            "SET GLOBAL max_allowed_packet = %d there." % theirs,
        )  # fmt: skip


def tables(reader: Connection) -> Dict[Tuple[str, str], Table]:
    """The donor's tables; refuses what cannot be copied exactly."""
    found = compare_catalog.tables(reader)
    wrong = []
    for table in found.values():
        if table.kind.upper() == "SYSTEM VERSIONED":
            wrong.append("%s keeps a history of its rows" % table.label)
        elif table.kind.upper() == BASE_TABLE and not table.in_views:
            wrong.append("%s is of engine %s, which has no read view" % (table.label, table.engine or "none"))
    if wrong:
        raise RefusedError(
            ATTEMPT, reader.address, "; ".join(wrong[:10]) + (" and more" if len(wrong) > 10 else ""),
            "Convert these tables (ALTER TABLE ... ENGINE = InnoDB), or build the replica anew from a physical "
            "backup.",
        )  # fmt: skip
    return found
