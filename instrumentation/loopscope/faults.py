"""Faults: noted by hooks where they happen, bounded where one place makes very many.

A hook notes what it knows in raw form. It may run in a finalizer, on any thread, in the middle of anything,
so nothing here takes a lock, formats or keeps a reference to the program's objects.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from loopscope.clock import now
from loopscope.context import current_task, job_var
from loopscope.fault_kinds import UNRETRIEVED
from loopscope.recorder import recorder
from loopscope.records import NOWHERE, Fault, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.records import RawPlace, Task

SINGLE = 20  # faults of one kind and place that are kept one by one in each drain; more are only counted


def note(
    kind: str,
    subject: str,
    site: Place | RawPlace | None,
    place: Any,
    *,
    task: Task | None = None,
    **facts: Any,
) -> Fault:
    """Record what happened just now; its job is the task's, else that of the calling code."""
    fault = _fault(kind, subject, site, place, task=task, **facts)
    fault.ended = fault.at
    alike = recorder.alike_faults
    key = kind, _identity(place), _identity(site)
    count, last = alike.get(key, (0, fault))
    if count < SINGLE:
        alike[key] = count + 1, fault
        recorder.keep(recorder.ended_faults, fault)
        return fault
    last.times += 1
    return last


def begin(
    kind: str,
    subject: str,
    site: Place | RawPlace | None,
    place: Any,
    *,
    task: Task | None = None,
    **facts: Any,
) -> Fault:
    """Record what lasts from now on, until `end`."""
    fault = _fault(kind, subject, site, place, task=task, **facts)
    if len(recorder.open_faults) < recorder.max_open:
        recorder.open_faults[fault.id] = fault
    else:
        recorder.dropped["fault"] += 1
    return fault


def end(fault: Fault, at_least: int = 0) -> None:
    """Close a lasting fault; it stays on record unless it was over sooner than after `at_least` ns."""
    if recorder.open_faults.pop(fault.id, None) is None:
        return
    fault.ended = now()
    if fault.ended - fault.at >= at_least:
        recorder.keep(recorder.ended_faults, fault)


def withdraw(fault: Fault) -> None:
    """It turned out to be none."""
    recorder.open_faults.pop(fault.id, None)


def _fault(
    kind: str, subject: str, site: Any, place: Any, *, task: Task | None, by: int | None = None, **facts: Any
) -> Fault:
    if by is None:
        actor = current_task()
        by = actor.id if actor is not None else 0
    job = task.job if task is not None else job_var.get()
    return Fault(
        recorder.new_id(), kind, now(), subject, site or NOWHERE, place or NOWHERE, task, job, by=by, **facts
    )


def _identity(place: Any) -> object:
    """Hashing a code object would look at all it contains."""
    place = getattr(place, "frames", place)
    if isinstance(place, list):
        place = place[-1] if place else None
    return place if place is None or isinstance(place, Place) else (id(place[0]), place[1])


class Failed:
    """A task that ended with an exception which nobody has looked at yet."""

    __slots__ = ("fault", "ref", "task")

    def __init__(self, record: Task, task: Any) -> None:
        self.task = record
        self.ref = weakref.ref(task)
        self.fault: Fault | None = None  # once it is clear that nobody will look soon

    def __repr__(self) -> str:
        return f"<failed {self.task.coroutine}>"

    def note(self, make: Callable[..., Fault] = note) -> Fault:
        record = self.task
        return make(
            UNRETRIEVED,
            record.coroutine,
            record.site,
            record.raised_at,
            task=record,
            exception=record.exception,
            by=0,
        )


def failed(record: Task, task: Any) -> None:
    """A task has ended with an exception: from now on it matters whether somebody retrieves it."""
    if len(recorder.failed) < recorder.max_open:
        recorder.failed[id(task)] = Failed(record, task)
