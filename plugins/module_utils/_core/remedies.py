# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remedies as a table: which module applies one, what it puts at risk, what it needs and what it destroys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple

RISKS: Tuple[str, ...] = ("none", "replica_rows", "replica_history", "rebuild")


@dataclass(frozen=True)
class Remedy:
    """One way to repair.

    :param name: stable name, used in results and in ``repair_strategy``.
    :param module: the module of this collection that applies it; empty where there is nothing to apply.
    :param risk: what it puts at risk when all its conditions hold, one of `RISKS`.
    :param needs: what must be reachable or granted.
    :param destroys: what is gone afterwards, for people; empty when nothing is.
    :param meaning: what it does, one sentence.
    """

    name: str
    module: str
    risk: str
    meaning: str
    needs: Tuple[str, ...] = ()
    destroys: str = ""


def _table(*remedies: Remedy) -> Mapping[str, Remedy]:
    return {remedy.name: remedy for remedy in remedies}


REMEDIES: Mapping[str, Remedy] = _table(
    Remedy("wait", "", "none", "Nothing has to be repaired: wait."),
    Remedy("look", "", "none", "A person has to look: the evidence says where."),
    Remedy(
        "start",
        "replica_channel",
        "none",
        "Start the threads that are stopped without an error (only with repair_start_stopped).",
        ("repairer",),
    ),
    Remedy(
        "restart",
        "replica_channel",
        "none",
        "Start the applier again: the cause was temporary (lock wait, full disk).",
        ("repairer",),
    ),
    Remedy(
        "refetch",
        "replica_channel",
        "none",
        "Throw the relay logs away and fetch them again from the source, which still has everything.",
        ("repairer", "source"),
        "the relay logs (the source has the same transactions)",
    ),
    Remedy(
        "refetch_unverified",
        "replica_channel",
        "replica_history",
        "Throw the relay logs away although it is not known whether the source has everything in them; refused when it "
        "is known to lack some.",
        ("repairer",),
        "transactions that exist only in the relay logs",
    ),
    Remedy(
        "skip_present",
        "replica_skip",
        "replica_rows",
        "Pass the failing transaction after its whole effect was verified to be present.",
        ("repairer",),
    ),
    Remedy(
        "pass_mismatch",
        "mismatch_repair",
        "replica_rows",
        "Pass a transaction that the source logged together with an error, and make the tables that it touched equal.",
        ("repairer", "source"),
        "the rows of these tables as they are (the undo record keeps them)",
    ),
    Remedy(
        "heal_rows",
        "row_repair",
        "replica_rows",
        "Bring rows of several positions to the last of them by the source's images, and replicate from there.",
        ("repairer", "source"),
        "the rows as they are (the undo record keeps them)",
    ),
    Remedy(
        "heal_failing",
        "row_repair",
        "replica_rows",
        "Make the rows what the failing transaction expects, by the images in the source's binlog, and apply it.",
        ("repairer", "source"),
        "what these rows held on the replica (the undo record keeps them)",
    ),
    Remedy(
        "heal_pending",
        "row_repair",
        "replica_rows",
        "Make the rows what all transactions expect that are to be applied, by the images in the source's binlog.",
        ("repairer", "source"),
        "what these rows held on the replica (the undo record keeps them)",
    ),
    Remedy(
        "heal_table",
        "table_repair",
        "replica_rows",
        "Make the whole table what it is on the source at the replica's applied point, definition and rows where it is "
        "missing, by a snapshot of the source and the images in its binlog since, and let the applier go on.",
        ("repairer", "source", "definer where a table is missing"),
        "what the rows of the table held on the replica (the undo record keeps them)",
    ),
    Remedy(
        "alter_definition",
        "definition_repair",
        "replica_rows",
        "Show the ALTER TABLE that gives a table the columns it has on the source; with repair_alter_definitions run "
        "it, make the rows what the applier expects, and let it go on.",
        ("definer", "source"),
        "the definition and the rows of the table as they are (the undo records keep them)",
    ),
    Remedy(
        "reposition",
        "change_master",
        "none",
        "Find the position the data is really at, and replicate from there (coordinates only).",
        ("repairer", "source"),
    ),
    Remedy(
        "gtid_append",
        "gtid_repair",
        "replica_rows",
        "Find the transactions whose changes the rows show to be here, and let them count as executed (GTIDs only).",
        ("repairer", "source"),
        "the empty record of these transactions: servers below never get them from here",
    ),
    Remedy(
        "replay",
        "binlog_apply",
        "replica_rows",
        "Apply transactions that only the replica has to the source, under their GTIDs (only with "
        "repair_winner=replica and repair_allow_source_write).",
        ("repairer", "source"),
        "what the rows held on the source (the undo record keeps it)",
    ),
    Remedy(
        "roll_back",
        "binlog_apply",
        "replica_rows",
        "Apply the exact inverse of transactions that only this replica has, and let empty ones take their GTIDs on "
        "the source (only with repair_winner=source and repair_allow_source_write).",
        ("repairer", "source"),
        "what the transactions wrote (the undo record keeps it)",
    ),
    Remedy(
        "resume",
        "replica_channel",
        "none",
        "Start the threads: the source has again what it lacked, and both have the same.",
        ("repairer", "source"),
    ),
    Remedy(
        "fetch",
        "binlog_apply",
        "none",
        "Apply what is missing here, under its GTIDs, from the binlog of a server in replica_members that still has it "
        "(the source itself unless it has purged it), and go on from there.",
        ("repairer", "members"),
    ),
    Remedy(
        "fetch_archive",
        "binlog_apply",
        "none",
        "Apply what the source has purged from a directory of archived binlogs, under its GTIDs, and go on from there "
        "(only with repair_binlog_archive).",
        ("repairer", "archive"),
    ),
    Remedy(
        "roll_back_reset",
        "binlog_apply",
        "replica_history",
        "Apply the exact inverse of transactions that the source does not have, and take their numbers out of this "
        "replica's history, so that it gets what the source has under them (only with repair_winner=source).",
        ("repairer", "source"),
        "what the transactions wrote (the undo record keeps it), and this replica's own binlogs",
    ),
    Remedy(
        "roll_back_lost",
        "binlog_apply",
        "replica_rows",
        "Apply the exact inverse of transactions that the source has lost, and replicate from where its binlog goes on "
        "(coordinates; only with repair_winner=source).",
        ("repairer", "source"),
        "what the transactions wrote (the undo record keeps it)",
    ),
    Remedy(
        "repoint",
        "change_master",
        "none",
        "Replicate from behind the last transaction that both binlogs hold: the source has all that is applied "
        "(coordinates).",
        ("repairer", "source"),
    ),
    Remedy(
        "roll_back_here",
        "binlog_apply",
        "replica_rows",
        "Apply the exact inverse of this server's transaction at which its source stopped, and let an empty one take "
        "its GTID there, or pass it (only with repair_winner=source and repair_allow_source_write).",
        ("repairer", "source"),
        "what the transaction wrote (the undo record keeps it)",
    ),
    Remedy(
        "roll_back_there",
        "binlog_apply",
        "replica_rows",
        "Apply the exact inverse of the source's transaction at which this server stopped on the source, and let an "
        "empty one take its GTID here, or pass it (only with repair_winner=replica and repair_allow_source_write).",
        ("repairer", "source"),
        "what the transaction wrote (the undo record keeps it)",
    ),
    Remedy(
        "inject_harmless",
        "gtid_repair",
        "none",
        "Let empty transactions take the numbers on the source of transactions that change nothing (only with "
        "repair_allow_source_write).",
        ("repairer", "source"),
    ),
    Remedy(
        "rebuild",
        "replica_rebuild",
        "rebuild",
        "Build the replica anew from a donor.",
        ("rebuilder", "source"),
        "all data of the replica, and its binlogs (transactions that only it has are kept in a file)",
    ),
)


def allowed(risk: str, max_risk: str) -> bool:
    """True when a risk does not exceed the level the caller allows. Raises ValueError for unknown words."""
    return RISKS.index(risk) <= RISKS.index(max_risk)
