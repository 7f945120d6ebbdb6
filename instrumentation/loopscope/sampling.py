"""What the process uses: processor time, memory, threads, open files."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def memory() -> int:
    """Resident bytes; where there is no /proc, the most there ever were."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def threads() -> int:
    """All threads, those of C libraries included; where there is no /proc, Python's own."""
    try:
        return sum(1 for _ in os.scandir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def open_files() -> int:
    """Open file descriptors; 0 where nobody counts them."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return sum(1 for _ in os.scandir(folder))
        except OSError:
            continue
    return 0


def processor_time() -> int:
    """Nanoseconds of all threads, user and system."""
    return time.process_time_ns()


def thread_time(native_thread: int) -> tuple[int, int]:
    """How long a thread ran and how long it queued for a processor, ns; zeros where nobody keeps such books.

    There is `time.pthread_getcpuclockid`, which needs no file, and crashes if the thread has just ended.
    """
    try:
        ran, queued, _ = Path(f"/proc/self/task/{native_thread}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0, 0
    return int(ran), int(queued)
