# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills the tables of docs/broken.md from the classes of errors, the findings and what real servers answered."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / ".venv" / "collections"), str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "tools")]

from ansible_collections.replicaops.mysql.plugins.module_utils._core.fault_classes import (  # noqa: E402
    CLASSES,
    RECEIVER,
    cause,
    classify,
)
from ansible_collections.replicaops.mysql.plugins.module_utils._core.finding_types import TYPES  # noqa: E402
from ansible_collections.replicaops.mysql.plugins.module_utils._core.remedies import REMEDIES  # noqa: E402
from ansible_collections.replicaops.mysql.plugins.module_utils._core.snapshot import Fault  # noqa: E402
from finding_table import evidence  # noqa: E402

PAGE = CHECKOUT / "docs" / "broken.md"
FAILURES = CHECKOUT / "docs" / "failures"
PART = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end of table -->)", re.S)
_TEXT = 130
_BEGINNING = 30
_FATAL = re.compile(r"^Got fatal error \d+ from (?:source|master) when reading data from binary log: '(.*?)'?$", re.S)

# Which page tells about a finding.
_ROWS, _AHEAD, _OBJECTS = "rows-that-differ", "data-ahead-of-position", "missing-or-existing-objects"
_DEFINITIONS, _LOGGED, _SETS = "definitions-that-differ", "source-logged-an-error", "gtid-holes-and-errant"
_TAIL, _TWO, _PURGED, _RELAY = "lost-tail-after-crash", "two-primaries", "purged-at-the-source", "relay-log-damage"
_CONNECT, _DISK = "receiver-cannot-connect", "full-disk"
TOLD: Dict[str, Tuple[str, ...]] = {
    "duplicate_row": (_ROWS, _AHEAD, _TWO), "missing_row": (_ROWS, _AHEAD), "foreign_key_failed": (_ROWS,),
    "table_exists": (_OBJECTS, _AHEAD), "database_exists": (_OBJECTS,), "column_exists": (_OBJECTS, _AHEAD),
    "index_exists": (_OBJECTS, _AHEAD), "drop_target_missing": (_OBJECTS,), "dropped_table_missing": (_OBJECTS,),
    "dropped_database_missing": (_OBJECTS,), "routine_exists": (_OBJECTS,), "trigger_exists": (_OBJECTS,),
    "event_exists": (_OBJECTS,), "account_conflict": (_OBJECTS,), "table_missing": (_OBJECTS,),
    "database_missing": (_OBJECTS,), "column_missing": (_DEFINITIONS, _AHEAD),
    "column_count_differs": (_DEFINITIONS, _AHEAD), "column_type_differs": (_DEFINITIONS,),
    "unknown_collation": (_DEFINITIONS,), "error_mismatch": (_LOGGED,), "partial_completion": (_LOGGED,),
    "gtid_out_of_order": (_SETS,), "gtid_diverged": (_SETS,), "gtid_hole": (_SETS,), "gtid_gap": (_SETS,),
    "errant": (_SETS,), "errant_harmless": (_SETS,), "lost_tail": (_TAIL,), "replica_ahead": (_TAIL,),
    "position_beyond_source": (_TAIL,), "gtid_collision": (_TAIL,), "source_caught_up": (_TAIL,),
    "conflicting_writes": (_TWO,), "purged_on_source": (_PURGED,), "will_be_purged": (_PURGED,),
    "relay_log_unreadable": (_RELAY,), "relay_log_missing": (_RELAY,), "applier_stalled": (_RELAY,),
    "source_binlog_unreadable": (_RELAY,), "relay_log_write_failed": (_RELAY,),
    "source_unreachable": (_CONNECT,), "source_authentication": (_CONNECT,), "source_privilege_missing": (_CONNECT,),
    "source_tls": (_CONNECT,), "certificate_expired": (_CONNECT,), "duplicate_server_id": (_CONNECT,),
    "duplicate_replica": (_CONNECT,), "receiver_connecting": (_CONNECT,), "disk_full": (_DISK,),
}  # fmt: skip

# Met on real servers in a mode in which no fixture was taken.
MET: Tuple[Tuple[int, str, str], ...] = (
    (13114, RECEIVER, "Cannot replicate because the source purged required binary logs. Replicate the missing"
     " transactions from elsewhere, or provision a new replica from backup."),
    (1236, RECEIVER, "The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the master has"
     " purged binary logs containing GTIDs that the slave requires."),
    (1236, RECEIVER, "Client requested master to start replication from impossible position"),
)  # fmt: skip

# What a person sees where no error tells, and what it may be.
SYMPTOMS: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("Both threads say Yes, the lag grows, nothing moves",
     ("applier_stalled", "applier_blocked", "applier_busy", "missing_primary_key", "disk_full")),
    ("Both threads say Yes, and the lag stays the same", ("delayed",)),
    ("SHOW REPLICA STATUS does not answer", ("disk_full",)),
    ("The lag is large and shrinks", ("behind",)),
    ("The applier says No and no error is shown", ("stopped_applier", "stopped_at_until", "relay_log_missing")),
    ("The applier says No, the number is 0, and there is a text", ("error_mismatch",)),
    ("The receiver says No and no error is shown", ("stopped_receiver",)),
    ("The receiver says Connecting",
     ("receiver_connecting", "source_unreachable", "source_authentication", "source_tls", "certificate_expired")),
    ("Both threads say Yes, and the GTID sets differ",
     ("gtid_gap", "gtid_hole", "errant", "errant_harmless", "lost_tail")),
    ("The error about more GTIDs, or a position behind the end, went away by itself",
     ("gtid_collision", "source_caught_up")),
    ("Two servers that replicate from each other both stopped", ("conflicting_writes",)),
    ("Both threads say Yes, and the data differ", ("gtid_collision", "skip_settings", "idempotent", "filters")),
    ("CHANGE is refused with 1802", ("position_gap",)),
    ("SHOW REPLICA STATUS is empty", ("not_a_replica",)),
)  # fmt: skip


def page() -> str:
    """The page with its tables filled."""
    tables = {"kinds": _kinds, "numbers": _numbers, "texts": _texts, "symptoms": _symptoms}
    return PART.sub(lambda found: found[1] + "\n".join(tables[found[2]]()) + "\n" + found[4], PAGE.read_text("utf-8"))


def told(code: str) -> str:
    """Links to the pages that tell about a finding; to its line in the table of findings where none does."""
    names = TOLD.get(code)
    if not names:
        return "[what servers show](findings.md#%s)" % code
    return ", ".join("[%s](failures/%s.md)" % (_title(name), name) for name in names)


def command(code: str) -> str:
    """The playbook to call: one that repairs where there is a remedy for it, else the one that tells more."""
    able = [name for name in TYPES[code].remedies if REMEDIES[name].module and name != "rebuild"]
    if code in ("skip_settings", "idempotent", "filters"):
        return "`verify`"
    if code in ("stopped_applier", "stopped_receiver", "stopped_at_until") or not able:
        return "`diagnose`"
    return "`gtid --check`" if code in ("gtid_collision", "conflicting_writes") else "`repair --check`"


def _title(name: str) -> str:
    return (FAILURES / (name + ".md")).read_text("utf-8").split("\n", 1)[0].lstrip("# ")


def _kinds() -> Iterator[str]:
    """A line for each page: what it is about and the numbers that lead there, first its own."""
    met = {(number, code) for number, code, _text in _answers() if number > 0}
    met |= {(number, kind.code) for kind in CLASSES for number in kind.numbers}
    yield "| page | in short | numbers |"
    yield "|---|---|---|"
    for name in dict.fromkeys(name for names in TOLD.values() for name in names):
        short = (FAILURES / (name + ".md")).read_text("utf-8").split("\n\n")[1].replace("\n", " ")
        numbers = sorted({number for number, code in met if name in TOLD.get(code, ())})
        shown = ", ".join(map(str, numbers)) or "none"
        yield "| [%s](failures/%s.md) | %s | %s |" % (_title(name), name, short, shown)


def _numbers() -> Iterator[str]:
    met = [(number, code, text) for number, code, text in _answers() if number > 0]
    known = {(number, code) for number, code, _text in met}
    silent: Dict[str, List[int]] = {}
    for kind in CLASSES:
        for number in kind.numbers:
            if (number, kind.code) not in known and number not in silent.setdefault(kind.code, []):
                silent[kind.code].append(number)
    lines: List[Tuple[Tuple[int, ...], str, str]] = [((number,), code, text) for number, code, text in met]
    lines += [(tuple(sorted(numbers)), code, "") for code, numbers in silent.items() if numbers]
    yield "| number | text | finding | meaning | call | page |"
    yield "|---|---|---|---|---|---|"
    for numbers, code, text in sorted(lines):
        yield "| %s | %s | %s |" % (", ".join(map(str, numbers)), _code(text), _rest(code))


def _texts() -> Iterator[str]:
    yield "| text | finding | meaning | call | page |"
    yield "|---|---|---|---|---|"
    for number, code, text in _answers():
        if number == 0:
            yield "| %s | %s |" % (_code(text), _rest(code))


def _symptoms() -> Iterator[str]:
    yield "| what is seen | finding | meaning | call | page |"
    yield "|---|---|---|---|---|"
    for symptom, codes in SYMPTOMS:
        for place, code in enumerate(codes):
            yield "| %s | %s |" % (symptom if place == 0 else "", _rest(code))


def _answers() -> List[Tuple[int, str, str]]:
    """Number, finding and text of every error that a server showed; where the text decides, each text."""
    shown = [
        (number, code, _plain(text))
        for code, flavours in evidence().items()
        for errors in flavours.values()
        for number, text in errors
        if number is not None
    ]
    shown += [(number, classify(Fault(number, text), thread), _plain(text)) for number, thread, text in MET]
    shared = {
        number for number, code, _text in shown if any(other[0] == number and other[1] != code for other in shown)
    }
    found: Dict[Tuple[int, str, str], Tuple[int, str, str]] = {}
    for number, code, text in shown:
        found.setdefault((number, code, text[:_BEGINNING] if number in shared else ""), (number, code, text))
    return list(found.values())


def _plain(text: str) -> str:
    line = cause(text)
    fatal = _FATAL.match(line)
    return fatal.group(1) if fatal else line


def _code(text: str) -> str:
    short = text if len(text) <= _TEXT else text[: _TEXT - 3].rstrip() + "..."
    return "`%s`" % short.replace("`", "'").replace("|", "\\|") if text else ""


def _rest(code: str) -> str:
    meaning = re.split(r"(?<=[.:]) (?=[A-Z])", TYPES[code].meaning)[0]
    return " | ".join(["[`%s`](findings.md#%s)" % (code, code), meaning, command(code), told(code)])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
