"""Reach: who could still bring about what a loop's thread waits for? Nobody, when only its own loop could.

A loop's thread that waits in `Future.result`, for a lock or for a queue is a deadlock if the only one to end
the wait is a task or callback of the very loop that the thread should run. Objects do not know who will
complete them, but whoever does has to reach them: from the locals of a thread's frames, or from a suspended
coroutine or a callback of the loop. The search follows a few references from there, and a thread that waits
itself for something only the loop can bring does not count. Runs on the watchdog, once in a long block.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

from loopscope import private, sync_waits
from loopscope.context import open_tasks
from loopscope.recorder import recorder
from loopscope.records import PROCESSES
from loopscope.sampling import other_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from loopscope.sync_waits import SyncWait

FROM_THREADS = 4  # references followed from a thread's locals
FROM_LOOP = 5  # and from a coroutine's or a callback's
MOST_OBJECTS = 20_000  # visited in one search
MOST_TASKS = 1_000
MOST_FRAMES = 40  # of a thread
CHAIN = 3  # threads that wait for one another
OURS = "loopscope-"
WALLS = (asyncio.AbstractEventLoop, ModuleType, type, CodeType, FrameType, threading.Thread)


def only_own_loop(wait: SyncWait, loop: asyncio.AbstractEventLoop, blocked: int) -> bool:
    """Can nobody but a task or callback of `loop` end this wait of the thread `blocked`, which runs it?"""
    frames = {thread: frame for thread, frame in other_frames().items() if thread != blocked}
    return _needs(wait, loop, frames, CHAIN)


def _needs(
    wait: SyncWait, loop: asyncio.AbstractEventLoop, frames: Mapping[int, FrameType], left: int
) -> bool:
    if isinstance(wait.on, sync_waits.LOCKS):
        return _held_by_a_task(wait.on, loop)
    if sync_waits.is_shared(wait.on) or _runs_in_a_process(wait.on):
        return False
    helpers = _workers(wait.on)
    known = helpers is not None
    if helpers is None:
        helpers = [thread for thread in _others() if thread in frames and _sees(frames[thread], wait.on)]
    for thread in helpers:
        frame = frames.get(thread)
        inner = sync_waits.of(frame)
        if inner is None:
            return False  # it is at work, and may end the wait
        if inner.on is not wait.on and not (left and _needs(inner, loop, frames, left - 1)):
            return False
    return bool(helpers) if known else bool(helpers) or _loop_sees(loop, wait.on)


def _runs_in_a_process(thing: Any) -> bool:
    """A future whose work another process does; the thread that hands it over is not seen to hold it."""
    items = list(recorder.items.values())
    return any(
        i.executor.workers == PROCESSES and i.future is not None and i.future() is thing for i in items
    )


def _workers(thing: Any) -> list[int] | None:
    """The threads whose end is waited for; None for anything that is no thread and no pool."""
    if isinstance(thing, threading.Thread):
        return [thing.ident] if thing.ident else []
    if isinstance(thing, ThreadPoolExecutor):
        return [thread.ident for thread in private.threads_of(thing) if thread.ident]
    return None


def _others() -> Iterator[int]:
    return (
        thread.ident for thread in threading.enumerate() if thread.ident and not thread.name.startswith(OURS)
    )


def _sees(frame: FrameType | None, thing: Any) -> bool:
    locals_: list[Any] = []
    for _ in range(MOST_FRAMES):
        if frame is None:
            break
        locals_ += frame.f_locals.values()
        frame = frame.f_back
    return _reaches(locals_, thing, FROM_THREADS)


def _loop_sees(loop: asyncio.AbstractEventLoop, thing: Any) -> bool:
    tasks = [task for record in list(open_tasks.values())[:MOST_TASKS] if (task := record.ref()) is not None]
    mine = [task for task in tasks if task.get_loop() is loop]
    return _reaches([*private.handles_of(loop), *mine, *(task.get_coro() for task in mine)], thing, FROM_LOOP)


def _reaches(roots: Iterable[Any], thing: Any, depth: int) -> bool:
    """Breadth first over `gc.get_referents`, never through loops, modules, classes and threads."""
    wanted = {id(one) for one in thing} if isinstance(thing, (set, list, tuple)) else {id(thing)}
    level = [root for root in roots if not issubclass(type(root), WALLS)]
    seen = set(map(id, level))
    for _ in range(depth + 1):
        if not wanted.isdisjoint(map(id, level)):
            return True
        below: list[Any] = []
        for one in level:
            for found in gc.get_referents(*_open(one)):
                if id(found) not in seen and not issubclass(type(found), WALLS):
                    seen.add(id(found))
                    below.append(found)
        if len(seen) > MOST_OBJECTS:
            return False
        level = below
    return False


def _open(one: Any) -> list[Any]:
    """A function leads to its closure and defaults, not to the globals of its module."""
    return [one.__closure__, one.__defaults__] if type(one) is FunctionType else [one]


def _held_by_a_task(lock: Any, loop: asyncio.AbstractEventLoop) -> bool:
    """Does a suspended coroutine of the loop stand inside ``with lock``?"""
    for record in list(open_tasks.values())[:MOST_TASKS]:
        task = record.ref()
        if task is None or task.get_loop() is not loop or private.waiting_for(task) is None:
            continue
        if any(sync_waits.stands_inside(frame, lock) for frame in _frames(task.get_coro())):
            return True
    return False


def _frames(awaitable: Any) -> Iterator[FrameType]:
    """Frames of a suspended coroutine, outermost first."""
    while awaitable is not None:
        if isinstance(awaitable, CoroutineType):
            frame, awaitable = awaitable.cr_frame, awaitable.cr_await
        elif isinstance(awaitable, GeneratorType):
            frame, awaitable = awaitable.gi_frame, awaitable.gi_yieldfrom
        elif isinstance(awaitable, AsyncGeneratorType):
            frame, awaitable = awaitable.ag_frame, awaitable.ag_await
        else:
            return
        if frame is not None:
            yield frame
