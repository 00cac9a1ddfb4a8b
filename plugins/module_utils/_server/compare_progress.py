# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which a comparison keeps how far it has come, for the next slice or for a run after an interruption."""

from __future__ import annotations

import os
import tempfile

from .._core.compare_progress import Progress
from .._core.errors import BadInputError, ReplicaError


def load(path: str, key: str) -> Progress:
    """What the file holds; the beginning when there is no file.

    :param key: what is to be compared.
    :raises BadInputError: it is of another comparison, or cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return Progress(key)
    except (OSError, ValueError) as error:
        raise BadInputError("The progress of the comparison cannot be read: %s" % error) from None
    return Progress.from_text(text, key, path)


def save(path: str, progress: Progress) -> None:
    """Keep it, in one step and for its owner's eyes only: it holds keys of rows that differ.

    :raises ReplicaError: it could not be written.
    """
    directory = os.path.dirname(path)
    temporary = ""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".compare-", dir=directory)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(progress.as_text())
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise ReplicaError(
            "keep the progress of the comparison", path, str(error), "Give a progress_file that can be written."
        ) from None


def forget(path: str) -> None:
    """Remove the file of a comparison that is done."""
    if os.path.exists(path):
        os.unlink(path)
