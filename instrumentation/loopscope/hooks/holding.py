"""Resources and who holds them: the record of a primitive, and its holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeGuard

from loopscope import over_release
from loopscope.clock import now
from loopscope.context import recorded_task
from loopscope.recorder import recorder
from loopscope.records import (
    BARRIER,
    CONDITION,
    LOCK,
    OK,
    QUEUE,
    SEMAPHORE,
    Hold,
    Resource,
    Task,
    Wait,
)
from loopscope.tracebacks import outcome_of, step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import FrameType

PRIMITIVES = (
    asyncio.Semaphore,
    asyncio.Lock,
    asyncio.Event,
    asyncio.Condition,
    asyncio.Queue,
    asyncio.Barrier,
)
VARIETIES = (asyncio.BoundedSemaphore, asyncio.LifoQueue, asyncio.PriorityQueue)

# Attributes on what a resource's record is about.
SITE = "_loopscope_site"  # where it was created
PERMITS = "_loopscope_permits"  # on a semaphore: how many it began with
RESOURCE = "_loopscope_resource"  # its record, made when it is first of interest
HOLDERS = "_loopscope_thin"  # when each thin holder took its permit, by its task's address, see `hooks.thin`
PARTNERS = "_loopscope_partners"  # who acts on it, by task and role, see `hooks.partners`

MAX_HOLDERS = 16  # named in a wait


def reserve_attributes() -> None:
    """Have Python know our attributes' names before the program's primitives are made.

    The objects of a class share one table of names, which after some thirty of them takes a single new name.
    If that were ours, those of asyncio's own that come later would cost each primitive a dictionary.
    """
    for primitive in (*PRIMITIVES, *VARIETIES):
        if isinstance(primitive, type) and primitive.__new__ is object.__new__:  # else it is somebody's
            example = object.__new__(primitive)
            for name in (SITE, PERMITS, RESOURCE, HOLDERS, PARTNERS):
                object.__setattr__(example, name, None)


def resource_of(primitive: Any, kind: str) -> Resource:
    """The record of a primitive; those made before `instrument()` have no creation site."""
    known: Resource | None = getattr(primitive, RESOURCE, None)
    if known is not None:
        return known
    record = recorder.resource(kind, primitive, getattr(primitive, SITE, None), _capacity(primitive, kind))
    setattr(primitive, RESOURCE, record)
    return record


def _capacity(primitive: Any, kind: str) -> int:
    if kind == SEMAPHORE:
        return int(getattr(primitive, PERMITS, getattr(primitive, "_value", 0)))
    if kind == QUEUE:
        return max(0, int(primitive.maxsize))
    if kind == BARRIER:
        return int(primitive.parties)
    return 1 if kind == LOCK else 0


def is_news(task: Task | None) -> TypeGuard[Task]:
    """What is waited for inside a wait is a part of it, but for the lock that a condition takes again."""
    return task is not None and (task.wait is None or task.wait.kind == CONDITION)


def begin(resource: Resource, task: Task, site: Any) -> Wait:
    """Open a wait. Who holds the resource now is part of it: that is whom the task waits for."""
    resource.waiting += 1
    return recorder.begin_wait(task, resource.kind, resource, site, held_by=holders_named(resource))


def holders_named(resource: Resource) -> tuple[int, ...]:
    """The tasks that hold a resource now, by id."""
    if not resource.holders:
        return ()
    holders = list(resource.holders.values())
    return tuple(hold.task.id for hold in holders[:MAX_HOLDERS] if hold.task is not None)


def end(wait: Wait, outcome: str) -> None:
    """Close a wait that `begin` opened."""
    try:
        assert wait.resource is not None
        wait.resource.waiting -= 1
        recorder.wait_ended(wait, outcome)
        if outcome != OK:
            over_release.turned_away(wait)
    except Exception:
        recorder.fault("wait")


async def watched(inner: Awaitable[Any], wait: Wait) -> Any:
    """Await what the wait is for, and close it however that ends."""
    outcome = OK
    try:
        return await inner
    except BaseException as error:
        outcome = outcome_of(error)
        step_out(error)
        raise
    finally:
        end(wait, outcome)


def hold(resource: Resource, task: Task | None, site: Any, acquired: int) -> None:
    """Open a hold. A task's first permit stands under the task's id, so that its release finds it at once."""
    try:
        record = Hold(recorder.new_id(), task, resource, site, acquired)
        resource.in_use += 1
        if resource.turned_away:
            over_release.took(resource, task)
        holders = resource.holders
        holders[task.id if task is not None and task.id not in holders else record.id] = record
    except Exception:
        recorder.fault("acquire")


def give_back(primitive: Any, resource: Resource, caller: FrameType) -> None:
    """A release: it closes a hold, unless it is certain that nobody had this permit."""
    task = recorded_task()
    if task is None or task.id not in resource.holders:
        is_ours = any(_holds_for(hold.task, task) for hold in [*resource.holders.values()])
        if not is_ours and over_release.is_one(primitive, resource, task, caller):
            return
    if resource.holders:
        let_go(resource)


def let_go(resource: Resource) -> None:
    """Close the hold of the releasing task, else the oldest: anybody may release a semaphore."""
    task = recorded_task()
    holders = resource.holders
    ended = holders.pop(task.id, None) if task is not None else None
    if ended is None:
        key = next((k for k, h in holders.copy().items() if _holds_for(h.task, task)), 0)
        resource.handed += not key
        ended = holders.pop(key or next(iter(holders.copy())))
    resource.in_use -= 1
    ended.released = now()
    lasted, detail = ended.released - ended.acquired, recorder.detail
    if lasted > detail.over or (
        lasted > recorder.hold_threshold and not detail.is_thin(task.job if task is not None else None)
    ):
        recorder.keep(recorder.ended_holds, ended)


def _holds_for(holder: Task | None, task: Task | None) -> bool:
    """Its own, or one that a task made for the acquire alone took for it, as `wait_for` does on 3.11."""
    return holder is task or (holder is not None and task is not None and holder.parent == task.id)
