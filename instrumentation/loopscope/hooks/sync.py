"""Waits and holds of asyncio's own primitives: who waits, since when, and who holds what meanwhile."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from loopscope import over_release, places, private
from loopscope.clock import now
from loopscope.context import current_task
from loopscope.recorder import recorder
from loopscope.records import (
    BARRIER,
    CANCELLED,
    CONDITION,
    ERROR,
    EVENT,
    LOCK,
    NOWHERE,
    OK,
    QUEUE,
    SEMAPHORE,
    Hold,
    Resource,
    Task,
    Wait,
)
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

SITE = "_loopscope_site"  # on the primitive: where it was created
PERMITS = "_loopscope_permits"  # on a semaphore: how many it began with
RESOURCE = "_loopscope_resource"  # on the primitive: its record, made when it is first of interest
MAX_HOLDERS = 16  # named in a wait


def install(patches: Patches, _: Settings) -> None:
    patches.replace(asyncio.Semaphore, "__init__", _noting_permits)
    for owner in (asyncio.Lock, asyncio.Event, asyncio.Condition, asyncio.Queue):
        patches.replace(owner, "__init__", _noting_creation)
    patches.replace(asyncio.Barrier, "__init__", _noting_creation)

    patches.replace(asyncio.Semaphore, "acquire", _acquiring(SEMAPHORE, private.semaphore_waits))
    patches.replace(asyncio.Semaphore, "release", _releasing)
    patches.replace(asyncio.Lock, "acquire", _acquiring(LOCK, asyncio.Lock.locked))
    patches.replace(asyncio.Lock, "release", _releasing)

    patches.replace(asyncio.Event, "wait", _waiting(EVENT, lambda event: not event.is_set()))
    patches.replace(asyncio.Condition, "wait", _waiting(CONDITION, _always))
    patches.replace(asyncio.Barrier, "wait", _waiting(BARRIER, _always))
    patches.replace(asyncio.Queue, "get", _waiting(QUEUE, lambda queue: queue.empty(), "get"))
    patches.replace(asyncio.Queue, "put", _waiting(QUEUE, lambda queue: queue.full(), "put"))
    patches.replace(asyncio.Queue, "join", _waiting(QUEUE, private.queue_is_unfinished, "join"))


def _always(_: Any) -> bool:
    return True


def _noting_creation(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            caller = sys._getframe(1)
            setattr(self, SITE, (caller.f_code, caller.f_lasti))
        except Exception:
            recorder.fault("primitive")

    return __init__


def _noting_permits(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, /, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            setattr(self, SITE, places.note_caller(sys._getframe(1)))  # a bounded one calls its base's
            setattr(self, PERMITS, self._value)
        except Exception:
            recorder.fault("primitive")

    return __init__


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


def _acquiring(kind: str, would_wait: Callable[[Any], bool]) -> Callable[..., Any]:
    def make(original: Callable[[Any], Awaitable[bool]]) -> Callable[[Any], Awaitable[bool]]:
        async def acquire(self: Any) -> bool:
            resource = wait = None
            try:
                task = current_task()
                resource = getattr(self, RESOURCE, None) or resource_of(self, kind)
                job = task.job if task is not None else None
                # Making frame objects is most of what an acquire costs: a thin job goes without the line.
                site = places.note_caller(sys._getframe(1)) if job is None or not job.thin else NOWHERE
                wait = _begin(resource, task, site) if _is_news(task) and would_wait(self) else None
            except Exception:
                recorder.fault("acquire")
                resource = None
            try:
                got = await (original(self) if wait is None else _watched(original(self), wait))
            except BaseException as error:
                step_out(error)
                raise
            if got and resource is not None:
                _hold(resource, task, site)
            return got

        return acquire

    return make


def _hold(resource: Resource, task: Task | None, site: Any) -> None:
    try:
        hold = Hold(recorder.new_id(), task, resource, site, now())
        resource.in_use += 1
        if resource.turned_away:
            over_release.took(resource, task)
        holders = resource.holders
        # A task's first permit stands under the task's id, so that its release finds it at once.
        holders[task.id if task is not None and task.id not in holders else hold.id] = hold
    except Exception:
        recorder.fault("acquire")


def _releasing(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def release(self: Any) -> None:
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise
        try:
            resource = getattr(self, RESOURCE, None)
            if resource is not None:
                _give_back(self, resource, sys._getframe(1))
        except Exception:
            recorder.fault("release")

    return release


def _give_back(primitive: Any, resource: Resource, caller: FrameType) -> None:
    task = current_task()
    if task is None or task.id not in resource.holders:
        is_ours = any(_holds_for(hold.task, task) for hold in resource.holders.values())
        if not is_ours and over_release.is_one(primitive, resource, task, caller):
            return
    if resource.holders:
        _let_go(resource)


def _let_go(resource: Resource) -> None:
    """Close the hold of the releasing task, else the oldest: anybody may release a semaphore."""
    task = current_task()
    holders = resource.holders
    hold = holders.pop(task.id, None) if task is not None else None
    if hold is None:
        key = next((k for k, h in holders.items() if _holds_for(h.task, task)), 0)
        resource.handed += not key
        hold = holders.pop(key or next(iter(holders)))
    resource.in_use -= 1
    hold.released = now()
    lasted, detail = hold.released - hold.acquired, recorder.detail
    if lasted > detail.over or (
        lasted > recorder.hold_threshold and not detail.is_thin(task.job if task is not None else None)
    ):
        recorder.keep(recorder.ended_holds, hold)


def _holds_for(holder: Task | None, task: Task | None) -> bool:
    """Its own, or one that a task made for the acquire alone took for it, as `wait_for` does on 3.11."""
    return holder is task or (holder is not None and task is not None and holder.parent == task.id)


def _waiting(kind: str, would_wait: Callable[[Any], bool], detail: str = "") -> Callable[..., Any]:
    def make(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wait(self: Any, /, *args: Any, **options: Any) -> Any:
            try:
                inner = original(self, *args, **options)
                begun = _begin_if_it_waits(self, kind, would_wait, detail)
                return await (inner if begun is None else _watched(inner, begun))
            except BaseException as error:
                step_out(error)
                raise

        return wait

    return make


def _begin_if_it_waits(
    primitive: Any, kind: str, would_wait: Callable[[Any], bool], detail: str
) -> Wait | None:
    try:
        task = current_task() if would_wait(primitive) else None
        if not _is_news(task):
            return None
        wait = _begin(resource_of(primitive, kind), task, places.note_caller(sys._getframe(2)))
        wait.detail = detail
    except Exception:
        recorder.fault("wait")
        return None
    return wait


def _is_news(task: Task | None) -> TypeGuard[Task]:
    """What is waited for inside a wait is a part of it, but for the lock that a condition takes again."""
    return task is not None and (task.wait is None or task.wait.kind == CONDITION)


def _begin(resource: Resource, task: Task, site: Any) -> Wait:
    """Open a wait. Who holds the resource now is part of it: that is whom the task waits for."""
    held_by: tuple[int, ...] = ()
    if resource.holders:
        holders = list(resource.holders.values())
        held_by = tuple(hold.task.id for hold in holders[:MAX_HOLDERS] if hold.task is not None)
    resource.waiting += 1
    return recorder.begin_wait(task, resource.kind, resource, site, held_by=held_by)


async def _watched(inner: Awaitable[Any], wait: Wait) -> Any:
    """Await what the wait is for, and close it however that ends."""
    outcome = OK
    try:
        return await inner
    except BaseException as error:
        outcome = CANCELLED if isinstance(error, asyncio.CancelledError) else ERROR
        step_out(error)
        raise
    finally:
        _end(wait, outcome)


def _end(wait: Wait, outcome: str) -> None:
    try:
        assert wait.resource is not None
        wait.resource.waiting -= 1
        recorder.wait_ended(wait, outcome)
        if outcome != OK:
            over_release.turned_away(wait)
    except Exception:
        recorder.fault("wait")
