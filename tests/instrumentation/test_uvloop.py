"""uvloop: tasks, waits, jobs and blocks are seen there too, if less exactly."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop

import loopscope
from loopscope.records import CANCELLED, ERROR, OK


def blocks():
    time.sleep(0.4)


@pytest.fixture
def run(seen):
    def start(program):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(program)
        return seen.finish()

    return start


def test_tasks_and_their_waits_are_recorded(run, seen):
    """Creation, parent, outcome, and who waited for whom at a semaphore."""

    async def worker(slots):
        async with slots:
            await asyncio.sleep(0.02)

    async def fails():
        raise KeyError

    async def main():
        slots = asyncio.Semaphore(1)
        with loopscope.job("batch"):
            await asyncio.gather(worker(slots), worker(slots), fails(), return_exceptions=True)

    batch = run(main())
    workers = [task for task in batch.tasks if task.coroutine.endswith("worker")]
    assert [task.outcome for task in workers] == [OK, OK]
    assert seen.task("fails").outcome == ERROR
    assert {task.parent for task in workers} == {seen.task("main").id}
    assert {task.job.name for task in workers} == {"batch"}
    (wait,) = [wait for wait in batch.waits if wait.kind == "semaphore"]
    assert wait.held_by == (workers[0].id,)


def test_a_block_is_named(run):
    """To within a heartbeat of its length."""

    async def main():
        await asyncio.sleep(0.1)
        blocks()
        await asyncio.sleep(0.1)

    batch = run(main())
    (block,) = batch.blocks
    assert block.culprit.function == "blocks"
    assert 0.4e9 <= block.ended - block.started < 0.5e9


def test_a_suspended_task_is_seen_and_moves_when_it_waits_elsewhere(run, seen):
    """Which is how progress is told where steps are not seen."""

    async def moves():
        await asyncio.sleep(0.6)
        await asyncio.get_running_loop().create_future()

    async def lines_seen(function):
        deadline = time.monotonic() + 5
        while True:
            for wait in seen.handle.snapshot().waits:
                if wait.task.coroutine.endswith(function):
                    return wait.kind, wait.task.last_ran
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    async def main():
        task = asyncio.create_task(moves())
        kind, first = await lines_seen("moves")
        assert kind == "sleep"
        deadline = time.monotonic() + 5
        while (await lines_seen("moves"))[0] != "future":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert (await lines_seen("moves"))[1] > first
        task.cancel()

    run(main())
    assert seen.task("moves").outcome == CANCELLED


def test_uninstrument_restores_the_class(seen):
    """It had neither method of its own."""
    assert "create_task" in vars(uvloop.Loop)
    seen.finish()
    assert "create_task" not in vars(uvloop.Loop)
    assert "run_forever" not in vars(uvloop.Loop)
