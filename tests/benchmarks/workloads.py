"""What is measured inside one process: small asyncio programs, one a branch of the hot path.

Each does its operations in batches of `BATCH`; `batch` is a context manager that the variant gives. Under
loopscope it opens a job, as a request would, so that every task belongs to one and has a span where spans
are on; that job is part of loopscope's cost. Bare asyncio and OpenTelemetry's instrumentation open nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    Batch = Callable[[], AbstractContextManager[object]]

BATCH = 100
PERMITS = 10
STEPS = 10


class Workload(NamedTuple):
    """`run(operations, batch)` does that many operations; `unfavourable` marks what costs only loopscope."""

    title: str
    run: Callable[[int, Batch], Awaitable[None]]
    operations: int
    unfavourable: bool = False


async def nothing() -> None:
    """The smallest coroutine: what is measured is the task around it."""


async def step_often() -> None:
    for _ in range(STEPS):
        await asyncio.sleep(0)


async def take_once(gate: asyncio.Semaphore) -> None:
    async with gate:
        pass


async def take_in_turn(gate: asyncio.Semaphore) -> None:
    async with gate:
        await asyncio.sleep(0)


async def go_far(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


def do_nothing() -> None:
    """The smallest function: what is measured is the way to the thread and back."""


async def spawn(operations: int, batch: Batch) -> None:
    """Create and gather tasks that do nothing; an operation is a task."""
    for _ in range(operations // BATCH):
        with batch():
            await asyncio.gather(*(asyncio.create_task(nothing()) for _ in range(BATCH)))


async def steps(operations: int, batch: Batch) -> None:
    """Tasks that yield to the loop ten times each; an operation is a task."""
    for _ in range(operations // BATCH):
        with batch():
            await asyncio.gather(*(asyncio.create_task(step_often()) for _ in range(BATCH)))


async def free_semaphore(operations: int, batch: Batch) -> None:
    """Tasks that each take and release once a semaphore with permits for all; an operation is a task."""
    for _ in range(operations // BATCH):
        gate = asyncio.Semaphore(BATCH)
        with batch():
            await asyncio.gather(*(asyncio.create_task(take_once(gate)) for _ in range(BATCH)))


async def busy_semaphore(operations: int, batch: Batch) -> None:
    """A hundred tasks share ten permits, each yields once while it holds one; an operation is a task."""
    for _ in range(operations // BATCH):
        gate = asyncio.Semaphore(PERMITS)
        with batch():
            await asyncio.gather(*(asyncio.create_task(take_in_turn(gate)) for _ in range(BATCH)))


async def to_thread(operations: int, batch: Batch) -> None:
    """One `asyncio.to_thread` after the other; an operation is a call."""
    for _ in range(operations // BATCH):
        with batch():
            for _ in range(BATCH):
                await asyncio.to_thread(do_nothing)


async def long_task(operations: int, batch: Batch) -> None:
    """One task that yields to the loop at every operation.

    Unfavourable: loopscope times each step, the instrumentation of OpenTelemetry sees one coroutine.
    """
    with batch():
        await asyncio.create_task(go_far(operations))


WORKLOADS = {
    "spawn": Workload("task spawn", spawn, 100_000),
    "steps": Workload("task of 10 steps", steps, 30_000),
    "free_semaphore": Workload("semaphore, uncontended", free_semaphore, 80_000),
    "busy_semaphore": Workload("semaphore, contended", busy_semaphore, 30_000),
    "to_thread": Workload("to_thread", to_thread, 8_000),
    "long_task": Workload("a step of one long task *", long_task, 100_000, unfavourable=True),
}

# The names under which OpenTelemetry's instrumentation is told to make spans.
COROUTINES = (nothing, step_often, take_once, take_in_turn, go_far)
FUNCTIONS = (do_nothing,)
