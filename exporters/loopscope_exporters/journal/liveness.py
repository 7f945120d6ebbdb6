"""Whether the process that wrote a segment still lives: its pid, the kernel's start time, its heartbeat."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from loopscope.clock import SECOND

HUNG_AFTER = 5 * SECOND
FORGET_AFTER = 60 * SECOND  # another host's process that was silent for so long counts as dead

RUNNING, HUNG, ENDED, DIED = "running", "hung", "ended", "died"

_STATE, _START_TICKS = 0, 19  # fields 3 and 22 of /proc/<pid>/stat, counted behind the command's name
_DEAD = frozenset({"Z", "X"})


def _stat_fields(pid: int) -> list[str]:
    """The fields behind the command's name, which may itself hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def boot_ticks(pid: int) -> int:
    """When a process started, in the kernel's ticks since boot; 0 where there is no /proc."""
    try:
        return int(_stat_fields(pid)[_START_TICKS])
    except (OSError, ValueError, IndexError):
        return 0


def is_alive(pid: int, ticks: int) -> bool:
    """Whether `pid` runs and, where the kernel tells, is still the process that started at `ticks`."""
    if ticks:
        try:
            fields = _stat_fields(pid)
        except OSError:
            return False
        return fields[_STATE] not in _DEAD and int(fields[_START_TICKS]) == ticks
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_state(*, host: str, pid: int, ticks: int, heartbeat: int, ended: int, now: int) -> str:
    """RUNNING, HUNG, ENDED or DIED; of another host's process only the heartbeat's age can tell."""
    if ended:
        return ENDED
    silent = now - heartbeat
    alive = is_alive(pid, ticks) if host == socket.gethostname() else silent <= FORGET_AFTER
    if not alive:
        return DIED
    return HUNG if silent > HUNG_AFTER else RUNNING
