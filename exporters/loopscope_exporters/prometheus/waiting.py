"""Waits, the resources waited for, and executors: who queues, for what, for how long."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.records import CANCELLED, ERROR, EXECUTOR, OK, QUEUE
from loopscope.state import WAIT_BOUNDS, Histogram
from loopscope_exporters.prometheus.families import counter, gauge, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from loopscope.records import Resource
    from loopscope.state import LiveState
    from loopscope_exporters.prometheus.families import Labels

WAIT_LABELS = ("kind", "resource")
ITEM_OUTCOMES = (OK, ERROR, CANCELLED)


def waits(state: LiveState, now: int) -> Iterator[Metric]:
    durations = dict(state.wait_durations)
    yield histogram(
        "loopscope_wait_seconds",
        "Time tasks were suspended, by what they waited for; waits that have ended. Short and stable is "
        "healthy, for a lock or a semaphore near 0.",
        WAIT_LABELS,
        durations,
    )
    oldest: dict[Labels, float] = dict.fromkeys(durations, 0.0)
    for wait in state.open_waits():
        if wait.resource is not None and not wait.resource.name:
            continue  # newer than the last drain, which names it
        key = wait.kind, state.resource_name(wait.resource)
        oldest[key] = max(oldest.get(key, 0.0), (now - wait.started) / SECOND)
    yield gauge(
        "loopscope_wait_oldest_seconds",
        "Age of the longest wait that has not ended. Should stay near the usual length of such waits; steady "
        "growth is a wait that nobody ends.",
        WAIT_LABELS,
        oldest,
    )


def resources(state: LiveState, _: int) -> Iterator[Metric]:
    permits: Counter[Labels] = Counter()
    in_use: Counter[Labels] = Counter()
    waiters: Counter[Labels] = Counter()
    for resource in _alive(state):
        if resource.kind == EXECUTOR:
            continue
        key = resource.kind, state.resource_name(resource)
        waiters[key] += resource.waiting
        if resource.capacity:
            permits[key] += resource.capacity
        if resource.capacity or resource.kind == QUEUE:
            in_use[key] += resource.in_use
    yield gauge(
        "loopscope_resource_permits",
        "Permits of semaphores and locks, places of bounded queues. Constant, or grows with the number of "
        "objects of that name.",
        WAIT_LABELS,
        permits,
    )
    yield gauge(
        "loopscope_resource_permits_in_use",
        "Permits held, messages queued. Below the number of permits most of the time.",
        WAIT_LABELS,
        in_use,
    )
    yield gauge(
        "loopscope_resource_waiters",
        "Tasks that wait for the resource now. Returns to 0 when the load does, but consumers of an idle "
        "queue wait.",
        WAIT_LABELS,
        waiters,
    )


def executors(state: LiveState, _: int) -> Iterator[Metric]:
    depth: Counter[Labels] = Counter()
    workers: Counter[Labels] = Counter()
    busy: Counter[Labels] = Counter()
    for executor in _alive(state):
        if executor.kind == EXECUTOR:
            key = (state.resource_name(executor),)
            depth[key] += executor.waiting
            workers[key] += executor.capacity
            busy[key] += executor.in_use
    yield gauge(
        "loopscope_executor_queue_depth",
        "Work items that no worker has begun. Near 0; steady growth means too few workers.",
        ("executor",),
        depth,
    )
    yield gauge(
        "loopscope_executor_workers",
        "Threads or processes an executor may use. Constant.",
        ("executor",),
        workers,
    )
    yield gauge(
        "loopscope_executor_busy_workers",
        "Workers that run a work item. Below the number of workers most of the time.",
        ("executor",),
        busy,
    )
    yield from _items(state, {name for (name,) in workers})


def _items(state: LiveState, names: set[str]) -> Iterator[Metric]:
    finished = dict(state.items_finished)
    queued, ran = dict(state.queue_durations), dict(state.run_durations)
    names = names | {name for name, _ in finished}
    yield histogram(
        "loopscope_executor_queue_wait_seconds",
        "Time from submitting a work item to its start. Near 0.",
        ("executor",),
        {(name,): queued.get(name) or Histogram(WAIT_BOUNDS) for name in sorted(names)},
    )
    yield histogram(
        "loopscope_executor_run_seconds",
        "Time a work item kept its worker busy. Stable is healthy.",
        ("executor",),
        {(name,): ran.get(name) or Histogram(WAIT_BOUNDS) for name in sorted(names)},
    )
    yield counter(
        "loopscope_executor_items_total",
        "Work items that ended. The share of outcome error should be near 0.",
        ("executor", "outcome"),
        {(name, outcome): 0 for name in sorted(names) for outcome in ITEM_OUTCOMES} | finished,
    )


def _alive(state: LiveState) -> Iterator[Resource]:
    """Resources that have a name and whose object exists or still has something open."""
    for resource in list(state.resources.values()):
        gone = resource.ref is not None and resource.ref() is None
        if resource.name and not (gone and not _is_busy(resource)):
            yield resource


def _is_busy(resource: Resource) -> bool:
    return bool(resource.waiting or resource.in_use or resource.holders)
