"""Curves under a timeline: loop lag, waiters, queue depth, processor and memory over time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from loopscope.records import LOCK, SEMAPHORE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope_exporters.journal.model import ItemInfo, JobHistory, SampleInfo

MOST_RESOURCES = 3  # curves of one sort; the busiest win


@dataclass(slots=True)
class Strip:
    """A curve: each value holds until the next time. ``least`` is the smallest top of its scale."""

    kind: str
    title: str
    unit: str
    least: float
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def put(self, time: int, value: float) -> None:
        if self.times and self.times[-1] == time:
            self.values[-1] = value
        elif not self.values or self.values[-1] != value:
            self.times.append(time)
            self.values.append(value)


def strips_of(history: JobHistory) -> list[Strip]:
    """In the order they stand under the lanes; waiters and queues only where there were any."""
    samples = [s for s in history.samples if s.process == history.process.id]
    samples.sort(key=lambda sample: sample.at)
    return [
        _lag(samples),
        *_busiest(_waiters(history)),
        *_busiest(_depths(history.items)),
        _cpu(samples),
        _memory(samples),
    ]


def _busiest(strips: Iterable[Strip]) -> list[Strip]:
    return sorted(strips, key=lambda strip: -max(strip.values))[:MOST_RESOURCES]


def _lag(samples: list[SampleInfo]) -> Strip:
    """A sample tells the longest busy time since the one before: it stands for that interval."""
    strip = Strip("lag", "loop lag", "µs", 10_000)
    for before, sample in pairwise(samples):
        strip.put(before.at, sample.lag / 1000)
    return strip


def _cpu(samples: list[SampleInfo]) -> Strip:
    strip = Strip("cpu", "process CPU", "%", 100)
    for before, sample in pairwise(samples):
        strip.put(before.at, 100 * (sample.cpu - before.cpu) / max(sample.at - before.at, 1))
    return strip


def _memory(samples: list[SampleInfo]) -> Strip:
    strip = Strip("memory", "process memory", "bytes", 1_000_000)
    for sample in samples:
        strip.put(sample.at, sample.memory)
    return strip


def _waiters(history: JobHistory) -> list[Strip]:
    """Tasks of this job that wait for the same semaphore or lock at the same time."""
    edges: dict[tuple[int, str, str], list[tuple[int, int]]] = defaultdict(list)
    for wait in history.waits:
        if wait.kind in {SEMAPHORE, LOCK} and wait.resource:
            key = wait.resource.id, wait.kind, wait.resource.name
            edges[key] += [(wait.started, 1), (wait.ended, -1)]
    strips = []
    for (_, kind, name), changes in edges.items():
        strip = Strip("waiters", f"waiting for {name or kind}", "", 1)
        count = 0
        for time, change in sorted(changes):
            count += change
            strip.put(time, count)
        strips.append(strip)
    return strips


def _depths(items: Iterable[ItemInfo]) -> list[Strip]:
    """Work items queued in each executor.

    A submission tells the depth exactly, other jobs' items included; between submissions the depth
    falls by one with each item of ours that starts, never below what we ourselves have queued.
    """
    by_executor: dict[tuple[int, str], list[ItemInfo]] = defaultdict(list)
    for item in items:
        if item.executor:
            by_executor[item.executor.id, item.executor.name].append(item)
    return [_depth(name, queued) for (_, name), queued in by_executor.items()]


def _depth(name: str, items: list[ItemInfo]) -> Strip:
    strip = Strip("depth", f"queued in {name or 'executor'}", "", 1)
    events = [(item.submitted, 1, item.depth + 1) for item in items]
    events += [(item.started or item.ended, -1, 0) for item in items]
    own = depth = 0
    for time, change, told in sorted(events):
        own += change
        depth = max(told, own) if change > 0 else max(own, depth - 1)
        strip.put(time, depth)
    return strip
