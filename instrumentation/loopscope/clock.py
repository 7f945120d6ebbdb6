"""Time and ids: one anchor turns monotonic time into wall time, one counter numbers every record."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

now = time.monotonic_ns

SECOND = 1_000_000_000  # ns
NEVER = 1 << 62  # ns; a moment and this much are a number of 64 bits still
ID_BITS = 32  # records a process may number before its ids run into another's


def nanoseconds(seconds: float) -> int:
    """A length of time in ns, NEVER at most."""
    return int(min(seconds * SECOND, NEVER))


class Anchor(NamedTuple):
    """Both clocks read at one moment, so that a process's times stay ordered when the wall clock is set."""

    monotonic: int
    wall: int

    @classmethod
    def take(cls) -> Anchor:
        return cls(time.monotonic_ns(), time.time_ns())

    def to_wall(self, monotonic: int) -> int:
        """Wall time in ns since the epoch; 0 stays 0, which means "not yet"."""
        return monotonic and monotonic - self.monotonic + self.wall


class Ids:
    """Numbers for one process's records: 31 random bits, then a count from 1; positive, as SQLite wants."""

    new: Callable[[], int]

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin anew, as a forked child must: no two processes share a number."""
        self.new = itertools.count((secrets.randbits(31) << ID_BITS) + 1).__next__


ids = Ids()
