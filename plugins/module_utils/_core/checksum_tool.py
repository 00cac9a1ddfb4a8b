# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pt-table-checksum of the Percona Toolkit: what it can run on, how it is called, and what its answers mean.

It runs REPLACE ... SELECT statements on the source in STATEMENT format, which the replica executes on its own rows.
Exit status and columns as in the tool's manual (3.2.1); what a version cannot run on was measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from .compare import ROWS, Difference, TableOutcome, undecided
from .statement import identifier, qualified

CHECKSUMS = "checksums"
DSNS = "dsns"
METHOD = "pt-table-checksum"
FATAL = 255
# 3.2.1 asks with SHOW MASTER STATUS, which MySQL 8.4 and later do not know (error 1064, measured on 9.7).
NEW_WORDS = (3, 6, 0)

_VERSION = re.compile(r"pt-table-checksum (\d+)\.(\d+)\.(\d+)")
_BITS: Tuple[Tuple[int, str], ...] = (
    (1, "an error that did not end it"),
    (2, "another one is running with the same PID file"),
    (4, "it was ended by a signal"),
    (8, "it found no replica"),
    (16, "rows differ"),
    (32, "it skipped chunks"),
    (64, "it skipped tables"),
    (128, "replication stopped while it ran"),
)
_ROW = re.compile(r"\d\d-\d\dT\d\d:\d\d:\d\d\s+(\d+)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+(\d+)\s+(\d+)\s+[\d.]+\s+(\S.*)")
# A name that the tool's option --tables cannot hold: it is a list with commas, and splits names at the point.
_UNSAFE = re.compile(r"[,.`\s]")

Pair = Tuple[str, str]


def version(text: str) -> Tuple[int, ...]:
    """The tool's version out of what it answers to --version; () when it is not the tool."""
    match = _VERSION.search(text)
    return tuple(int(part) for part in match.groups()) if match else ()


def unfit(tool: Sequence[int], old_words: bool, mariadb: bool, channel: str) -> str:
    """Why this version of the tool cannot check this replica; '' when it can.

    :param old_words: whether the source understands SHOW MASTER STATUS.
    :param channel: the name of the channel.
    """
    name = ".".join(str(part) for part in tool)
    if not tool:
        return "what was found is not pt-table-checksum"
    if not old_words and tuple(tool) < NEW_WORDS:
        return "pt-table-checksum %s uses statements that MySQL 8.4 and later do not have; it takes 3.6 or later" % name
    if mariadb and channel:
        return "pt-table-checksum cannot name a connection of MariaDB"
    return ""


def meaning(status: int) -> Tuple[str, ...]:
    """What the exit status says, a phrase each."""
    if status == FATAL:
        return ("it died",)
    return tuple(words for bit, words in _BITS if status & bit)


def failed(status: int) -> bool:
    """Whether nothing can be told from its results."""
    return status == FATAL or bool(status & (2 | 4 | 8))


def unsafe(pair: Pair) -> bool:
    """Whether the tool cannot be told to check a table of that name."""
    return any(_UNSAFE.search(part) for part in pair)


def dsn(host: str, port: int, socket: str, login: str) -> str:
    """A server as the tool takes it: never with a password, which stands in a file that only its owner reads.

    :raises ValueError: a part has a comma, which the tool cannot read.
    """
    parts = ["S=%s" % socket] if socket else ["h=%s" % host, "P=%d" % port]
    parts.append("F=%s" % login)
    if any("," in part for part in parts):
        raise ValueError("a name with a comma cannot be given to pt-table-checksum")
    return ",".join(parts)


def login_file(user: str, password: str, tls: Mapping[str, str]) -> str:
    """An option file for the tool's connections."""
    lines = ["[client]", "user=%s" % _quoted(user), "password=%s" % _quoted(password)]
    lines += ["%s=%s" % (name, _quoted(path)) for name, path in sorted(tls.items()) if path]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def arguments(
    source: str, schema: str, pairs: Sequence[Pair], empty: str, slice_seconds: int, max_lag: int, chunk_seconds: float,
    channel: str,
) -> List[str]:  # fmt: skip
    """The tool's arguments. Servers' binlog formats need no check: the tool's own statements are what is replicated,
    and servers below the replica are looked for before.

    :param source: the source's DSN.
    :param empty: an empty file, in place of the tool's own option files.
    """
    found = [
        "--config", empty, source, "--no-version-check", "--no-check-binlog-format", "--resume",
        "--replicate", "%s.%s" % (schema, CHECKSUMS), "--recursion-method", "dsn=D=%s,t=%s" % (schema, DSNS),
        "--tables", ",".join("%s.%s" % pair for pair in pairs), "--run-time", "%ds" % slice_seconds,
        "--max-lag", str(max_lag), "--chunk-time", "%g" % chunk_seconds,
    ]  # fmt: skip
    return found + (["--channel", channel] if channel else [])


def preparing(schema: str) -> Tuple[str, ...]:
    """The statements that make room for the tool on the source; it makes its own table itself."""
    return (
        "CREATE DATABASE %s" % identifier(schema),
        "CREATE TABLE %s (id INT NOT NULL PRIMARY KEY, parent_id INT, dsn VARCHAR(255) NOT NULL) ENGINE=InnoDB"
        % qualified(schema, DSNS),
    )


def clearing(schema: str) -> str:
    """The statement that takes all of it away."""
    return "DROP DATABASE %s" % identifier(schema)


def results_statement(schema: str) -> str:
    """What the tool found, table by table. Run on the replica: there the source's checksums stand beside its own."""
    differs = "(master_cnt <> this_cnt OR master_crc <> this_crc OR ISNULL(master_crc) <> ISNULL(this_crc))"
    return (
        "SELECT db, tbl, COUNT(*) AS chunks, SUM(master_cnt IS NULL) AS open_chunks,"
        " SUM(upper_boundary IS NULL) AS ends, SUM(master_cnt) AS source_rows, COALESCE(SUM(%s), 0) AS differing,"
        " SUM(GREATEST(CAST(master_cnt AS SIGNED) - this_cnt, 0)) AS missing,"
        " SUM(GREATEST(CAST(this_cnt AS SIGNED) - master_cnt, 0)) AS extra FROM %s GROUP BY db, tbl"
        % (differs, qualified(schema, CHECKSUMS))
    )


@dataclass(frozen=True)
class Found:
    """What the tool found in one table.

    :param ended: whether it came to the table's end.
    :param differing: how many chunks differ.
    :param missing, extra: rows that the replica lacks or has too many, at least.
    """

    pair: Pair
    chunks: int
    rows: int
    ended: bool
    differing: int
    missing: int
    extra: int


def found(rows: Iterable[Mapping[str, Any]]) -> Dict[Pair, Found]:
    """The answer to `results_statement`."""
    tables: Dict[Pair, Found] = {}
    for row in rows:
        number = {name: int(row[name] or 0) for name in row if name not in ("db", "tbl")}
        pair = (str(row["db"]), str(row["tbl"]))
        ended = number["ends"] > 0 and not number["open_chunks"]
        tables[pair] = Found(
            pair, number["chunks"], number["source_rows"], ended, number["differing"], number["missing"],
            number["extra"],
        )  # fmt: skip
    return tables


def skipped(output: str) -> Dict[str, str]:
    """Tables with errors or skipped chunks, by ``schema.table``, from what the tool printed."""
    reasons: Dict[str, str] = {}
    for line in output.splitlines():
        match = _ROW.match(line.strip())
        if match and (int(match.group(1)) or int(match.group(6))):
            reasons[match.group(7).strip()] = "pt-table-checksum: %s errors, %s chunks skipped" % match.group(1, 6)
    return reasons


def complaint(errors: str) -> str:
    """The first line of its errors that says something, without the time in front; '' without one."""
    for line in errors.splitlines():
        text = re.sub(r"\A\d\d-\d\dT\d\d:\d\d:\d\d\s*", "", line.strip())
        if text and not text.startswith(("#", "Checksumming ")):
            return text[:300]
    return ""


def outcome(pair: Pair, here: Mapping[Pair, Found], reasons: Mapping[str, str], why: str) -> TableOutcome:
    """One table's result in the shape of our own comparison.

    :param why: what to say of a table that the tool did not come to the end of.
    """
    label = "%s.%s" % pair
    own = here.get(pair)
    if own is None or (not own.differing and (not own.ended or label in reasons)):
        return undecided(label, reasons.get(label) or why or "pt-table-checksum did not come to its end")
    differences: Tuple[Difference, ...] = ()
    if own.differing:
        counts = {"changed": 0, "missing": own.missing, "extra": own.extra}
        differences = (Difference(label, ROWS, counts=counts, complete=False),)
    return TableOutcome(label, own.rows, own.chunks, METHOD, differences)
