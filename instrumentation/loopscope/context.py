"""What the code that runs right now belongs to: its job, its asyncio task, its work item."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from threading import get_ident
from typing import TYPE_CHECKING

from loopscope.loop_clock import clocks

if TYPE_CHECKING:
    from loopscope.loop_clock import LoopClock
    from loopscope.records import Job, Task, WorkItem

job_var: ContextVar[Job | None] = ContextVar("loopscope_job", default=None)


class _Worker(threading.local):
    """A thread, not a context: `asyncio.to_thread` enters a context of its own inside the work item."""

    item: WorkItem | None = None


worker = _Worker()

# Open tasks by the address of the asyncio task: no reference of ours keeps a task alive. The hook that fills
# it removes an entry when its task ends; the pump, when the task was collected without ending.
open_tasks: dict[int, Task] = {}

# Items of another process's pool that this process runs, by id: one at most, unless pools were forked oddly.
hosted: dict[int, WorkItem] = {}


def current_job() -> Job | None:
    """The job that the calling code belongs to, in a task, a callback or an executor's thread."""
    return job_var.get()


def current_item() -> WorkItem | None:
    """The work item that the calling executor thread runs; None in a task and elsewhere."""
    return worker.item if get_ident() not in clocks else None


def outer_item() -> WorkItem | None:
    """The work item that the calling code is a part of: its thread's, else the one its process works at."""
    return worker.item or next(iter(list(hosted.values())), None)


def current_task() -> Task | None:
    """The record of the asyncio task that the calling code runs in.

    asyncio's own `current_task` asks for the running loop, which on 3.11 asks the kernel for the process id:
    a microsecond or more, too much for a hook.
    """
    clock = clocks.get(get_ident())
    if clock is None:
        return None
    return clock.running or _found(clock)


def _found(clock: LoopClock) -> Task | None:
    """By asyncio's books: on a loop whose steps we do not see, or in a step that began before we came."""
    loop = clock.loop()
    task = asyncio.current_task(loop) if loop is not None else None
    return open_tasks.get(id(task)) if task is not None else None
