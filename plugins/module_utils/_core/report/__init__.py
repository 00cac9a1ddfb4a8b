# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the point of a source's history that a replica's data is at, from the rows themselves.

Every row change in the source's binlog is a witness. `voting` counts, for every boundary between two transactions, the
witnesses that the replica's rows contradict; `judge` says what may be concluded. Every vote is kept such that the true
boundary is never excluded by it: where the evidence does not suffice the answer is a range, or that it cannot be told.
"""
