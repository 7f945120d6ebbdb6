"""Hotspots: on which lines busy threads stand, counted by the watchdog, told once a sample by the pump."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope import places

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from loopscope.records import Place, RawPlace

MOST_LINES = 1_000  # told apart per thread between two samples


class Hotspots:
    """Looks by thread and line. The watchdog fills it; the pump takes it away and says whom to look at.

    ``computing`` has the identities of threads, other than those of loops, that used a processor lately.
    """

    def __init__(self) -> None:
        self.computing: frozenset[int] = frozenset()
        self._looks: dict[int, Counter[RawPlace | Place]] = {}

    def __repr__(self) -> str:
        return f"<Hotspots of {len(self._looks)} threads, {len(self.computing)} of them computing>"

    def look(self, thread: int, frame: FrameType | None) -> None:
        """Count the user's line on which a thread stands."""
        lines = self._looks.setdefault(thread, Counter())
        line = places.note_caller(frame)
        if line in lines or len(lines) < MOST_LINES:
            lines[line] += 1

    def look_at_computing(self, frames: Mapping[int, FrameType]) -> None:
        for thread in self.computing:
            if thread in frames:
                self.look(thread, frames[thread])

    def take(self) -> dict[int, Counter[RawPlace | Place]]:
        """Looks since the last call, by thread."""
        looks, self._looks = self._looks, {}
        return looks
