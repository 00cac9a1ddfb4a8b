# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every finding that diagnosis can report, as a table: code, severity, verdict, meaning, remedies.

The table in the documentation is generated from here. Remedies stand least destructive first; their risk and needs are
in `remedies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple

INFO = "info"
WARNING = "warning"
ERROR = "error"

HEALTHY = "healthy"
BEHIND = "behind"
BROKEN = "broken"
BLOCKED = "blocked"
STALLED = "stalled"
DIVERGED = "diverged"
STOPPED = "stopped"
UNKNOWN = "unknown"
NOT_A_REPLICA = "not_a_replica"

# The worst of the verdicts that a channel's findings stand for is the channel's verdict.
VERDICT_ORDER: Tuple[str, ...] = (
    HEALTHY, BEHIND, UNKNOWN, STOPPED, BLOCKED, STALLED, DIVERGED, BROKEN, NOT_A_REPLICA,
)  # fmt: skip


@dataclass(frozen=True)
class FindingType:
    """One kind of finding.

    :param code: stable name.
    :param severity: `INFO`, `WARNING` or `ERROR`.
    :param verdict: what a channel with it is, or `HEALTHY` when it does not change the verdict.
    :param meaning: what it means, one or two sentences for an on-call person.
    :param remedies: names of remedies, least destructive first.
    :param not_reproduced: why no real server showed it in the tests; empty when one did.
    """

    code: str
    severity: str
    verdict: str
    meaning: str
    remedies: Tuple[str, ...] = ()
    not_reproduced: str = ""


# Not "reposition": that an object is there does not say that it is the same one, and passing looks at its definition.
_CONFLICT = ("skip_present", "rebuild")
_BINLOGS = "it is seen in the binlogs, which no fixture holds; tests/integration/test_gtid.py shows it"
_HEAL = ("heal_failing", "heal_pending", "heal_table")
_ROWS = ("reposition", "heal_rows", "gtid_append", "skip_present", *_HEAL, "rebuild")

_TYPES: Tuple[FindingType, ...] = (
    # Applier errors: a transaction that cannot be applied.
    FindingType(
        "duplicate_row", ERROR, BROKEN,
        "A row that the source inserted is on the replica already (1062): local writes, or data ahead of the "
        "recorded position. Skipping would keep the replica's row and lose the rest of the transaction.",
        _ROWS,
    ),
    FindingType(
        "missing_row", ERROR, BROKEN,
        "A row that the source changed or deleted is not on the replica (1032). Skipping an update leaves it "
        "missing for good.",
        _ROWS,
    ),
    FindingType(
        "table_exists", ERROR, BROKEN,
        "The source created a table or view that the replica has already (1050). Safe to pass only when both "
        "definitions are equal.",
        _CONFLICT,
    ),
    FindingType(
        "database_exists", ERROR, BROKEN,
        "The source created a database that the replica has already (1007).",
        _CONFLICT,
    ),
    FindingType(
        "column_exists", ERROR, BROKEN,
        "The source added a column that the replica's table has already (1060).",
        _CONFLICT,
    ),
    FindingType(
        "index_exists", ERROR, BROKEN,
        "The source added an index that the replica's table has already (1061).",
        _CONFLICT,
    ),
    FindingType(
        "drop_target_missing", ERROR, BROKEN,
        "The source dropped a column, index or constraint that the replica's table does not have (1091).",
        _CONFLICT,
    ),
    FindingType(
        "dropped_table_missing", ERROR, BROKEN,
        "The source dropped a table that the replica does not have (1051).",
        _CONFLICT,
    ),
    FindingType(
        "dropped_database_missing", ERROR, BROKEN,
        "The source dropped a database that the replica does not have (1008).",
        ("reposition", "skip_present", "rebuild"),
    ),
    FindingType(
        "table_missing", ERROR, BROKEN,
        "A transaction needs a table that the replica does not have (1146): it was dropped here, or never came. On "
        "MySQL 5.6 a statement that failed on the source in another way shows as this, too.",
        (_ROWS[0], "pass_mismatch", *_ROWS[1:4], "heal_table", *_HEAL[:2], "rebuild"),
    ),
    FindingType(
        "database_missing", ERROR, BROKEN,
        "A transaction needs a database that the replica does not have (1049).",
        ("reposition", "skip_present", "heal_table", "rebuild"),
    ),
    FindingType(
        "column_missing", ERROR, BROKEN,
        "A statement names a column that the replica's table does not have (1054).",
        ("reposition", "alter_definition", "rebuild"),
    ),
    FindingType(
        "routine_exists", ERROR, BROKEN,
        "The source created a procedure or function that the replica has already (1304).",
        _CONFLICT,
    ),
    FindingType(
        "trigger_exists", ERROR, BROKEN,
        "The source created a trigger that the replica has already (1359).",
        _CONFLICT,
    ),
    FindingType(
        "event_exists", ERROR, BROKEN,
        "The source created an event that the replica has already (1537).",
        _CONFLICT,
    ),
    FindingType(
        "account_conflict", ERROR, BROKEN,
        "The source created or dropped an account that the replica already has, or does not have (1396).",
        _CONFLICT,
    ),
    FindingType(
        "column_type_differs", ERROR, BROKEN,
        "A column has another type on the replica and its values cannot be converted (1677, MySQL 9.7: 13146).",
        ("heal_rows", "heal_failing", "alter_definition", "rebuild"),
    ),
    FindingType(
        "column_count_differs", ERROR, BROKEN,
        "A statement or row does not fit the replica's table: the table has other columns (1136, 1535). In "
        "statement format this is what data ahead of the recorded position looks like.",
        ("reposition", "heal_failing", "alter_definition", "rebuild"),
    ),
    FindingType(
        "error_mismatch", ERROR, BROKEN,
        "The source logged a statement together with an error; the replica ran it with another result. The "
        "statement may have left rows behind on one side. An empty transaction does not help.",
        ("pass_mismatch", "rebuild"),
    ),
    FindingType(
        "partial_completion", ERROR, BROKEN,
        "A statement was killed on the source after it had changed rows that cannot be rolled back. The replica "
        "has run none of it.",
        ("pass_mismatch", "rebuild"),
    ),
    FindingType(
        "foreign_key_failed", ERROR, BROKEN,
        "A row's parent or child is not what it is on the source (1451, 1452): rows are missing or too many.",
        _ROWS,
    ),
    FindingType(
        "lock_wait_exhausted", ERROR, BROKEN,
        "The applier waited for a lock longer than it may, as often as it may (1205, 1213). The cause is a local "
        "session, not the data.",
        ("restart",),
    ),
    FindingType(
        "unknown_collation", ERROR, BROKEN,
        "A statement uses a collation or character set that this server does not know (1273, 1115): the source is "
        "of a newer kind.",
        ("look", "rebuild"),
    ),
    FindingType(
        "packet_too_large", ERROR, BROKEN,
        "An event is larger than max_allowed_packet allows, here or on the source (1153, 1236).",
        ("look",),
    ),
    FindingType(
        "disk_full", ERROR, BROKEN,
        "The server has no room on its disk. Nothing is lost; make room. A thread that waits goes on by itself within "
        "a minute; one that has stopped is started.",
        ("look", "restart"),
    ),
    FindingType(
        "applier_privilege_missing", ERROR, BROKEN,
        "The account that the applier runs as lacks a privilege (1142, 1227).",
        ("look", "restart"),
    ),
    FindingType(
        "gtid_out_of_order", ERROR, BROKEN,
        "MariaDB in strict mode met a GTID that is out of order (1950): local writes in the source's domain, or a "
        "position set too far back.",
        ("roll_back", "gtid_append", "rebuild"),
    ),
    FindingType(
        "relay_log_unreadable", ERROR, BROKEN,
        "The relay log is damaged. The source usually still has everything in it.",
        ("refetch", "reposition", "heal_rows", "refetch_unverified", "rebuild"),
    ),
    FindingType(
        "relay_log_missing", ERROR, BROKEN,
        "The relay logs, or what the server knows of them, are gone or do not fit together.",
        ("refetch", "reposition", "heal_rows", "refetch_unverified", "rebuild"),
    ),
    FindingType(
        "applier_error", ERROR, BROKEN,
        "The applier stopped with an error that has no class of its own. With parallel appliers MySQL 5.6 hides behind "
        "1756 that source and replica disagree about a statement's error.",
        ("look", "pass_mismatch"),
    ),
    # Receiver errors: events that cannot be fetched.
    FindingType(
        "purged_on_source", ERROR, BROKEN,
        "The source no longer has binlogs that the replica needs.",
        ("fetch", "fetch_archive", "rebuild"),
    ),
    FindingType(
        "rebuild_unfinished", ERROR, BROKEN,
        "The replica is being built anew, or was until that run was cut short. Its data is not complete; its channel "
        "points at a binlog that no source has, so that it cannot start. Run the rebuild again.",
        ("rebuild",),
        not_reproduced="the tests of the rebuild itself show it, where a run is cut short",
    ),
    FindingType(
        "replica_ahead", ERROR, DIVERGED,
        "The replica has transactions of the source that the source itself does not have: the source lost the end "
        "of its binlog. Never simply restart: once the source has reused the numbers, the error disappears and "
        "the data differ.",
        ("replay", "roll_back_reset", "rebuild"),
    ),
    FindingType(
        "gtid_diverged", ERROR, DIVERGED,
        "MariaDB: the replica asks for a GTID of its own local writes, which the source does not have.",
        ("roll_back", "rebuild"),
    ),
    FindingType(
        "position_beyond_source", ERROR, DIVERGED,
        "The replica asks for a position behind the end of the source's binlog: the source lost the end of it. Never "
        "point it elsewhere by hand: what the source writes next takes the place of what it lost, and nothing tells.",
        ("replay", "roll_back_lost", "rebuild"),
    ),
    FindingType(
        "duplicate_replica", ERROR, BROKEN,
        "Another replica with the same server id or UUID is connected to the source; they throw each other out.",
        ("look",),
    ),
    FindingType(
        "duplicate_server_id", ERROR, BROKEN,
        "Source and replica have the same server id or UUID.",
        ("look",),
    ),
    FindingType(
        "certificate_expired", ERROR, BROKEN,
        "A certificate of the connection to the source is not valid now.",
        ("look", "start"),
    ),
    FindingType(
        "source_tls", ERROR, BROKEN,
        "The connection to the source fails at TLS.",
        ("look",),
    ),
    FindingType(
        "source_authentication", ERROR, BROKEN,
        "The source does not accept the replication account, its password or its address, or takes them by TLS or its "
        "public key alone (2061).",
        ("look",),
    ),
    FindingType(
        "source_privilege_missing", ERROR, BROKEN,
        "The replication account lacks REPLICATION SLAVE on the source.",
        ("look",),
    ),
    FindingType(
        "source_unreachable", ERROR, BROKEN,
        "The replica cannot reach the source. It tries again by itself.",
        ("wait", "look"),
    ),
    FindingType(
        "source_binlog_unreadable", ERROR, BROKEN,
        "The source cannot read its own binlog at this point.",
        ("look", "rebuild"),
    ),
    FindingType(
        "relay_log_write_failed", ERROR, BROKEN,
        "The receiver cannot put what the source sends into the relay log: an event is damaged, in the source's "
        "binlog or on the way, or the relay log cannot be written.",
        ("look", "rebuild"),
    ),
    FindingType(
        "receiver_error", ERROR, BROKEN,
        "The receiver stopped with an error that has no class of its own.",
        ("look",),
    ),
    # State without an error.
    FindingType(
        "stopped_applier", WARNING, STOPPED,
        "The applier is stopped without an error: a backup, an UNTIL, or somebody's caution.",
        ("start",),
    ),
    FindingType(
        "stopped_receiver", WARNING, STOPPED,
        "The receiver is stopped without an error: a backup, or somebody's caution.",
        ("start",),
    ),
    FindingType(
        "stopped_at_until", WARNING, STOPPED,
        "The applier stopped where it was told to stop (START ... UNTIL).",
        ("start",),
    ),
    FindingType(
        "applier_stalled", ERROR, STALLED,
        "Both threads say Yes and nothing is applied: events wait, all workers are idle, no lock is waited for.",
        ("refetch", "refetch_unverified"),
    ),
    FindingType(
        "applier_blocked", WARNING, BLOCKED,
        "The applier waits for a lock that a session here holds. Nothing is broken.",
        ("wait",),
    ),
    FindingType(
        "applier_busy", INFO, BEHIND,
        "The applier is inside a long transaction. Nothing is broken.",
        ("wait",),
    ),
    FindingType(
        "missing_primary_key", WARNING, HEALTHY,
        "The applier works on a table without a primary key: every changed row may cost a scan of the table.",
        ("wait",),
    ),
    FindingType(
        "behind", INFO, BEHIND,
        "The replica has not applied everything it knows of yet.",
        ("wait",),
    ),
    FindingType(
        "delayed", INFO, HEALTHY,
        "The channel is delayed on purpose.",
        (),
    ),
    FindingType(
        "receiver_connecting", WARNING, BROKEN,
        "The receiver has not connected yet.",
        ("wait", "look"),
    ),
    # GTID sets.
    FindingType(
        "gtid_gap", INFO, HEALTHY,
        "Transactions before the newest applied one are still on their way (parallel appliers).",
        ("wait",),
    ),
    FindingType(
        "gtid_hole", ERROR, DIVERGED,
        "Transactions before the newest applied one were never applied and will not come by themselves. With auto "
        "position the source sends them again once the relay logs are thrown away.",
        ("refetch", "gtid_append"),
    ),
    FindingType(
        "position_gap", WARNING, HEALTHY,
        "Parallel appliers stopped with gaps: the recorded position is not the whole truth until they are closed.",
        ("look",),
    ),
    FindingType(
        "binlog_incomplete", WARNING, HEALTHY,
        "The replica's own binlogs lack transactions in their middle that count as executed, as after a repair by "
        "gtid_append: it is no donor of them and no base for recovery to a point in time. Think of it before it is "
        "promoted. Gone when the binlogs before them are purged.",
        (),
    ),
    FindingType(
        "errant", ERROR, DIVERGED,
        "The replica has transactions that no source of it has: somebody wrote here.",
        ("replay", "roll_back", "roll_back_reset", "rebuild"),
    ),
    FindingType(
        "conflicting_writes", ERROR, DIVERGED,
        "Two servers that replicate from each other wrote to the same row, and neither can apply what the other wrote. "
        "Healing each by itself would swap the rows. A person says whose transaction counts.",
        ("roll_back_here", "roll_back_there"),
        not_reproduced="it takes two primaries; tests/integration/test_gtid_conflict.py shows it",
    ),
    FindingType(
        "errant_harmless", INFO, HEALTHY,
        "The replica has transactions that no source of it has, and they change nothing: FLUSH, ANALYZE, OPTIMIZE, or "
        "empty ones. After a promotion they reach every server; once their binlogs are purged, others cannot follow.",
        ("inject_harmless",), not_reproduced=_BINLOGS,
    ),
    FindingType(
        "lost_tail", ERROR, DIVERGED,
        "The replica has transactions of the source that the source does not have: it lost them in a crash. What it "
        "writes next takes their numbers or coordinates, so repair this before anything is written or started.",
        ("replay", "roll_back_reset", "rebuild"),
    ),
    FindingType(
        "gtid_collision", ERROR, DIVERGED,
        "Source and replica have different transactions under the same numbers or coordinates: the source lost some in "
        "a crash and has written others in their place. Replication may run, with equal sets; the rows differ.",
        ("roll_back_reset", "rebuild"), not_reproduced=_BINLOGS,
    ),
    FindingType(
        "source_caught_up", ERROR, BROKEN,
        "The receiver stopped because the source lacked transactions. It has them now, and what both have is the same.",
        ("refetch",), not_reproduced=_BINLOGS,
    ),
    FindingType(
        "allowed_local", INFO, HEALTHY,
        "Local transactions that are on the list of intended ones.",
        (),
    ),
    FindingType(
        "will_be_purged", WARNING, HEALTHY,
        "The source has purged transactions that the replica has not applied; they are only in its relay logs.",
        ("wait",),
    ),
    FindingType(
        "source_unknown", INFO, HEALTHY,
        "The source could not be asked, so what needs it (purged, lost or errant transactions) is unknown.",
        (),
    ),
    # Settings and surroundings.
    FindingType(
        "filters", INFO, HEALTHY,
        "Replication filters are set: parts of the source are left out on purpose.",
        (),
    ),
    FindingType(
        "skip_settings", WARNING, HEALTHY,
        "Errors are skipped permanently by a setting: rows may be lost without a word. Where the role error_policy set "
        "it, the option file says why, since when and until when, and the role removes it.",
        ("look",),
    ),
    FindingType(
        "skip_pending", WARNING, HEALTHY,
        "A skip counter is set and has not been used: the next transaction would be skipped.",
        ("look",),
    ),
    FindingType(
        "idempotent", WARNING, HEALTHY,
        "The applier runs in IDEMPOTENT mode: missing and duplicate rows pass without a word.",
        ("look",),
    ),
    FindingType(
        "cluster_member", INFO, HEALTHY,
        "The server is a member of a cluster that has repairs of its own; nothing is written here.",
        (),
    ),
    FindingType(
        "managed_server", INFO, HEALTHY,
        "The server is managed by a service or an orchestrator; nothing is written here without "
        "repair_managed_ok.",
        (), "no managed service can be reached from a test",
    ),
    FindingType(
        "unreadable", WARNING, HEALTHY,
        "Part of the picture could not be read, mostly for want of a privilege; what depends on it is not judged. "
        "When it is the replication status itself, the verdict is unknown.",
        ("look",),
    ),
    FindingType(
        "not_a_replica", INFO, NOT_A_REPLICA,
        "The server has no replication channel.",
        (),
    ),
)  # fmt: skip

TYPES: Mapping[str, FindingType] = {kind.code: kind for kind in _TYPES}
