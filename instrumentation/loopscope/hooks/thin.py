"""What thin tasks wait for and hold: a number on the primitive, and a record when somebody needs one.

A thin task has no record, only the moment it was created (`loopscope.context.thin_tasks`). A permit it takes
is noted on the primitive as its task's address and the moment; a wait is noted only when it is over. When a
task has been open for a while, or a snapshot is taken, the pump makes records of what it finds: the wait it
reads from the local variables of our own suspended `acquire` or `wait`. The loop goes on meanwhile, so each
such record is looked at once more after it was made.
"""

from __future__ import annotations

import sys
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.context import current_task, open_tasks, promote, thin_clock
from loopscope.hooks import holding
from loopscope.recorder import recorder
from loopscope.records import NOWHERE, OK, Hold, Wait

if TYPE_CHECKING:
    import asyncio

    from loopscope.loop_clock import LoopClock
    from loopscope.records import Place, RawPlace, Resource, Task

hooked_codes: set[int] = set()  # ids of the code objects of the coroutines that wait on behalf of a primitive


def clock_here(_: Any = None) -> LoopClock | None:
    """The clock of the loop that runs here, if its running task is thin."""
    try:
        return thin_clock()
    except Exception:
        recorder.fault("thin task")
        return None


def waited(primitive: Any, kind: str, clock: LoopClock, began: int, outcome: str) -> None:
    """What a thin task asked for is over: if it waited, that is counted, or kept if it failed or was long."""
    if clock.mark == began:
        return
    try:
        detail, lasted = recorder.detail, clock.mark - began
        if outcome == OK and lasted < detail.over and clock.key not in open_tasks:
            detail.count_wait_at(kind, getattr(primitive, holding.SITE, None), lasted)
            return
        record = current_task()
        if record is None:
            return
        resource = holding.resource_of(primitive, kind)
        if record.wait is not None and record.wait.resource is resource:
            holding.end(record.wait, outcome)
            return
        site = places.note_caller(sys._getframe(2))
        recorder.keep(
            recorder.ended_waits,
            Wait(record, kind, resource, site, began, clock.mark, outcome, job=record.job),
        )
    except Exception:
        recorder.fault("wait")


def took(primitive: Any, kind: str, clock: LoopClock, began: int) -> None:
    """The running task, which was thin when it asked, has a permit; a second is too much for one number."""
    waited(primitive, kind, clock, began, OK)
    try:
        holders = _holders_of(primitive)
        if clock.key in holders:
            holding.hold(holding.resource_of(primitive, kind), current_task(), NOWHERE, clock.mark)
        else:
            holders[clock.key] = clock.mark
    except Exception:
        recorder.fault("acquire")


def _holders_of(primitive: Any) -> dict[int, int]:
    """Where the permits of thin tasks on a primitive are noted; made at the first one."""
    holders: dict[int, int] | None = getattr(primitive, holding.HOLDERS, None)
    if holders is None:
        holders = {}
        setattr(primitive, holding.HOLDERS, holders)
    return holders


def held_long(primitive: Any, acquired: int, released: int) -> None:
    """The running task gave back a permit after so long that the hold is kept."""
    resource: Resource | None = getattr(primitive, holding.RESOURCE, None)
    if resource is not None:
        hold = Hold(recorder.new_id(), current_task(), resource, NOWHERE, acquired, released)
        recorder.keep(recorder.ended_holds, hold)


def adopt_wait(record: Task, task: asyncio.Task[Any], tasks: dict[int, asyncio.Task[Any]]) -> None:
    """Open the wait that a task with a new record is in, if a primitive of asyncio's own keeps it."""
    waiter, site = _waiter_of(task)
    if waiter is None or waiter.cr_frame is None:
        return
    seen = waiter.cr_frame.f_locals
    primitive, kind = seen["self"], seen["kind"]
    resource = holding.resource_of(primitive, kind)
    adopt_holders(primitive, resource, tasks)
    wait = holding.begin(resource, record, site)
    wait.started = seen["began"]
    if not waiter.cr_suspended:  # it went on meanwhile, and may have found no wait to end
        resource.waiting -= 1
        record.wait = wait.outer


def _waiter_of(task: asyncio.Task[Any]) -> tuple[CoroutineType[Any, Any, Any] | None, RawPlace | Place]:
    """Our innermost coroutine that a task is suspended in, and the user's line that awaits it."""
    found: CoroutineType[Any, Any, Any] | None = None
    site: RawPlace | Place = NOWHERE
    found_site = site
    inner: Any = task.get_coro()
    while isinstance(inner, CoroutineType) and inner.cr_frame is not None:
        if id(inner.cr_code) in hooked_codes and "began" in inner.cr_frame.f_locals:
            found, found_site = inner, site
        elif places.origin_of(inner.cr_frame) == places.USER:
            site = inner.cr_code, inner.cr_frame.f_lasti
        inner = inner.cr_await
    return found, found_site


def has_holders(resource: Resource | None) -> bool:
    """Do thin tasks have permits of it?"""
    primitive = resource.ref() if resource is not None and resource.ref is not None else None
    return bool(getattr(primitive, holding.HOLDERS, None))


def name_holders(wait: Wait, tasks: dict[int, asyncio.Task[Any]]) -> None:
    """Complete a wait that began while thin tasks held what it is for."""
    resource = wait.resource
    primitive = resource.ref() if resource is not None and resource.ref is not None else None
    if resource is not None and primitive is not None:
        adopt_holders(primitive, resource, tasks)
        wait.held_by = holding.holders_named(resource)


def adopt_holders(primitive: Any, resource: Resource, tasks: dict[int, asyncio.Task[Any]]) -> None:
    """Make holds of the permits that thin tasks have; `tasks` are those of all loops, by address."""
    holders: dict[int, int] = getattr(primitive, holding.HOLDERS, {})
    for key, acquired in holders.copy().items():
        task = tasks.get(key)
        record = promote(task) if task is not None else None
        if record is not None and record.created > acquired:
            record = None  # the holder ended without giving back, and this one has its address
        made = Hold(recorder.new_id(), record, resource, NOWHERE, acquired)
        name = record.id if record is not None and record.id not in resource.holders else made.id
        resource.holders[name] = made
        resource.in_use += 1
        if holders.pop(key, None) is None and resource.holders.pop(name, None) is not None:
            resource.in_use -= 1  # given back meanwhile
