"""anyio under observation: its primitives, streams, worker threads and tasks, as exact as asyncio's own."""

from __future__ import annotations

import asyncio
import functools
import threading
import time

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

import loopscope
from loopscope.records import CANCELLED, ERROR, EXECUTOR, LIMITER, LOCK, OK, PUT, QUEUE, SEMAPHORE, TAKE

BRIEF = 0.02


def waits_of(batch, kind):
    return [wait for wait in batch.waits if wait.kind == kind]


async def user(permit):
    async with permit:
        await anyio.sleep(BRIEF)


@pytest.mark.parametrize(
    ("make", "kind", "capacity"),
    [
        (anyio.Lock, LOCK, 1),
        (lambda: anyio.Semaphore(1), SEMAPHORE, 1),
        (lambda: anyio.CapacityLimiter(1), LIMITER, 1),
    ],
)
def test_a_permit_knows_its_waiters_and_its_holders(seen, make, kind, capacity):
    """Name and line are the user's, whatever anyio is built from."""

    async def main():
        permit = make()
        async with anyio.create_task_group() as group:
            group.start_soon(user, permit)
            group.start_soon(user, permit)

    batch = seen.run(main())
    (wait,) = waits_of(batch, kind)
    assert wait.resource.capacity == capacity
    assert wait.site.function == "user"
    assert wait.outcome == OK
    assert [hold.resource for hold in batch.holds] == [wait.resource] * 2
    assert wait.held_by == (batch.holds[0].task.id,)
    assert wait.resource.in_use == wait.resource.waiting == 0
    assert not wait.resource.holders


def test_a_permit_is_named_by_its_variable(seen):
    """The creation site is where the user asked for it."""

    async def main():
        slots = anyio.Semaphore(2)
        async with slots, slots:
            (resource,) = {hold.resource.id: hold.resource for hold in seen.handle.snapshot().holds}.values()
            assert resource.name == "slots"

    seen.run(main())


def test_a_permit_taken_without_waiting_is_held_too(seen):
    """`acquire_nowait` and `acquire_on_behalf_of`: one hold each, and none when it was refused."""

    async def main():
        limiter = anyio.CapacityLimiter(1)
        limiter.acquire_on_behalf_of_nowait("somebody")
        with pytest.raises(anyio.WouldBlock):
            limiter.acquire_nowait()
        assert len(seen.handle.snapshot().holds) == 1
        limiter.release_on_behalf_of("somebody")
        await limiter.acquire_on_behalf_of("somebody else")
        assert len(seen.handle.snapshot().holds) == 1
        limiter.release_on_behalf_of("somebody else")

    seen.run(main())


def test_who_is_cancelled_while_it_waits_takes_nobodys_hold_away(seen):
    """The holder holds on; the waiter leaves a cancelled wait."""

    async def main():
        lock = anyio.Lock()
        async with lock:
            with anyio.move_on_after(BRIEF):
                async with anyio.create_task_group() as group:
                    group.start_soon(user, lock)
            assert len(seen.handle.snapshot().holds) == 1

    batch = seen.run(main())
    assert [wait.outcome for wait in waits_of(batch, LOCK)] == [CANCELLED]


def test_a_stream_is_a_queue_with_its_partners(seen):
    """Who waits to receive, and who has sent and received."""

    async def main():
        sending, receiving = anyio.create_memory_object_stream(1)
        async with anyio.create_task_group() as group, sending, receiving:
            group.start_soon(receiving.receive, name="reader")
            await anyio.sleep(BRIEF)
            (wait,) = [w for w in seen.handle.snapshot().waits if w.kind == QUEUE]
            assert wait.detail == "get"
            assert wait.resource.capacity == 1
            await sending.send("letter")
            await anyio.lowlevel.checkpoint()
            assert {role for _, role in wait.resource.ref()._loopscope_partners} == {PUT, TAKE}

    batch = seen.run(main())
    (wait,) = waits_of(batch, QUEUE)
    assert wait.resource.kind == QUEUE
    assert not waits_of(batch, "event")


def test_a_worker_thread_is_a_work_item(seen):
    """Of the limiter that lets it run: who asked for it, how long it queued, and the thread."""

    async def main():
        limiter = anyio.CapacityLimiter(1)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(lambda: anyio.to_thread.run_sync(time.sleep, BRIEF, limiter=limiter))

    batch = seen.run(main())
    first, second = batch.items
    assert first.function == "sleep"
    assert first.executor.name == "limiter"
    assert first.executor.capacity == 1
    assert first.outcome == OK
    assert first.worker == "AnyIO worker thread"
    assert second.started >= first.ended - 1_000_000
    assert {wait.resource for wait in waits_of(batch, EXECUTOR)} == {first.executor}
    assert not waits_of(batch, LIMITER)


def test_the_default_limiter_has_a_name(seen):
    """It has no line of the user's."""

    async def main():
        assert await anyio.to_thread.run_sync(threading.current_thread) is not threading.main_thread()

    (item,) = seen.run(main()).items
    assert item.executor.name == "anyio threads"
    assert item.executor.capacity == 40
    assert item.site.function.endswith("main")


def test_work_that_fails_or_never_starts_says_so(seen):
    """What a worker raises is the program's as ever; who gives up in the queue was cancelled."""

    def fails():
        raise KeyError("gone")

    async def main():
        with pytest.raises(KeyError, match="gone"):
            await anyio.to_thread.run_sync(fails)
        limiter = anyio.CapacityLimiter(1)
        async with limiter:
            with anyio.move_on_after(BRIEF):
                task = asyncio.create_task(anyio.to_thread.run_sync(fails, limiter=limiter))
                await asyncio.wait([task], timeout=BRIEF)
                task.cancel()
                await asyncio.wait([task])

    batch = seen.run(main())
    assert [item.outcome for item in batch.items] == [ERROR, CANCELLED]


def test_what_a_worker_thread_does_belongs_to_the_job(seen):
    """Context variables travel, as anyio lets them."""

    async def main():
        with loopscope.job("podcast"):
            await anyio.to_thread.run_sync(time.sleep, 0)

    (item,) = seen.run(main()).items
    assert item.job.name == "podcast"


def test_tasks_are_called_after_the_users_coroutine(seen):
    """Not after the library's that runs it; a function with arguments bound to it counts."""

    async def worker(_):
        await anyio.lowlevel.checkpoint()

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(worker, 1)
            group.start_soon(functools.partial(worker, 2))

    batch = seen.run(main())
    assert sum(task.coroutine.endswith("worker") for task in batch.tasks) == 2
    assert {task.site.function for task in batch.tasks if task.coroutine.endswith("worker")} == {
        main.__qualname__
    }
