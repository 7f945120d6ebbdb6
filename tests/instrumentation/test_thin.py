"""A thin task is one number until somebody needs more: then it has a record, its permits and its wait."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

import loopscope
from loopscope import context, promotion
from loopscope.clock import SECOND, now
from loopscope.hooks import holding
from loopscope.recorder import recorder
from loopscope.records import Hold, Resource, Task, Wait


@pytest.fixture
def busy(observe):
    """A service whose budget is used up from the first record on, and whose pump hardly ever comes."""
    return observe(detail_rate=1, detail_burst=0, detail_over=60.0, slice_threshold=60.0, drain_interval=60.0)


async def hold(gate, pause=60.0):
    async with gate:
        await asyncio.sleep(pause)


def records_of(coroutine, gate):
    """What the collector looks at for the sake of tasks of this name and of this semaphore."""
    return [
        found
        for found in gc.get_objects()
        if (isinstance(found, Task) and found.coroutine == coroutine)
        or (isinstance(found, Hold | Wait) and found.task and found.task.coroutine == coroutine)
        or (isinstance(found, Resource) and found.ref and found.ref() is gate)
    ]


async def cancelled(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def look(busy, *, later=0):
    promotion.look_at_thin_tasks(busy.state, now() + later)


def test_a_quick_task_leaves_a_count_and_nothing_else(busy):
    """Neither a record, nor a reference that the collector follows."""

    async def pass_through(gate):
        await hold(gate, 0)

    async def main():
        gate = asyncio.Semaphore(1)
        tasks = [asyncio.create_task(pass_through(gate)) for _ in range(50)]
        assert not context.open_tasks.keys() & {id(task) for task in tasks}
        await asyncio.sleep(0)
        assert getattr(gate, holding.HOLDERS)
        assert records_of(pass_through.__qualname__, gate) == []
        await asyncio.gather(*tasks)
        assert getattr(gate, holding.HOLDERS) == {}

    batch = busy.run(main())
    assert [task for task in batch.tasks if task.coroutine == pass_through.__qualname__] == []
    assert busy.state.tasks_finished["ok"] >= 50


def test_a_task_that_stays_open_gets_a_record(busy):
    """With its job, its beginning and what it waits for; a young one is left alone."""

    async def main():
        gate = asyncio.Semaphore(1)
        with loopscope.job("slow") as job:
            holder, victim = (asyncio.create_task(hold(gate), name=n) for n in ("holder", "victim"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            look(busy)
            assert id(victim) in context.thin_tasks
            look(busy, later=SECOND)
            record = context.open_tasks[id(victim)]
            assert record.job is job
            assert record.coroutine == "hold"
            assert record.wait.kind == "semaphore"
            assert record.wait.held_by == (context.open_tasks[id(holder)].id,)
            await cancelled(victim, holder)

    batch = busy.run(main())
    assert sorted(task.outcome for task in batch.tasks if task.coroutine == "hold") == ["cancelled"] * 2


def test_a_wait_that_was_found_ends_like_any_other(busy):
    """The permit comes: the wait is closed, the hold is the new holder's, and nobody is left waiting."""

    async def main():
        gate = asyncio.Semaphore(1)
        holder, victim = asyncio.create_task(hold(gate)), asyncio.create_task(hold(gate))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        look(busy, later=SECOND)
        record = context.open_tasks[id(victim)]
        resource = record.wait.resource
        assert resource.waiting == 1
        holder.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert record.wait is None
        assert resource.waiting == 0
        assert not any(h.task is not record for h in resource.holders.values())
        await cancelled(victim, holder)
        assert not resource.holders
        assert not getattr(gate, holding.HOLDERS)

    busy.run(main())


def test_who_waits_behind_a_thin_holder_is_told_its_name(busy):
    """Also when the wait began as a record while the permit was but a number."""

    async def main():
        gate = asyncio.Lock()
        holder = asyncio.create_task(hold(gate))
        await asyncio.sleep(0)
        recorder.detail.left = 100.0
        victim = asyncio.create_task(hold(gate))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        wait = context.open_tasks[id(victim)].wait
        assert wait.held_by == ()
        look(busy, later=SECOND)
        assert wait.held_by == (context.open_tasks[id(holder)].id,)
        await cancelled(victim, holder)

    busy.run(main())


def test_permits_change_hands_in_any_order(busy):
    """Released by another task than took it; taken twice by one; none is left in the books."""

    async def main():
        gate = asyncio.Semaphore(2)

        async def take():
            await gate.acquire()

        async def give():
            gate.release()

        async def twice():
            async with gate, gate:
                pass

        await asyncio.create_task(take())
        await asyncio.create_task(give())
        await asyncio.create_task(twice())
        resource = getattr(gate, "_loopscope_resource", None)
        assert not getattr(gate, holding.HOLDERS)
        assert resource is None or not resource.holders

    busy.run(main())


def test_a_collected_task_is_known_to_be_lost(busy):
    """By the second look: at the first it might just be ending. Nothing of ours keeps it alive."""

    async def main():
        async def forgotten():
            await asyncio.get_running_loop().create_future()

        task = weakref.ref(asyncio.create_task(forgotten()))
        await asyncio.sleep(0)
        gc.collect()
        assert task() is None
        look(busy, later=SECOND)
        look(busy, later=2 * SECOND)

    asyncio.run(main())
    batch = busy.finish()
    assert [task.outcome for task in batch.tasks if task.outcome != "ok"] == ["destroyed_pending"]


def test_what_a_task_fails_of_is_kept(busy):
    """Type and line, and its job, though it had no record until it ended."""

    async def main():
        async def fails():
            await asyncio.sleep(0)
            raise LookupError

        with loopscope.job("request") as job:
            await asyncio.gather(fails(), return_exceptions=True)
        return job

    batch = busy.run(main())
    (task,) = [task for task in batch.tasks if task.outcome == "error"]
    assert task.exception == "LookupError"
    assert task.job.name == "request"
    assert task.raised_at.function.endswith("fails")
