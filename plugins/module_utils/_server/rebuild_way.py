# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a caller gives for a rebuild that replaces the server's files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Tuple


@dataclass(frozen=True)
class Way:
    """Commands are run by a shell, where the module runs.

    :param password: of the channel's account.
    :param restart: command that starts the server again; '' waits for somebody to do it.
    :param restart_seconds: how long to wait for the server.
    :param execute: runs a command; its code, output and errors.
    :param stop: command that stops the server.
    :param backup: command that prints a backup as a stream.
    :param directory: where it is received; on the file system of the data directory.
    """

    password: str = ""
    restart: str = ""
    restart_seconds: int = 600
    execute: Callable[[str], Tuple[int, str, str]] = lambda command: (127, "", "nothing runs %s" % command)
    stop: str = ""
    backup: str = ""
    directory: str = ""

    def told(self) -> Tuple[str, ...]:
        """What is done with a backup, for a plan."""
        return (
            "the output of backup_command is received in %s and prepared" % self.directory,
            "the server is stopped: %s" % self.stop,
            "the contents of its data directory are exchanged for the backup",
            "the server is started: %s" % self.restart,
        )
