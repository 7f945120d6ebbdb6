"""Await chains: what a suspended task waits for, read from its coroutines' frames.

A suspended coroutine knows its frame and what it awaits (`cr_await`, `gi_yieldfrom`, `ag_await`), down to
the future at the end. Walking that chain names the exact line without any patch, in every library. The loop
does it only for waits that lasted longer than the threshold, when the task resumes; the pump does it for
tasks that are still suspended. Both note pairs of code and offset; words are found by the pump.
"""

from __future__ import annotations

import asyncio
import gc
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from loopscope import places, private
from loopscope.recorder import recorder
from loopscope.records import (
    BARRIER,
    CONDITION,
    EVENT,
    FUTURE,
    GATHER,
    HTTP,
    IO,
    LOCK,
    OK,
    QUEUE,
    SEMAPHORE,
    SLEEP,
    TASK,
    Wait,
)

if TYPE_CHECKING:
    from loopscope.records import Place, RawPlace, Task

DEPTH = 40  # frames of a chain that are noted

# Innermost frame first, the first row whose file and beginning of function fit decides. A library is a row.
RULES: tuple[tuple[str, str, str], ...] = (
    ("asyncio/tasks.py", "sleep", SLEEP),
    ("asyncio/tasks.py", "wait_for", TASK),
    ("asyncio/tasks.py", "", TASK),
    ("asyncio/taskgroups.py", "", GATHER),
    ("asyncio/locks.py", "Lock", LOCK),
    ("asyncio/locks.py", "Semaphore", SEMAPHORE),
    ("asyncio/locks.py", "Event", EVENT),
    ("asyncio/locks.py", "Condition", CONDITION),
    ("asyncio/locks.py", "Barrier", BARRIER),
    ("asyncio/queues.py", "", QUEUE),
    ("asyncio/streams.py", "", IO),
    ("asyncio/selector_events.py", "", IO),
    ("asyncio/base_events.py", "BaseEventLoop.run_in_executor", FUTURE),
    ("asyncio/base_events.py", "", IO),
    ("asyncio/subprocess.py", "", IO),
    ("asyncio/base_subprocess.py", "", IO),
    ("/httpcore/", "", HTTP),
    ("/httpx/", "", HTTP),
    ("/aiohttp/client", "", HTTP),
    ("/aiohttp/connector", "", HTTP),
    ("/anyio/_backends/_asyncio.py", "TaskGroup", GATHER),
    ("/anyio/_backends/_asyncio.py", "Event", EVENT),
    ("/anyio/_backends/_asyncio.py", "Lock", LOCK),
    ("/anyio/_backends/_asyncio.py", "Semaphore", SEMAPHORE),
    ("/anyio/_backends/_asyncio.py", "AsyncIOBackend.sleep", SLEEP),
    ("/anyio/_backends/_asyncio.py", "AsyncIOBackend.run_sync", FUTURE),
    ("/anyio/_backends/_asyncio.py", "", IO),
    ("/asyncpg/", "", IO),
    ("/redis/", "", IO),
)


def walk(awaitable: Any) -> list[RawPlace]:
    """The frames of a suspended coroutine's await chain, outermost first; empty while it runs."""
    chain: list[RawPlace] = []
    while awaitable is not None and len(chain) < DEPTH:
        if isinstance(awaitable, CoroutineType):
            frame, awaitable = awaitable.cr_frame, awaitable.cr_await
        elif isinstance(awaitable, GeneratorType):
            frame, awaitable = awaitable.gi_frame, awaitable.gi_yieldfrom
        elif isinstance(awaitable, AsyncGeneratorType):
            frame, awaitable = awaitable.ag_frame, awaitable.ag_await
        elif type(awaitable).__name__ in {"async_generator_asend", "async_generator_athrow"}:
            inner = gc.get_referents(awaitable)
            awaitable = next((a for a in inner if isinstance(a, AsyncGeneratorType)), None)
            continue
        else:
            break
        if frame is None:
            break
        chain.append((frame.f_code, frame.f_lasti))
    return chain


def resumed(record: Task, task: Any, arguments: tuple[Any, ...] | None, at: int) -> None:
    """Note the wait that ends now. Runs on the loop, for waits over the threshold only."""
    if at - record.last_ran < recorder.detail.over and recorder.detail.is_thin(record.job):
        return
    chain = walk(task.get_coro())
    leaf = arguments[0] if arguments else None
    wait = Wait(record, kind_of_leaf(leaf), None, chain, record.last_ran, at, OK, job=record.job)
    recorder.keep(recorder.ended_waits, wait)


def suspended(record: Task, task: Any) -> Wait | None:
    """The wait a task is in, seen from another thread; None while it runs."""
    leaf = private.waiting_for(task)
    chain = walk(task.get_coro())
    if leaf is None or not chain:
        return None
    return Wait(record, kind_of_leaf(leaf), None, chain, record.last_ran, job=record.job)


def kind_of_leaf(leaf: Any) -> str:
    """What the future at the end of a chain says of the wait; the chain may know better."""
    if isinstance(leaf, asyncio.Task):
        return TASK
    return GATHER if type(leaf).__name__ == "_GatheringFuture" else FUTURE


def put_into_words(wait: Wait) -> None:
    """Replace a chain by the user's innermost line, the kind of wait and the library function that waits."""
    if not isinstance(wait.site, list):
        wait.site = places.resolve(wait.site)
        if not wait.site.line:  # a coroutine of a library runs as a task of its own
            wait.site = places.resolve(wait.task.site)
        return
    chain: list[Place] = [places.resolve(raw) for raw in reversed(wait.site)]
    library = []
    for place in chain:
        if places.origin(place.file) == places.USER:
            break
        library.append(place)
    wait.site = places.culprit(tuple(chain))
    if library:
        wait.detail = library[0].function
    if wait.kind == FUTURE:
        wait.kind = next((kind for place in library if (kind := _rule(place))), FUTURE)


def _rule(place: Place) -> str:
    for file, function, kind in RULES:
        if (place.file.endswith(file) or file in place.file) and place.function.startswith(function):
            return kind
    return ""
