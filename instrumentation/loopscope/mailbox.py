"""Letters from pool workers to the process that gave them work: begun, ended; a pipe that nobody waits for.

The parent opens one pipe when it first hands work to a child. Its address (pid, descriptor, inode) travels
with the work. A forked child has inherited the descriptor; any other opens it through ``/proc``, and only if
the inode says that it still is that pipe. A line is one letter and far shorter than what the kernel writes in
one piece, so workers need no lock. A full pipe or a parent that is gone costs the letter, never the work:
the child's end is open for reading too, so that no SIGPIPE can come of it. Where there is no ``/proc``, only
forked children write.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

BEGUN, ENDED = "begun", "ended"
_SIZE = 1 << 20  # bytes of letters between two drains; what Linux grants without privileges
_CHUNK = 1 << 16
_UNSENT = 10_000  # letters that wait for room in the pipe

Letter = list[Any]  # kind, id of the work item, moment, and what the kind says


class Address(NamedTuple):
    pid: int
    descriptor: int
    inode: int


class Mailbox:
    """The parent's side; read by one thread, the pump."""

    def __init__(self) -> None:
        self._reader = self._writer = -1
        self._rest = b""
        self.address: Address | None = None

    def __repr__(self) -> str:
        return f"<Mailbox {self.address}>"

    def open(self) -> Address:
        """The address to write to; the pipe is made at the first call."""
        if self.address is None:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._reader, False)
            os.set_blocking(self._writer, False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                with contextlib.suppress(OSError):
                    fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, _SIZE)
            self.address = Address(os.getpid(), self._writer, os.fstat(self._writer).st_ino)
        return self.address

    def read(self) -> list[Letter]:
        """What came since the last call."""
        if self.address is None:
            return []
        received = [self._rest]
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._reader, _CHUNK):
                received.append(chunk)
        *lines, self._rest = b"".join(received).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        if self.address is not None:
            os.close(self._reader)
            os.close(self._writer)
            self.forget()

    def forget(self) -> None:
        """In a forked child: the pipe is the parent's, to which this process may still have to write."""
        self.address, self._rest = None, b""


class Post:
    """The child's side: sends without waiting; what finds no room is tried again. A letter may come twice."""

    def __init__(self, address: Address) -> None:
        self._descriptor = _opened(address)
        self._unsent: deque[bytes] = deque(maxlen=_UNSENT)

    def __repr__(self) -> str:
        return f"<Post through descriptor {self._descriptor}, {len(self._unsent)} unsent>"

    def send(self, letter: Letter) -> None:
        if self._descriptor < 0:
            return
        self._unsent.append(json.dumps(letter).encode() + b"\n")
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(OSError, IndexError):  # the worker and the pump may both be at it
            while self._unsent:
                os.write(self._descriptor, self._unsent[0])
                self._unsent.popleft()


def _opened(address: Address) -> int:
    """A descriptor of the pipe at that address; -1 when it is gone or out of reach."""
    path = Path(f"/proc/{address.pid}/fd/{address.descriptor}")
    with contextlib.suppress(OSError):
        if _is_pipe(path.stat(), address):
            opened = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            if _is_pipe(os.fstat(opened), address):
                return opened
            os.close(opened)
    with contextlib.suppress(OSError):
        if _is_pipe(os.fstat(address.descriptor), address):
            return address.descriptor
    return -1


def _is_pipe(found: os.stat_result, address: Address) -> bool:
    return stat.S_ISFIFO(found.st_mode) and found.st_ino == address.inode


mailbox = Mailbox()
