"""Under load quick and successful work is counted, not kept; nothing is missing from any total."""

from __future__ import annotations

import asyncio
import time

import pytest

import loopscope
from loopscope import context
from loopscope.detail import Detail
from loopscope.settings import Settings

SECOND = 1_000_000_000


@pytest.fixture
def busy(observe):
    """A service whose budget is used up from the first record on."""
    return observe(detail_rate=1, detail_burst=0, detail_over=0.1)


async def request(pause=0.0, error=None):
    with loopscope.job("request"):
        gate = asyncio.Semaphore(1)

        async def part():
            async with gate:
                await asyncio.sleep(pause)
            if error is not None:
                raise error

        await asyncio.gather(part(), part(), return_exceptions=True)


def run(seen, program):
    """In a job that is thin itself, so that its own tasks are none of the numbers."""
    asyncio.run(program)
    return seen.finish()


def test_totals_are_the_same_with_and_without_records(busy):
    """Jobs with their durations, tasks by outcome, waits with theirs."""

    async def main():
        for _ in range(10):
            await request(0.005)

    batch = run(busy, main())
    state = busy.state
    assert batch.jobs == []
    assert state.jobs_finished["request", "ok"] == 10
    assert state.job_durations["request"].count == 10
    assert state.job_durations["request"].total >= 10 * 10_000_000
    assert state.wait_durations["semaphore", "gate"].count == 10
    assert state.thinned["task"] >= 20
    assert sum(state.tasks_finished.values()) == state.thinned["task"] + len(batch.tasks)


def test_what_fails_or_takes_long_is_kept(busy):
    """With its waits: that is what anyone looks for."""

    async def main():
        await request(0.15)
        await request(error=KeyError())

    batch = run(busy, main())
    (slow,) = [job for job in batch.jobs if job.name == "request"]
    assert slow.ended - slow.started >= 0.3 * SECOND
    outcomes = sorted(task.outcome for task in batch.tasks if task.coroutine.endswith("part"))
    assert outcomes == ["error", "error", "ok", "ok"]
    (wait,) = [wait for wait in batch.waits if wait.kind == "semaphore"]
    assert wait.ended - wait.started >= 0.14 * SECOND
    assert wait.site.function.endswith("part")


def test_a_thin_job_that_hangs_is_seen_like_any_other(busy):
    """Who holds what is known while it lasts."""

    async def main():
        gate = asyncio.Semaphore(1)

        async def part():
            async with gate:
                await asyncio.sleep(60)

        with loopscope.job("hangs"):
            parts = [asyncio.create_task(part(), name=name) for name in ("holder", "victim")]
            await asyncio.sleep(0.01)
            snapshot = busy.handle.snapshot()
            (wait,) = [wait for wait in snapshot.waits if wait.kind == "semaphore"]
            (hold,) = snapshot.holds
            assert wait.task.ref().get_name() == "victim"
            assert hold.task.ref().get_name() == "holder"
            assert wait.resource.name == "gate"
            for task in parts:
                task.cancel()
            await asyncio.wait(parts)

    batch = run(busy, main())
    assert sorted(t.outcome for t in batch.tasks if t.coroutine.endswith("part")) == ["cancelled"] * 2


def test_the_budget_comes_back_with_time_and_not_beyond_its_burst():
    """By the pump's clock, once a second."""
    detail = Detail(Settings(detail_rate=10, detail_burst=50))
    detail.refill(1 * SECOND)
    detail.left = 0
    detail.refill(2 * SECOND - 1)
    assert detail.left == 0
    detail.refill(2 * SECOND + SECOND // 2)
    assert detail.left == 15
    detail.refill(60 * SECOND)
    assert detail.left == 50


def test_the_budget_can_be_lifted():
    """Rate 0 keeps everything."""
    detail = Detail(Settings(detail_rate=0))
    detail.left = -5
    detail.refill(1 * SECOND)
    assert not detail.is_thin(None)


def test_what_was_kept_beyond_the_budget_is_paid_back():
    """A crowd that began in time costs the next ones their detail, but not for ever."""
    detail = Detail(Settings(detail_rate=100, detail_burst=10))
    detail.refill(SECOND)
    detail.left = -250.0
    detail.refill(2 * SECOND)
    assert detail.left == -150.0
    detail.left = -100_000.0
    detail.refill(3 * SECOND)
    assert detail.left == -900.0
    detail.refill(13 * SECOND)
    assert detail.left == 10.0


def test_quick_work_items_are_counted(busy):
    """In the totals of their executor; a slow one and a failed one have records."""

    async def main():
        with loopscope.job("work"):
            for _ in range(20):
                await asyncio.to_thread(len, "")
            await asyncio.to_thread(time.sleep, 0.15)
            with pytest.raises(ZeroDivisionError):
                await asyncio.to_thread(divmod, 1, 0)

    batch = run(busy, main())
    state = busy.state
    assert sorted(item.function for item in batch.items) == ["divmod", "sleep"]
    assert state.thinned["item"] == 20
    assert state.items_finished == {("default", "ok"): 21, ("default", "error"): 1}
    assert state.run_durations["default"].count == state.queue_durations["default"].count == 22


def test_a_quick_work_item_makes_no_record_of_its_task(busy):
    """A slow one's names the task, once somebody looks."""

    async def ask(pause):
        await asyncio.to_thread(time.sleep, pause)
        return id(asyncio.current_task()) in context.thin_tasks

    async def main():
        with loopscope.job("work"):
            quick = [asyncio.create_task(ask(0), name="quick") for _ in range(5)]
            assert await asyncio.gather(*quick) == [True] * 5
            slow = asyncio.create_task(ask(0.2), name="slow")
            await asyncio.sleep(0.05)
            named = {item.id: item.task for item in busy.handle.snapshot().items}
            await slow
        return named

    named = asyncio.run(main())
    batch = busy.finish()
    (item,) = batch.items
    (task,) = (task for task in batch.tasks if task.coroutine.endswith("ask"))
    assert item.task == task.id == named[item.id]
