"""What the process uses: processor time, memory, threads, open files.

As few system calls as can be: each gives the GIL away, and beside threads that compute it takes long to get
it back. Listing a folder gives it away for every entry.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

_OF_A_THREAD = 6  # low bits of a Linux clock's number: the time that one thread ran; the others say which
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def memory() -> int:
    """Resident bytes; where there is no /proc, the most there ever were."""
    try:
        return int(_read("/proc/self/statm").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def threads() -> int:
    """All threads, those of C libraries included; where there is no /proc, Python's own."""
    try:
        folders = Path("/proc/self/task").stat().st_nlink - 2  # one each, beside `.` and `..`
    except OSError:
        folders = 0
    return folders if folders > 0 else threading.active_count()


def open_files() -> int:
    """Open file descriptors; 0 where nobody counts them."""
    with contextlib.suppress(OSError):
        if counted := Path("/proc/self/fd").stat().st_size:  # Linux 6.2 and newer; 0 before
            return counted
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return sum(1 for _ in os.scandir(folder))
    return 0


def processor_time() -> int:
    """Nanoseconds of all threads, user and system."""
    return time.process_time_ns()


class ThreadTime(NamedTuple):
    """How long a thread ran and queued for a processor, ns, and how often it was given one."""

    ran: int
    queued: int
    turns: int

    @property
    def wanted(self) -> int:
        """Queueing counts, or a busy host would make computing look like waiting."""
        return self.ran + self.queued

    def since(self, earlier: ThreadTime) -> ThreadTime:
        return ThreadTime(*(max(0, now - before) for now, before in zip(self, earlier, strict=True)))


NO_TIME = ThreadTime(0, 0, 0)


def other_frames() -> dict[int, FrameType]:
    """The frame of each thread but the calling one, by identity.

    One's own, in a dictionary that a local of it holds, would keep itself and all the others alive, with
    the program's objects in them, until the garbage collector comes.
    """
    frames = sys._current_frames()
    frames.pop(threading.get_ident(), None)
    return frames


def ran(native_thread: int) -> int:
    """How long a thread ran, ns; asked without giving the GIL away. 0 if it has ended, and outside Linux."""
    try:
        return time.clock_gettime_ns(~native_thread << 3 | _OF_A_THREAD)
    except (OSError, OverflowError, AttributeError):
        return 0


def thread_time(native_thread: int) -> ThreadTime:
    """By the kernel's books; zeros where nobody keeps such.

    There is `time.pthread_getcpuclockid`, which needs no file, and crashes if the thread has just ended.
    """
    try:
        return ThreadTime(*map(int, _read(f"/proc/self/task/{native_thread}/schedstat").split()))
    except (OSError, ValueError, TypeError):
        return NO_TIME


def _read(path: str) -> bytes:
    """A short file of the kernel's. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 200)
    finally:
        os.close(file)
