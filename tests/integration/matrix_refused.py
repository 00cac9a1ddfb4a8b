# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where no safe repair exists at the default risk, and what the refusal has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from .breaks import FLAVOURS, MODES
from .stage import Mode

FORMATS = ("ROW", "STATEMENT")


@dataclass(frozen=True)
class Refusal:
    """One reason.

    :param reason: words of the refusal.
    :param names: the cases; all of them when empty.
    :param below: only with a third server below (True), only without one (False), or both; ``writer`` likewise.
    """

    reason: str
    names: Tuple[str, ...] = ()
    flavours: Tuple[str, ...] = FLAVOURS
    modes: Tuple[Mode, ...] = MODES
    formats: Tuple[str, ...] = FORMATS
    below: Optional[bool] = None
    writer: Optional[bool] = None

    def fits(self, name: str, flavour: str, mode: Mode, text: str, below: bool, writer: bool) -> bool:
        """Whether it is the reason for a cell of the matrix."""
        return (
            (not self.names or name in self.names)
            and flavour in self.flavours
            and mode in self.modes
            and text in self.formats
            and self.below in (None, below)
            and self.writer in (None, writer)
        )


_ROWS = (
    "duplicate_row", "duplicate_row_secondary", "dup1062", "dup1062_multi", "dup1062_unique", "dup1062_unique_shared",
    "dup1062_unique_later", "partial", "mixed", "parent_missing", "parent_gone_since", "child_surplus", "triggers",
    "partitions", "generated", "foreign_key_failed", "foreign_key_parent",
)  # fmt: skip
# Their statement is passed because the replica has what it makes; the servers below have not, and would never get it.
_PASSED = (
    "view_exists", "event_exists_disabled", "trigger_exists", "table_exists", "database_exists", "column_exists",
    "index_exists", "drop_target_missing", "dropped_table_missing", "dropped_database_missing", "routine_exists",
    "account_missing", "account_exists", "account_exists_stored",
)  # fmt: skip
# Their statement would be passed if what the replica has were the same.
_OTHERS = (
    "event_exists", "trigger_exists_differs", "routine_exists_differs", "table_exists_differs", "index_exists_differs",
    "column_exists_differs", "table_exists_with_rows", "database_exists_differs", "view_exists_differs",
)  # fmt: skip
# Their statement ended here in another way than on the source, and below in yet another one, perhaps.
_MISMATCHES = (
    "myisam_stmt", "create_view", "drop_view", "drop_table", "drop_user", "other_error", "killed_myisam",
)  # fmt: skip
# Where MySQL 5.6 keeps what its parallel workers have applied in files, nobody can read what they have done ahead.
_FILES = ("mysql-5.6",), ((False, 4),)
# The first one that fits counts.
REFUSALS: Tuple[Refusal, ...] = (
    # The statement that fails is in the replica's own binlog, with its error, and the server below stops at it.
    Refusal("its applier has stopped", ("view_exists",), ("mysql-5.6",), below=True),
    Refusal("would make them run again", (*_PASSED, *_OTHERS), *_FILES),
    Refusal("changed nothing that the replica can be asked about", ("ahead_of_position",), formats=("STATEMENT",)),
    Refusal("logged as a statement", _ROWS, formats=("STATEMENT",)),
    Refusal("its text is another one", ("trigger_exists_differs", "routine_exists_differs")),
    Refusal("column v is not there", ("table_exists_differs",)),
    Refusal("key k is", ("index_exists_differs",)),
    Refusal("column c is", ("column_exists_differs",)),
    Refusal("it holds rows and the statement makes an empty one", ("table_exists_with_rows",)),
    Refusal("and not latin1", ("database_exists_differs",)),
    Refusal("it is another one", ("view_exists_differs",)),
    Refusal("it is enabled, and a replicated event is not", ("event_exists",)),
    Refusal("stored with another salt", ("account_exists",), flavours=("mysql-9.7",)),
    Refusal("servers replicate from it", (*_PASSED, *_MISMATCHES), below=True),
    Refusal(
        "servers replicate from it",
        ("table_missing", "table_missing_alter", "miss1146", "nopk1032", "database_missing"),
        below=True,
    ),
    Refusal(
        "it runs only with repair_alter_definitions=true",
        ("column_type_differs", "type1677", "column_count_differs"),
    ),
    Refusal("how it was there is not known", ("column_missing",)),
    Refusal("cannot be told row by row", ("table_missing", "miss1146"), formats=("STATEMENT",)),
    # Passed, the applier would stop at the writer's next statement for the table that is missing.
    Refusal("changes it by a statement, at which the applier would stop", ("other_error",), writer=True),
    Refusal(
        "cannot be told row by row", ("table_missing_alter", "database_missing"), formats=("STATEMENT",), writer=True
    ),
    Refusal("how it was before is not known", ("database_missing", "table_missing_alter")),
)


def expected(name: str, flavour: str, mode: Mode, text: str, below: bool, writer: bool) -> str:
    """The words of the refusal that a cell has to end with; empty where it has to end repaired."""
    return next((one.reason for one in REFUSALS if one.fits(name, flavour, mode, text, below, writer)), "")
