# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exchanges the contents of a data directory for others, so that it can be ended anywhere and gone on with.

Only renames happen while the server is stopped. Until the last of them nobody but root may enter the data directory,
and the system schema goes out first and comes in last: so no server starts, and a half exchanged directory cannot be
taken for a whole one.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import suppress
from typing import Any, Dict, List, Optional, Sequence

from .._core.errors import RefusedError, ReplicaError
from .._core.rebuild import ATTEMPT
from .own_host import SPARE

_NEW, _OLD, _PHASE = "new", "old", "exchange.json"
READY, _OUT, _IN = "ready", "out", "in"
_SYSTEM = "mysql"


class Exchange:
    """One exchange.

    :param datadir: the data directory; it stays itself, so that it may be a mount point.
    :param directory: on the same file system; holds what comes, what goes and how far it is.
    """

    def __init__(self, datadir: str, directory: str) -> None:
        self.datadir, self.directory = datadir, directory
        self.new, self.old = os.path.join(directory, _NEW), os.path.join(directory, _OLD)
        self._file = os.path.join(directory, _PHASE)

    def check(self, address: str, wanted: int) -> None:
        """Refuse a directory that is elsewhere, inside the data directory, or has no room.

        :param wanted: bytes that are to come.
        :raises RefusedError: it is.
        """
        above = os.path.dirname(self.directory)
        why = ""
        if not os.path.isabs(self.directory) or not os.path.isdir(above):
            why = "%s is no directory" % above
        elif os.path.commonpath([os.path.realpath(above), self.datadir]) == self.datadir:
            why = "it is inside the data directory"
        elif os.stat(above).st_dev != os.stat(self.datadir).st_dev:
            why = "it is not on the file system of the data directory %s" % self.datadir
        else:
            found = os.statvfs(above)
            # What a run has left here that was ended goes before anything comes.
            free = found.f_bavail * found.f_frsize + self.size() + _bytes(self.old)
            if free < wanted * SPARE:
                why = "%.1f MB are free, and the backup may take %.1f MB" % (free / 1e6, wanted * SPARE / 1e6)
        if why:
            raise RefusedError(
                ATTEMPT, address, "the backup cannot be received in %s: %s" % (self.directory, why),
                "Set backup_dir to a path on that file system with enough room.",
            )  # fmt: skip

    def begin(self) -> str:
        """Make room for what comes; its directory.

        :raises ReplicaError: it cannot be made.
        """
        try:
            self.remove()
            os.makedirs(self.new, mode=0o700)
        except OSError as error:
            raise ReplicaError("make room for the backup", self.directory, str(error), "Nothing was changed.") from None
        return self.new

    def size(self) -> int:
        """Bytes that have come."""
        return _bytes(self.new) if self.directory else 0

    def links(self) -> List[str]:
        """Files that say that a table is elsewhere."""
        return [name for _where, _directories, files in os.walk(self.new) for name in files if name.endswith(".isl")]

    def prepare(self, told: Dict[str, Any]) -> None:
        """Note what a later run has to know; nothing is moved yet. All that is written is written now.

        :raises ReplicaError: it cannot be noted.
        """
        try:
            os.makedirs(self.old, mode=0o700, exist_ok=True)
            permissions = stat.S_IMODE(os.stat(self.datadir).st_mode)
            for phase in (_OUT, _IN, READY):
                self._write({"datadir": self.datadir, "permissions": permissions, **told, "phase": phase})
            self._note(READY)
        except OSError as error:
            raise ReplicaError("note what is to be exchanged", self.directory, str(error)) from None

    def copy_kept(self, kept: Sequence[str]) -> None:
        """Take over what stays, now that the server is stopped, and give all the owner that the data has.

        :param kept: files of the data directory.
        :raises ReplicaError: it cannot be done, for want of room perhaps; nothing was moved.
        """
        try:
            self._copy_kept(kept)
        except OSError as error:
            raise ReplicaError("take over the files of the channel", self.new, str(error)) from None

    def _copy_kept(self, kept: Sequence[str]) -> None:
        for name in kept:
            with suppress(FileNotFoundError):
                shutil.copy2(os.path.join(self.datadir, name), os.path.join(self.new, name))
        owner = os.stat(self.datadir)
        for where, directories, files in os.walk(self.new):
            for name in (*directories, *files):
                os.chown(os.path.join(where, name), owner.st_uid, owner.st_gid, follow_symlinks=False)

    def carry_out(self) -> None:
        """Move everything out and the new in; where it was ended, go on.

        :raises ReplicaError: a file cannot be moved.
        """
        told = self.told()
        try:
            if told.get("phase") == READY:
                self._note(_OUT)
            self._enter(0)
            if told.get("phase") != _IN:
                _move(self.datadir, self.old, first=_SYSTEM)
                self._note(_IN)
            _move(self.new, self.datadir, last=_SYSTEM)
            self._enter(int(told["permissions"]))
        except OSError as error:
            raise ReplicaError(
                "put the backup in the place of the data", self.datadir, str(error),
                "What was there is in %s, what comes in %s. Run again, which goes on with it." % (self.old, self.new),
            ) from None  # fmt: skip

    def told(self) -> Dict[str, Any]:
        """What `prepare` noted; empty when nothing is under way."""
        try:
            with open(self._file, encoding="utf-8") as file:
                found: Dict[str, Any] = json.load(file)
                return found
        except (OSError, ValueError):
            return {}

    def drop(self) -> None:
        """Remove what has come, before any of it is in its place; what is noted stays."""
        shutil.rmtree(self.new)

    def remove(self) -> None:
        """Remove what is left of an exchange, the old data with it."""
        if os.path.isdir(self.directory):
            for name in (self._file, *(self._file + "." + phase for phase in (READY, _OUT, _IN))):
                with suppress(FileNotFoundError):
                    os.unlink(name)
            for path in (self.new, self.old):
                if os.path.isdir(path):
                    shutil.rmtree(path)
            with suppress(FileNotFoundError):
                os.unlink(self.new + ".code")
            with suppress(OSError):  # somebody else's files are in it
                os.rmdir(self.directory)

    def _write(self, told: Dict[str, Any]) -> None:
        with open(self._file + "." + told["phase"], "w", encoding="utf-8") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())

    def _note(self, phase: str) -> None:
        # By a rename, which takes no room: the disk may be full by now.
        os.replace(self._file + "." + phase, self._file)

    def _enter(self, permissions: int) -> None:
        """Who may enter the data directory. Whoever starts a server in the middle, at the next boot of the host too,
        gets none that makes files there.
        """
        if os.geteuid() == 0:  # as it always is; another user would lock itself out
            os.chmod(self.datadir, permissions)


def _bytes(directory: str) -> int:
    total = 0
    for where, _directories, files in os.walk(directory):
        for name in files:
            with suppress(OSError):
                total += os.stat(os.path.join(where, name)).st_size
    return total


def half_way(directory: str) -> Optional[Exchange]:
    """The exchange in this directory that was ended between its first and its last move; None when there is none."""
    found = Exchange("", directory)
    told = found.told()
    return Exchange(str(told["datadir"]), directory) if told.get("phase") else None


def _move(origin: str, target: str, first: str = "", last: str = "") -> None:
    names = sorted(os.listdir(origin), key=lambda name: (name != first, name == last, name))
    for name in names:
        os.rename(os.path.join(origin, name), os.path.join(target, name))
