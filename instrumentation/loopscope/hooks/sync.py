"""Waits and holds of asyncio's own primitives: who waits, since when, and who holds what meanwhile."""

from __future__ import annotations

import asyncio
import sys
from threading import get_ident
from typing import TYPE_CHECKING, Any

from loopscope import places, private
from loopscope.clock import now
from loopscope.context import current_task
from loopscope.hooks import compiled, holding, thin
from loopscope.hooks.holding import RESOURCE, is_news, resource_of, watched
from loopscope.loop_clock import clocks
from loopscope.recorder import recorder
from loopscope.records import (
    BARRIER,
    CONDITION,
    EVENT,
    LOCK,
    OK,
    QUEUE,
    SEMAPHORE,
)
from loopscope.tracebacks import outcome_of, step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.loop_clock import LoopClock
    from loopscope.records import Resource, Task, Wait
    from loopscope.settings import Settings


def install(patches: Patches, settings: Settings) -> None:
    holding.reserve_attributes()
    permits = compiled.permits(settings)
    for primitive in holding.PRIMITIVES:
        patches.replace(primitive, "__init__", _noting_creation)

    patches.replace(asyncio.Semaphore, "acquire", _acquiring(SEMAPHORE, private.semaphore_waits, *permits))
    patches.replace(asyncio.Semaphore, "release", _releasing)
    patches.replace(asyncio.Lock, "acquire", _acquiring(LOCK, asyncio.Lock.locked, *permits))
    patches.replace(asyncio.Lock, "release", _releasing)

    patches.replace(asyncio.Event, "wait", _waiting(EVENT, lambda event: not event.is_set()))
    patches.replace(asyncio.Condition, "wait", _waiting(CONDITION, _always))
    patches.replace(asyncio.Barrier, "wait", _waiting(BARRIER, _always))
    patches.replace(asyncio.Queue, "get", _waiting(QUEUE, lambda queue: queue.empty(), "get"))
    patches.replace(asyncio.Queue, "put", _waiting(QUEUE, lambda queue: queue.full(), "put"))
    patches.replace(asyncio.Queue, "join", _waiting(QUEUE, private.queue_is_unfinished, "join"))
    thin.hooked_codes.update(id(wrapper.__code__) for _, _, _, wrapper in patches)
    patches.on_restore(thin.hooked_codes.clear)


def _always(_: Any) -> bool:
    return True


def _noting_creation(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, /, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            self._loopscope_site = places.note_creation(sys._getframe(1))
            if isinstance(self, asyncio.Semaphore):
                setattr(self, holding.PERMITS, self._value)
        except Exception:
            recorder.fault("primitive")

    return __init__


def _acquiring(
    kind: str,
    would_wait: Callable[[Any], bool],
    take: Callable[[Any], LoopClock | bool | None],
    took: Callable[[Any, str, LoopClock, int], None],
) -> Callable[..., Any]:
    def make(original: Callable[[Any], Awaitable[bool]]) -> Callable[[Any], Awaitable[bool]]:
        async def acquire(self: Any) -> bool:
            clock = take(self)
            if clock is True:
                return True
            if clock:
                began = clock.mark  # no clock is read: the beginnings of the task's steps serve
                try:
                    got = await original(self)
                except BaseException as error:
                    thin.waited(self, kind, clock, began, outcome_of(error))
                    step_out(error)
                    raise
                took(self, kind, clock, began)
                return got
            resource, wait, task, site = _prepare(self, kind, would_wait)
            try:
                got = await (original(self) if wait is None else watched(original(self), wait))
            except BaseException as error:
                step_out(error)
                raise
            if got and resource is not None:
                holding.hold(resource, task, site, now())
            return got

        return acquire

    return make


def _prepare(
    primitive: Any, kind: str, would_wait: Callable[[Any], bool]
) -> tuple[Resource | None, Wait | None, Task | None, Any]:
    """What an acquire needs to know of a task with a record; no resource when we failed."""
    try:
        task = current_task()
        resource = getattr(primitive, RESOURCE, None) or resource_of(primitive, kind)
        site = places.note_caller(sys._getframe(2))
        wait = holding.begin(resource, task, site) if is_news(task) and would_wait(primitive) else None
    except Exception:
        recorder.fault("acquire")
        return None, None, None, None
    return resource, wait, task, site


def _releasing(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def release(self: Any) -> None:
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise
        try:
            holders = getattr(self, "_loopscope_thin", None)  # HOLDERS, which is gone before the last release
            if holders:
                clock = clocks.get(get_ident())
                acquired = holders.pop(clock.key, 0) if clock is not None else 0
                if acquired:
                    if clock is not None and clock.mark - acquired > recorder.detail.over:
                        thin.held_long(self, acquired, clock.mark)
                    return
            resource = getattr(self, RESOURCE, None)
            if holders and (resource is None or not resource.holders):
                holders.pop(next(iter(holders.copy()), 0), None)  # anybody may release a semaphore
            elif resource is not None:
                holding.give_back(self, resource, sys._getframe(1))
        except Exception:
            recorder.fault("release")

    return release


def _waiting(kind: str, would_wait: Callable[[Any], bool], detail: str = "") -> Callable[..., Any]:
    def make(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wait(self: Any, /, *args: Any, **options: Any) -> Any:
            clock = thin.clock_here()
            if clock is not None:
                began, outcome = clock.mark, OK
                try:
                    return await original(self, *args, **options)
                except BaseException as error:
                    outcome = outcome_of(error)
                    step_out(error)
                    raise
                finally:
                    thin.waited(self, kind, clock, began, outcome)
            try:
                inner = original(self, *args, **options)
                begun = _begin_if_it_waits(self, kind, would_wait, detail)
                return await (inner if begun is None else watched(inner, begun))
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
        if not is_news(task):
            return None
        wait = holding.begin(resource_of(primitive, kind), task, places.note_caller(sys._getframe(2)))
        wait.detail = detail
    except Exception:
        recorder.fault("wait")
        return None
    return wait
