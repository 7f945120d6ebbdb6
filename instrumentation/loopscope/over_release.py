"""Permits given back that nobody had: by a task whose `acquire` has failed, or when all are back already.

Anybody may release a semaphore, so a release by a task that holds nothing proves nothing: it may hand on what
another one took. It does prove something when that task has tried to acquire and has been turned away, as it
is when a time-out strikes and `finally` releases all the same; and when more permits are free afterwards than
there were at first. A semaphore that began with none is a counter of signals, and may grow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope import faults, places
from loopscope.fault_kinds import OVER_RELEASED
from loopscope.records import SEMAPHORE

if TYPE_CHECKING:
    from types import FrameType

    from loopscope.records import Resource, Task, Wait

MOST = 1000  # tasks remembered for a semaphore
OWN_TASK = "Semaphore.acquire"  # `wait_for` runs the acquire as a task of its own on 3.11


def turned_away(wait: Wait) -> None:
    """An `acquire` was cancelled or has failed."""
    resource = wait.resource
    if resource is None or resource.kind != SEMAPHORE:
        return
    if resource.turned_away is None or len(resource.turned_away) >= MOST:
        resource.turned_away = set()
    resource.turned_away.add(_taker(wait.task))


def took(resource: Resource, task: Task | None) -> None:
    """A task has got a permit after all."""
    if resource.turned_away and task is not None:
        resource.turned_away.discard(_taker(task))


def is_one(primitive: Any, resource: Resource, task: Task | None, frame: FrameType) -> bool:
    """Note a release by a task that holds no permit, if it is certain that nobody had this one."""
    if resource.kind != SEMAPHORE or not resource.capacity:
        return False
    if resource.turned_away and task is not None and task.id in resource.turned_away:
        resource.turned_away.discard(task.id)
        detail = "its own acquire had failed"
    elif getattr(primitive, "_value", 0) > resource.capacity:
        detail = "all permits were back"
    else:
        return False
    place = places.note_caller(frame)
    faults.note(
        OVER_RELEASED, resource.name, resource.site, place, task=task, resource=resource, detail=detail
    )
    return True


def _taker(task: Task) -> int:
    return task.parent if task.coroutine == OWN_TASK else task.id
