"""Hotspots: on which lines busy threads stand, counted by the watchdog, told once a sample by the pump."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

from loopscope import places
from loopscope.loop_clock import clocks
from loopscope.records import NOWHERE
from loopscope.sampling import thread_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from loopscope.records import Place, RawPlace

MOST_LINES = 1_000  # told apart per thread between two samples
MOST_THREADS = 200  # whose processor time is read
OURS = "loopscope-"


class Hotspots:
    """Looks by thread and line. The watchdog fills it; the pump takes it away and says whom to look at.

    ``computing`` has the identities of threads, other than those of loops, that used a processor lately;
    ``suspected`` is the name of the thread that kept the GIL when the watchdog was last late.
    """

    def __init__(self) -> None:
        self.computing: frozenset[int] = frozenset()
        self._times: dict[int, int] = {}  # processor time by thread, at the last sample and the one before
        self._earlier: dict[int, int] = {}
        self.suspected = ""
        self.names: dict[int, str] = {}  # of threads, also of those that have ended since the last sample
        self._looks: dict[int, Counter[RawPlace | Place]] = {}

    def __repr__(self) -> str:
        return f"<Hotspots of {len(self._looks)} threads, {len(self.computing)} of them computing>"

    def look(self, thread: int, frame: FrameType | None) -> None:
        """Count the user's line on which a thread stands."""
        self._count(thread, places.note_caller(frame))

    def _count(self, thread: int, line: RawPlace | Place) -> None:
        lines = self._looks.setdefault(thread, Counter())
        if line in lines or len(lines) < MOST_LINES:
            lines[line] += 1

    def look_at_computing(self, frames: Mapping[int, FrameType]) -> None:
        for thread in self.computing:
            if thread in frames:
                self.look(thread, frames[thread])

    @staticmethod
    def lines() -> dict[int, RawPlace | Place]:
        """On which line each thread stands at this moment."""
        return {thread: places.note_caller(frame) for thread, frame in sys._current_frames().items()}

    def suspect(self, lines: Mapping[int, RawPlace | Place]) -> None:
        """Find the thread that kept the GIL just now, none of a loop: it used most, and stood there.

        Compared with the last sample but one, for the pump may have come first and taken a sample since.
        """
        times = self._processor_times()
        used = {t: time - self._earlier.get(t, 0) for t, time in times.items() if t not in clocks}
        if used:
            busiest = max(used, key=lambda thread: used[thread])
            self.suspected = self.names.get(busiest, "")
            self.computing |= {busiest}
            self._count(busiest, lines.get(busiest, NOWHERE))

    def used(self) -> dict[int, int]:
        """Processor time of threads since the last call, by identity; of a new one, all it has used."""
        self.names = {}
        self._earlier, self._times = self._times, self._processor_times()
        return {thread: time - self._earlier.get(thread, 0) for thread, time in self._times.items()}

    def take(self) -> dict[int, Counter[RawPlace | Place]]:
        """Looks since the last call, by thread."""
        looks, self._looks = self._looks, {}
        return looks

    def _processor_times(self) -> dict[int, int]:
        """What each of Python's threads has used of a processor, ns, by identity; ours are left out."""
        threads = [t for t in threading.enumerate()[:MOST_THREADS] if not t.name.startswith(OURS)]
        self.names = {**self.names, **{t.ident: t.name for t in threads if t.ident}}
        return {t.ident: thread_time(t.native_id)[0] for t in threads if t.ident and t.native_id}
