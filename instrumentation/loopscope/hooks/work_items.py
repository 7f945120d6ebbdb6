"""Work items: what every executor's hook records of a callable that it is given."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope import places, private, tracing
from loopscope.clock import now
from loopscope.context import current_item, job_var, name_asker, outer_item, thin_task
from loopscope.hooks.holding import RESOURCE, SITE
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, EXECUTOR, INHERITED, OK, Place, WorkItem
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopscope.records import Job, RawPlace, Resource, Task

MADE_IN = "_loopscope_made_in"  # pid


def noting_creation(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            setattr(self, SITE, places.note_creation(sys._getframe(1)))
            setattr(self, MADE_IN, os.getpid())
        except Exception:
            recorder.fault("executor")

    return __init__


def resource_of(executor: Any) -> Resource:
    known: Resource | None = getattr(executor, RESOURCE, None)
    if known is not None:
        return known
    workers = private.workers_of(executor)
    record = recorder.resource(EXECUTOR, executor, getattr(executor, SITE, None), workers)
    if getattr(executor, "_thread_name_prefix", "") == "asyncio":
        record.name = "default"  # the loop's own, made by `run_in_executor(None, …)` and `to_thread`
    pid = os.getpid()
    made_here = vars(executor).setdefault(MADE_IN, pid) == pid
    record.workers = private.kind_of_workers(executor) if made_here else INHERITED
    setattr(executor, RESOURCE, record)
    return record


class Asked(NamedTuple):
    """Who asked for an item, where and when."""

    task: int
    job: Job | None
    site: RawPlace | Place
    moment: int
    outer: int
    asker: int

    @classmethod
    def here(cls, caller: FrameType | None, task: Task | None) -> Asked:
        """The task that asks is passed by the hook, which knows whether a thin one needs a record for it."""
        item, around = current_item(), outer_item()
        return cls(
            task.id if task is not None else item.task if item is not None else 0,
            job_var.get(),
            _site(caller, around),
            now(),
            around.id if around is not None else 0,
            thin_task() if task is None else 0,
        )


def _site(caller: FrameType | None, around: WorkItem | None) -> RawPlace | Place:
    """The user's line that asks; where an item runs a library's own function, the line of that item."""
    site = places.note_caller(caller)
    if around is not None:
        file = site.file if isinstance(site, Place) else site[0].co_filename
        if not file or places.origin(file) != places.USER:
            return around.site
    return site


def new_item(executor: Any, function: Any, depth: int, asked: Asked) -> WorkItem:
    return item_for(resource_of(executor), function, depth, asked)


def item_for(executor: Resource, function: Any, depth: int, asked: Asked) -> WorkItem:
    item = WorkItem(
        recorder.new_id(),
        asked.task,
        asked.job,
        executor,
        name_of(function),
        asked.site,
        asked.moment,
        depth,
        outer=asked.outer,
        asker=asked.asker,
    )
    if tracing.enabled:
        tracing.adopt_item(item)
    recorder.open(recorder.items, item)
    return item


def name_of(function: Any) -> str:
    """The user's function inside `functools.partial`, `Context.run` (`to_thread`) and chunks (`map`)."""
    while isinstance(function, functools.partial):
        function = function.args[0] if function.args and _carries(function.func) else function.func
    return getattr(function, "__qualname__", "") or type(function).__qualname__


def _carries(function: Any) -> bool:
    """Does it take the user's function as its first argument?"""
    name = getattr(function, "__name__", "")
    return name == "_process_chunk" or (name == "run" and not hasattr(function, "__code__"))


def end(item: WorkItem, outcome: str, error: BaseException | None = None, moment: int | None = None) -> None:
    if recorder.items.pop(item.id, None) is None:
        return
    item.ended = moment or now()
    item.future = None
    item.outcome = outcome
    item.exception = type(error).__qualname__ if error is not None else ""
    detail = recorder.detail
    quick = item.started and item.ended - item.submitted < detail.over
    if outcome == OK and quick and detail.is_thin(item.job):
        detail.count_item(item)
    else:
        name_asker(item)
        recorder.keep(recorder.ended_items, item)


def cancelled_unstarted(item: WorkItem) -> bool:
    """Close an item that will never start: its future was cancelled, or is gone with its executor."""
    if item.future is None or item.started:
        return False
    future = item.future()
    if future is None or future.cancelled():
        end(item, CANCELLED)
        return True
    return False
