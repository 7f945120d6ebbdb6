"""Tallies: what has ended, summed up by where it was begun; the same sums in SQL and in the process."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from loopscope.untracked import untrack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.records import Place

Key = TypeVar("Key")
MOST_KEYS = 2_000  # of one kind


class TaskKey(NamedTuple):
    coroutine: str
    site: Place


class WaitKey(NamedTuple):
    kind: str
    site: Place
    resource: int  # id, 0 for none


class HoldKey(NamedTuple):
    resource: int
    site: Place


class ItemKey(NamedTuple):
    executor: int
    function: str
    site: Place


Interval = tuple[int, int, int, int, bool]  # begun, ended, length, active, failed: what a record adds


@dataclass(slots=True)
class Tally:
    """Intervals of one key. Times in ns.

    ``total`` and ``longest`` are lengths: a task's life, a wait, a hold, a work item's time in the queue;
    ``active`` is what of it was work: a task's time on the loop, an item's time in its worker. ``first`` is
    when the first one began, ``last`` when the last one ended; ``failed`` did not end well.
    """

    count: int = 0
    failed: int = 0
    total: int = 0
    longest: int = 0
    active: int = 0
    first: int = 0
    last: int = 0

    def add(self, intervals: Iterable[Interval]) -> None:
        """More of them, at least one."""
        begun, ended, lengths, active, failed = zip(*intervals, strict=True)
        self.merge(
            Tally(len(begun), sum(failed), sum(lengths), max(lengths), sum(active), min(begun), max(ended))
        )

    def merge(self, other: Tally) -> None:
        self.count += other.count
        self.failed += other.failed
        self.total += other.total
        self.longest = max(self.longest, other.longest)
        self.active += other.active
        self.first = min(self.first or other.first, other.first)
        self.last = max(self.last, other.last)

    @property
    def mean(self) -> float:
        """Mean length in ns."""
        return self.total / self.count if self.count else 0.0


class Tallies(dict[Key, Tally]):
    """Tallies by key, bounded: of too many, the ones that have not changed for longest are forgotten."""

    def add(self, intervals: Iterable[tuple[Key, Interval]]) -> None:
        """Each to the tally of its key; in bulk, since the pump does this for every record."""
        of_key: dict[Key, list[Interval]] = defaultdict(list)
        for key, interval in intervals:
            of_key[key].append(interval)
        for key, more in of_key.items():
            self.of(key).add(more)

    def of(self, key: Key) -> Tally:
        found = self.get(key)
        if found is None:
            if len(self) >= MOST_KEYS:
                self._forget()
            found = self[key] = Tally()
            untrack(key, found)
        return found

    def _forget(self) -> None:
        for key in sorted(self, key=lambda key: self[key].last)[: MOST_KEYS // 4]:
            del self[key]
