"""Connection pools of clients: who waits for a connection, who has one, and where it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.clock import now
from loopscope.context import current_task
from loopscope.hooks import holding
from loopscope.owned import number_at, owned
from loopscope.recorder import recorder
from loopscope.records import POOL, Hold, Resource, Wait

if TYPE_CHECKING:
    from types import FrameType


def pool_of(owner: Any, limit: str, caller: FrameType | None = None) -> Resource:
    """The record of a pool, made when the pool is, with its creator's line; later without."""
    known = owned.find(owner)
    if known is None:
        site = places.note_caller(caller) if caller is not None else None
        known = owned.make(owner, POOL, site, number_at(owner, limit))
        if site is None:
            known.name = f"{type(owner).__module__.partition('.')[0]} pool"
    return known


def begin_wait(pool: Resource, caller: FrameType) -> Wait | None:
    """A wait for a connection, inside of that for the request if there is one; it has the request's line."""
    task = current_task()
    if task is None:
        return None
    return holding.begin(pool, task, task.wait.site if task.wait is not None else places.note_caller(caller))


def take(pool: Resource, caller: FrameType) -> Hold:
    """The running task has a connection from now on, until somebody gives it back."""
    hold = _made(pool, caller)
    pool.holders[hold.id] = hold
    pool.in_use = len(pool.holders)  # right also where several threads share a pool
    return hold


def lend(pool: Resource, connection: Any, caller: FrameType) -> None:
    """The same for a pool that says which connection comes back; it stands under the connection's address."""
    key = id(connection)
    if key not in pool.holders:
        pool.holders[key] = _made(pool, caller)
        pool.in_use = len(pool.holders)


def _made(pool: Resource, caller: FrameType) -> Hold:
    task = current_task()
    within = task.wait if task is not None else None
    site = within.site if within is not None else places.note_caller(caller)
    return Hold(recorder.new_id(), task, pool, site, now())


def give_back(hold: Hold) -> None:
    """Once is enough: a response may be closed twice."""
    _close(hold.resource, hold.id)


def returned(owner: Any, connection: Any) -> None:
    """What was lent is back. Never raises; nothing happens for one that was lent before we came."""
    try:
        pool = owned.find(owner)
        if pool is not None:
            _close(pool, id(connection))
    except Exception:
        recorder.fault("connection")


def _close(pool: Resource, key: int) -> None:
    hold = pool.holders.pop(key, None)
    if hold is None:
        return
    pool.in_use = len(pool.holders)
    hold.released = now()
    lasted, detail = hold.released - hold.acquired, recorder.detail
    job = hold.task.job if hold.task is not None else None
    if lasted > detail.over or (lasted > recorder.hold_threshold and not detail.is_thin(job)):
        recorder.keep(recorder.ended_holds, hold)
