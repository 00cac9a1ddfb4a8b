# Copyright: (c) 2026, replicaops.mysql contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a long stretch of a binlog in a second process, so that one decodes while the other counts.

The second process is a fork, as prints (`_core.locate.digest`) mean something only to processes with the same secret of
``hash()``. It has connections of its own and ends with the first one, whatever becomes of that. It hands over whole
transactions in order and says when that were all; where it does not, the first process goes on by itself, so that
every error is met and told in one place.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import select
import signal
import struct
import threading
from typing import BinaryIO, Callable, Iterator, List, NoReturn, Union

from .._core.binlog.table_map import TableMap
from .._core.binlog.transaction import Transaction
from .._core.locate.usual import Usual
from .locate_batch import Batch, unpacked

# So many more objects may be made than given back before Python looks for those that refer to themselves.
_SELDOM = 200_000

# So many batches may wait to be taken, each of some hundred kilobytes.
_WAITING = 64

# What goes before each batch: its size; 0 says that it was the last. Then follows the number of bytes read.
_SIZE = struct.Struct("<Q")

# Reads everything, with the transactions as its items; the list takes the table maps that are met, and what is given to
# the function is told how many bytes were read.
Read = Callable[[List[TableMap], Callable[[int], None]], Iterator[Transaction]]


def possible() -> bool:
    """Whether a second process would run beside this one."""
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return False
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors > 1


class Ahead:
    """The transactions that a second process reads; a context manager, at whose end that process has ended.

    :param read: what the second process does.
    :param met: told of each table map before the rows that it describes.
    """

    def __init__(self, read: Read, met: Callable[[TableMap], object]) -> None:
        self._met = met
        self.complete = False
        self.bytes_read = 0
        ours, theirs = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(theirs)
            os.close(ours)
            raise
        if not self._pid:
            os.close(ours)
            _run(read, theirs)
        os.close(theirs)
        self._pipe: BinaryIO = os.fdopen(ours, "rb", 1 << 16)

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *details: object) -> None:
        self._pipe.close()
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(self._pid, 0)

    def __iter__(self) -> Iterator[Union[Usual, Transaction]]:
        """The transactions, usual ones together; `complete` says afterwards whether these are all."""
        while True:
            size = self._number()
            if size <= 0:
                self.bytes_read = self._number() if not size else 0
                self.complete = not size and self.bytes_read >= 0
                return
            data = self._pipe.read(size)
            if len(data) < size:
                return
            tables, found = unpacked(data)
            for table in tables:
                self._met(table)
            yield from found

    def _number(self) -> int:
        """A number from the other process; -1 when it has ended without it."""
        data = self._pipe.read(_SIZE.size)
        return int(_SIZE.unpack(data)[0]) if len(data) == _SIZE.size else -1


def _run(read: Read, pipe: int) -> NoReturn:
    """The second process. Nothing of the first one may be run here, not even at its end."""
    done = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Nothing here refers to itself, and looking for it again and again costs a tenth of the time.
        gc.freeze()
        gc.set_threshold(_SELDOM)
        threading.Thread(target=_watch, args=(pipe,), daemon=True).start()
        with os.fdopen(pipe, "wb", 1 << 16) as out:
            _hand_over(read, out)
        done = 0
    finally:
        os._exit(done)


def _hand_over(read: Read, out: BinaryIO) -> None:
    batch = Batch()
    total: List[int] = [0]
    # The first process pauses whenever it asks the replica; until these are full, this one need not.
    waiting: queue.Queue[bytes] = queue.Queue(_WAITING)
    writer = threading.Thread(target=_write, args=(waiting, out), daemon=True)
    writer.start()
    try:
        for transaction in read(batch.tables, total.append):
            if batch.add(transaction):
                waiting.put(batch.packed())
        waiting.put(batch.packed())
    finally:
        waiting.put(b"")
        writer.join()
    out.write(_SIZE.pack(0) + _SIZE.pack(total[-1]))


def _write(waiting: queue.Queue[bytes], out: BinaryIO) -> None:
    """Write batches until an empty one comes. Where nobody reads any more `_watch` ends the process."""
    while True:
        data = waiting.get()
        if not data:
            return
        out.write(_SIZE.pack(len(data)))
        out.write(data)
        out.flush()


def _watch(pipe: int) -> None:
    """End when nobody reads any more, even while the server is waited for."""
    poll = select.poll()
    poll.register(pipe, 0)
    poll.poll()
    os._exit(1)
