# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rebuild tells how far it is, for somebody who polls."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any, Dict

_TELL_SECONDS = 1.0


class Teller:
    """Writes the progress where a poller reads it, not more than once a second but for the end.

    :param path: '' tells nobody.
    """

    def __init__(self, path: str) -> None:
        self.path, self._stage, self._at = path, "", 0.0

    def __call__(self, told: Dict[str, Any]) -> None:
        """Tell it. A file that cannot be written is no reason to stop."""
        now = time.monotonic()
        if not self.path or (told["stage"] == self._stage and now - self._at < _TELL_SECONDS):
            return
        self._stage, self._at = told["stage"], now
        self._write({"finished": False, **told})

    def _write(self, told: Dict[str, Any]) -> None:
        with suppress(OSError):
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            temporary = self.path + ".new"
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(told, file)
            os.replace(temporary, self.path)

    def end(self, line: str) -> None:
        """Tell that it has ended."""
        if self.path:
            self._write({"stage": "ended", "line": line, "finished": True})
