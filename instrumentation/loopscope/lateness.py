"""Lateness: when the watchdog wanted its turn and did not get it, who had the interpreter's lock instead."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from loopscope.causes import Lateness
from loopscope.hotspots import lines_of
from loopscope.recorder import recorder
from loopscope.sampling import other_frames, ran

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopscope.hotspots import Hotspots
    from loopscope.loop_clock import LoopClock
    from loopscope.records import Place, RawPlace

BUSY_SHARE = 0.5  # of what the process computed meanwhile: more of it by one loop's thread, and it was that
ALIVE_SHARE = 0.1  # of a time in which the watchdog could not run: with less the host stood still
GONE_SHARE = 0.3  # for a thread that nobody can find any more
MOST = 100  # remembered
GONE = "a thread that has ended"


class Turns:
    """The watchdog's turns, one after the other without a gap: what comes late is noted with its reason.

    Nothing here gives the GIL away. Beside C code that keeps it, every time costs a whole call of that code,
    and whoever is to be named may have gone on or ended by then.
    """

    def __init__(self, hotspots: Hotspots) -> None:
        self.late: deque[Lateness] = deque(maxlen=MOST)
        self._hotspots = hotspots
        self._due = sys.maxsize
        self._books = _Books()

    def __repr__(self) -> str:
        return f"<Turns: {len(self.late)} late ones remembered>"

    def plan(self, due: int) -> None:
        """The next turn is wanted then."""
        self._due = due
        self._books = _Books()

    @property
    def late_from(self) -> int:
        """The first moment at which it is late."""
        return self._due + recorder.block_threshold // 2 + 1

    def is_late(self, moment: int) -> bool:
        return moment >= self.late_from

    def note(self, moment: int, lines: Mapping[int, RawPlace | Place] | None) -> None:
        """Why does it come so late? `lines` says where each thread stood meanwhile, if that is known."""
        lasted = moment - self._due
        process, loops = self._books.used_since()
        computed = process > lasted * ALIVE_SHARE
        enough = min(lasted, process) * BUSY_SHARE
        busy = {clock.thread: used for clock, used in loops if used > enough} if computed else {}
        holder = ""
        if computed and not busy:
            holder = self._hotspots.suspect(lines or lines_of(other_frames()), lasted)
            if not holder and process > lasted * GONE_SHARE:
                holder = GONE
            computed = bool(holder)  # else somebody ran a little, on a host that gave nobody a processor
        self.late.append(Lateness(self._due, moment, computed, busy, holder))


class _Books:
    """Processor time at one moment: of the process, and of each loop, for one that sleeps may wake."""

    def __init__(self) -> None:
        self._process = time.process_time_ns()
        self._loops = [(clock, ran(clock.native_thread)) for clock in list(recorder.loops) if clock.thread]

    def used_since(self) -> tuple[int, list[tuple[LoopClock, int]]]:
        """What the process and each loop's thread used since then; ns."""
        loops = [(clock, ran(clock.native_thread) - used) for clock, used in self._loops]
        return time.process_time_ns() - self._process, loops
