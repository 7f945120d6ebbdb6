"""anyio's worker threads: what `to_thread` runs, and how long it queued for its limiter.

The limiter is the executor: its tokens are the workers.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope import tracing
from loopscope.context import current_task, recorded_task
from loopscope.hooks import holding
from loopscope.hooks.anyio_tasks import BACKEND
from loopscope.hooks.executors import Call
from loopscope.hooks.work_items import Asked, end, item_for
from loopscope.owned import Owned, number_at, owned
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, EXECUTOR
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource, Wait, WorkItem
    from loopscope.settings import Settings

_executors = Owned()  # by limiter, which is a resource by itself too


def install(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[BACKEND].AsyncIOBackend, "run_sync_in_worker_thread", _running)
    patches.on_restore(_executors.clear)


def _running(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Around a class method that anyio calls on the class: the original is bound to it already."""

    async def run_sync_in_worker_thread(
        func: Any, args: Any, /, abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        call, item, wait = _submit(func, limiter)
        try:
            running = original(call, args, abandon_on_cancel, limiter)
            return await (running if wait is None else holding.watched(running, wait))
        except BaseException as error:
            step_out(error)
            raise
        finally:
            if item is not None and not item.started:
                end(item, CANCELLED)

    return run_sync_in_worker_thread


def _submit(function: Any, limiter: Any) -> tuple[Any, WorkItem | None, Wait | None]:
    """What to run instead of the function, its work item, and the wait for it."""
    try:
        caller, task = sys._getframe(2), current_task()
        of = limiter or sys.modules[BACKEND].AsyncIOBackend.current_default_thread_limiter()
        executor = _executor_of(of, is_default=limiter is None)
        item = item_for(executor, function, number_at(of, "_wait_queue"), Asked.here(caller, recorded_task()))
        run = tracing.inside_item(function) if item.parent_span is not None else function
        wait = holding.begin(executor, task, item.site) if holding.is_news(task) else None
        return Call(item, run, ()), item, wait
    except Exception:
        recorder.fault("anyio thread")
        return function, None, None


def _executor_of(limiter: Any, *, is_default: bool) -> Resource:
    capacity = number_at(limiter, "_total_tokens")
    known = _executors.find(limiter)
    if known is None:
        limits = owned.find(limiter)
        known = _executors.make(limiter, EXECUTOR, limits.site if limits is not None else None, capacity)
        if is_default:
            known.name = "anyio threads"
    known.capacity = capacity
    return known
