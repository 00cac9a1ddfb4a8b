# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Python value for each stored value, the same from the binlog and from SELECT exactly when the stored are."""

from __future__ import annotations


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


# A column that an image does not hold (binlog_row_image MINIMAL or NOBLOB). It is not NULL, which is None.
ABSENT = _Absent()
