"""What the code that runs right now belongs to: its job, its asyncio task, its work item."""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextvars import ContextVar
from threading import get_ident
from typing import TYPE_CHECKING, Any

from loopscope import private
from loopscope.clock import ids
from loopscope.loop_clock import clocks
from loopscope.records import NOWHERE, Task

if TYPE_CHECKING:
    from loopscope.loop_clock import LoopClock
    from loopscope.records import Job, WorkItem

job_var: ContextVar[Job | None] = ContextVar("loopscope_job", default=None)


class _Worker(threading.local):
    """A thread, not a context: `asyncio.to_thread` enters a context of its own inside the work item."""

    item: WorkItem | None = None
    thread: threading.Thread | None = None  # once it has run an item: it takes long to ask for


worker = _Worker()


def worker_name() -> str:
    """The calling thread's name."""
    thread = worker.thread
    if thread is None:
        thread = worker.thread = threading.current_thread()
    return thread.name


# Open tasks by the address of the asyncio task: no reference of ours keeps a task alive. The hook that fills
# it removes an entry when its task ends; the pump, when the task was collected without ending.
open_tasks: dict[int, Task] = {}

# Items of another process's pool that this process runs, by id: one at most, unless pools were forked oddly.
hosted: dict[int, WorkItem] = {}
# Open tasks without a record, by the same address: when each was created. See `loopscope.detail`.
thin_tasks: dict[int, int] = {}


def current_job() -> Job | None:
    """The job that the calling code belongs to, in a task, a callback or an executor's thread."""
    return job_var.get()


def current_item() -> WorkItem | None:
    """The work item that the calling executor thread runs; None in a task and elsewhere."""
    return worker.item if get_ident() not in clocks else None


def outer_item() -> WorkItem | None:
    """The work item that the calling code is a part of: its thread's, else the one its process works at."""
    return worker.item or (next(iter(list(hosted.values())), None) if hosted else None)


def current_task() -> Task | None:
    """The record of the asyncio task that the calling code runs in.

    asyncio's own `current_task` asks for the running loop, which on 3.11 asks the kernel for the process id:
    a microsecond or more, too much for a hook.
    """
    clock = clocks.get(get_ident())
    if clock is None:
        return None
    return clock.running or _found(clock)


def recorded_task() -> Task | None:
    """The same, but None for a thin task, which is left without a record."""
    clock = clocks.get(get_ident())
    if clock is None or clock.key in thin_tasks:
        return None
    return clock.running or _found(clock)


def thin_clock() -> LoopClock | None:
    """The clock of the loop that the calling code runs in, if the running task is thin."""
    clock = clocks.get(get_ident())
    return clock if clock is not None and clock.key in thin_tasks else None


def thin_task() -> int:
    """The address of the asyncio task that the calling code runs in, if that is thin; else 0."""
    clock = thin_clock()
    return clock.key if clock is not None else 0


def name_asker(item: WorkItem) -> None:
    """Name the task that submitted a work item, if that was thin and has got a record meanwhile."""
    record = open_tasks.get(item.asker)
    if record is not None and record.created <= item.submitted:  # else of another task at that address
        item.task, item.asker = record.id, 0


def _found(clock: LoopClock) -> Task | None:
    """By asyncio's books: a thin task, a loop whose steps we do not see, a step that began before we came."""
    loop = clock.loop()
    task = asyncio.current_task(loop) if loop is not None else None
    return promote(task) if task is not None else None


def promote(task: asyncio.Task[Any]) -> Task | None:
    """The record of an open task; a thin task gets one now. None for a task that is not known.

    Any thread may ask, while the task's loop goes on: who takes the number out of `thin_tasks`, the maker of
    the record or the task's last step, decides whether there is one. The caller's reference keeps the address
    from becoming another task's.
    """
    key = id(task)
    created = thin_tasks.get(key)
    if created is None:
        return open_tasks.get(key)
    coroutine = task.get_coro()
    began = created if private.has_begun(coroutine) else 0
    made = Task(
        ids.new(),
        private.context_of(task).get(job_var),
        0,
        getattr(coroutine, "__qualname__", "") or type(coroutine).__qualname__,
        NOWHERE,
        created,
        weakref.ref(task),
        first_run=began,
        last_ran=began,
        steps=1 if began else 0,
    )
    record = open_tasks.setdefault(key, made)
    if record is not made:
        return record
    if thin_tasks.pop(key, None) is None:
        del open_tasks[key]
        return None
    if record.job is not None:
        record.job.thinned -= 1
    return record
