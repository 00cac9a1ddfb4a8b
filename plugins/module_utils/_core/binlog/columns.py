# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoders of column values, one closure for each column, chosen once for each table."""

from __future__ import annotations

from .columns_info import DECODE_ERRORS, ColumnInfo, Decoder, Value

__all__ = ["DECODE_ERRORS", "ColumnInfo", "Decoder", "Value"]
