"""Hotspots: on which lines busy threads stand, counted by the watchdog, told once a sample by the pump."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from loopscope import places, sampling
from loopscope.loop_clock import clocks
from loopscope.records import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from loopscope.records import Place, RawPlace

MOST_LINES = 1_000  # told apart per thread between two samples
MOST_THREADS = 200  # whose processor time is read
LEAST = 0.2  # of a time on a processor, to be suspected of having kept the GIL
OURS = "loopscope-"


class Hotspots:
    """Looks by thread and line. The watchdog fills it; the pump takes it away and says whom to look at.

    ``computing`` has the identities of threads, other than those of loops, that used a processor lately.
    Nothing here gives the GIL away: who keeps it might move on.
    """

    def __init__(self) -> None:
        self.computing: frozenset[int] = frozenset()
        self._times: dict[int, int] = {}  # processor time by thread, at the last sample and the one before
        self._earlier: dict[int, int] = {}
        self._process = 0  # processor time of the process at the last sample
        self.names: dict[int, str] = {}  # of threads, also of those that have ended since the last sample
        self._looks: dict[int, Counter[RawPlace | Place]] = {}

    def __repr__(self) -> str:
        return f"<Hotspots of {len(self._looks)} threads, {len(self.computing)} of them computing>"

    def look(self, thread: int, frame: FrameType | None) -> None:
        """Count the user's line on which a thread stands."""
        self.count(thread, places.note_caller(frame))

    def count(self, thread: int, line: RawPlace | Place) -> None:
        """The same, by one who has looked already."""
        lines = self._looks.setdefault(thread, Counter())
        if line in lines or len(lines) < MOST_LINES:
            lines[line] += 1

    def look_at_computing(self, frames: Mapping[int, FrameType]) -> None:
        for thread in self.computing:
            if thread in frames:
                self.look(thread, frames[thread])

    def suspect(self, lines: Mapping[int, RawPlace | Place], lasted: int) -> str:
        """Name the thread that kept the GIL for most of a time: none of a loop, and it stands there still.

        Processor time is compared with the last sample but one, for the pump may just have taken a sample.
        """
        times = self._processor_times()
        used = {t: times[t] - self._earlier.get(t, 0) for t in times if t in self.names and t not in clocks}
        busiest = max(used, key=lambda thread: used[thread], default=0)
        if times and used.get(busiest, 0) < lasted * LEAST:
            # Whoever stood there with the GIL and is gone already had its last turn just now.
            busiest = next((t for t in lines if t in self.names and t not in times), 0)
        if not busiest:
            return ""
        self.computing |= {busiest}
        self.count(busiest, lines.get(busiest, NOWHERE))
        return self.names.get(busiest, "")

    def used(self) -> dict[int, int]:
        """Processor time of threads since the last call, by identity; of a new one, all it has used.

        A thread that was looked at and has ended meanwhile used what nobody else did.
        """
        self._earlier, self._times = self._times, self._processor_times()
        self.names = {thread: name for thread, name in self.names.items() if thread in self._times}
        used = {thread: time - self._earlier.get(thread, 0) for thread, time in self._times.items()}
        before, self._process = self._process, sampling.processor_time()
        gone = [thread for thread in list(self._looks) if thread not in used]
        rest = max(0, self._process - before - sum(used.values()))
        found = {thread: time for thread, time in used.items() if thread in self.names}
        return found | dict.fromkeys(gone, rest // max(1, len(gone)))

    def look_at(self, computing: frozenset[int]) -> None:
        """These compute: look at them from now on, and at once at those that nobody has looked at."""
        self.computing = computing
        frames = sampling.other_frames()
        for thread in computing - self._looks.keys():
            if thread in frames:
                self.look(thread, frames[thread])

    def take(self) -> dict[int, Counter[RawPlace | Place]]:
        """Looks since the last call, by thread."""
        looks, self._looks = self._looks, {}
        return looks

    def _processor_times(self) -> dict[int, int]:
        """How long each of Python's threads that live ran, ns; all but ours are known by name from now on."""
        threads = [t for t in threading.enumerate()[:MOST_THREADS] if t.ident and t.native_id]
        others = {t.ident: t.name for t in threads if t.ident and not t.name.startswith(OURS)}
        self.names = {**self.names, **others}
        times = {t.ident: sampling.ran(t.native_id) for t in threads if t.ident and t.native_id}
        return {thread: time for thread, time in times.items() if time}


def lines_of(frames: Mapping[int, FrameType]) -> dict[int, RawPlace | Place]:
    """On which line each thread stands at this moment."""
    return {thread: places.note_caller(frame) for thread, frame in frames.items()}
