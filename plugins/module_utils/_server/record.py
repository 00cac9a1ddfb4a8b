# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo records on disk: whole or not there, on the disk before the first change, for their owner's eyes only."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from .._core import record as schema
from .._core.errors import BadInputError, ReplicaError

_READABLE = 1 << 18


def write(directory: str, record: Mapping[str, Any]) -> str:
    """Write a new record into a directory, which is made when it does not exist; the file's absolute path.

    :raises ReplicaError: when it could not be written for certain. Nothing may be changed then.
    """
    path = os.path.join(os.path.abspath(os.path.expanduser(directory)), schema.file_name(record))
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError as error:
        raise _failed(path, error) from None
    if os.path.exists(path):
        raise ReplicaError("write the undo record", path, "a record of that name is there already", "Run again.")
    replace(path, record)
    return path


def replace(path: str, record: Mapping[str, Any]) -> None:
    """Put a record in the place of the one at ``path`` in one step, so that a reader never sees half of it.

    :raises ReplicaError: when it could not be written; the old one is there still.
    """
    directory = os.path.dirname(path)
    temporary = ""
    try:
        # mkstemp makes the file readable by its owner only, from its first moment on.
        handle, temporary = tempfile.mkstemp(prefix=".record-", dir=directory)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_text(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
        _sync_directory(directory)
    except (OSError, TypeError, ValueError) as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise _failed(path, error) from None


def read(path: str) -> Dict[str, Any]:
    """The record at ``path``.

    :raises BadInputError: there is none, it cannot be read, or it is not a record.
    """
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as error:
        raise BadInputError("The undo record %s cannot be read: %s" % (path, error)) from None
    return schema.check(data, path)


def newest(directory: Optional[str], most: int, module: str = "") -> Iterator[Tuple[str, Dict[str, Any]]]:
    """The records of a directory with their paths, the newest first; what is no record, or of another version, is not.

    :param directory: None for none; one that cannot be read has none.
    :param most: so many files are looked into.
    :param module: those of this module alone; of every one without.
    """
    if not directory:
        return
    top = os.path.abspath(os.path.expanduser(directory))
    end = "-%s.json" % module if module else ".json"
    try:
        # The names begin with the time, and end with the module.
        names = sorted((name for name in os.listdir(top) if name.endswith(end)), reverse=True)
    except OSError:
        return
    for name in names[:most]:
        path = os.path.join(top, name)
        try:
            found = read(path)
        except ReplicaError:
            continue
        yield path, found


def _text(record: Mapping[str, Any]) -> str:
    """The record as JSON that people can read; one with many rows on one line, which takes a tenth of the time."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=True)
    return text if len(text) > _READABLE else json.dumps(record, indent=2, sort_keys=True, ensure_ascii=True)


def _sync_directory(directory: str) -> None:
    # Without this a power cut may lose the file's name although its contents are on the disk.
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(path: str, error: Exception) -> ReplicaError:
    return ReplicaError(
        "write the undo record",
        path,
        str(error),
        "Nothing was changed for want of it. Give a record_dir that can be written where the module runs.",
    )
