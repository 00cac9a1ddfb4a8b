# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether parallel appliers stopped with gaps, from the records the workers keep in mysql.slave_worker_info.

A group is a transaction. The coordinator's checkpoint is the low-water mark: every group before it has been applied.
Each worker stores how far it got and, relative to the checkpoint it last heard of, a bitmap of the groups it has done.
"""

from __future__ import annotations

from typing import List, Optional, Set, Tuple

from .normalise_rows import Row, Sections, text, whole
from .snapshot import Coordinates

Point = Tuple[int, int]


def position_gaps(sections: Sections, channel: str, running: bool, parallel: int) -> Optional[bool]:
    """True with gaps, False without, None when it cannot be told, as while the applier runs: gaps then come and go."""
    if not sections.has("worker_positions"):
        return None
    rows = sections.of_channel("worker_positions", channel)
    if not rows and parallel > 1 and sections.pairs("variables").get("relay_log_info_repository") == "FILE":
        return None  # the workers' records are in files, which cannot be read from here
    workers = [row for row in rows if text(row, "Master_log_name")]
    if running and (workers or parallel > 1):
        return None
    if not workers:
        return False
    mark = _point(_first(sections.of_channel("relay_info", channel)), "Master_log_name", "Master_log_pos")
    if mark is None:
        return None
    above = [row for row in workers if (_at(row) or mark) > mark]
    return _judge(workers, above, mark)


def _judge(workers: List[Row], above: List[Row], mark: Point) -> Optional[bool]:
    if not above:
        return False
    checkpoints = {_checkpoint(row) for row in above}
    if len(checkpoints) != 1:
        return None  # bitmaps that count from different groups cannot be laid over one another
    checkpoint = checkpoints.pop()
    done: Set[int] = set()
    for row in workers:
        if _checkpoint(row) == checkpoint:
            done |= _bits(text(row, "Checkpoint_group_bitmap"))
    if done and len(done) == max(done) + 1:
        return False
    others_silent = all(_checkpoint(row) == checkpoint for row in workers)
    # With the mark at the bitmaps' start, or every worker's bitmap at hand, a bit that is not set is a group undone.
    return True if done and (checkpoint == mark or others_silent) else None


def _bits(hexadecimal: str) -> Set[int]:
    """The bits that are set; bit i is in byte i // 8, lowest first (measured on MySQL 9.7 and 5.6)."""
    found: Set[int] = set()
    for index in range(0, len(hexadecimal) - 1, 2):
        byte = int(hexadecimal[index : index + 2], 16)
        found.update(index * 4 + bit for bit in range(8) if byte >> bit & 1)
    return found


def _first(rows: List[Row]) -> Row:
    return rows[0] if rows else {}


def _at(row: Row) -> Optional[Point]:
    return _point(row, "Master_log_name", "Master_log_pos")


def _checkpoint(row: Row) -> Optional[Point]:
    return _point(row, "Checkpoint_master_log_name", "Checkpoint_master_log_pos")


def _point(row: Row, file: str, position: str) -> Optional[Point]:
    name = text(row, file)
    try:
        return Coordinates(name, whole(row, position)).key() if name else None
    except ValueError:
        return None
