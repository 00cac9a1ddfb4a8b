# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding about a replica that is being built anew, or was until something ended that."""

from __future__ import annotations

from typing import Iterator

from .case import Case
from .finding import Finding
from .nowhere import is_unfinished


def unfinished(case: Case) -> Iterator[Finding]:
    """The channel points at the binlog that stands for nothing: the data is not complete."""
    if is_unfinished(case.channel):
        summary = "A rebuild of this replica has not ended: its data is not complete, and its channel points nowhere."
        yield Finding("rebuild_unfinished", case.channel.name, summary)
