"""Intervals of time: what several of them cover together, and how much of that lies in a window."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Interval = tuple[int, int]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same moments as disjoint intervals in order; empty ones vanish."""
    out: list[Interval] = []
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], end)
        else:
            out.append((start, end))
    return out


def length(intervals: Iterable[Interval]) -> int:
    """Time covered, each moment once."""
    return sum(end - start for start, end in merged(intervals))


class Coverage:
    """Moments covered by any of many intervals, asked for windows again and again."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        disjoint = merged(intervals)
        self._starts = [start for start, _ in disjoint]
        self._ends = [end for _, end in disjoint]
        self._before = [0, *accumulate(end - start for start, end in disjoint)]

    def __repr__(self) -> str:
        return f"<Coverage of {self.total} ns in {len(self._starts)} intervals>"

    @property
    def total(self) -> int:
        return self._before[-1]

    def _until(self, moment: int) -> int:
        index = bisect_right(self._starts, moment)
        if not index:
            return 0
        return self._before[index] - max(0, self._ends[index - 1] - moment)

    def within(self, start: int, end: int) -> int:
        """Covered time between `start` and `end`."""
        return self._until(end) - self._until(start) if end > start else 0
