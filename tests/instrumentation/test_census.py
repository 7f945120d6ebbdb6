"""What loops and threads did since the last sample: shares, hot lines, spinning tasks."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def seen(observe):
    return observe(sample_interval=0.3)


def spin_for(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_the_busy_share_of_a_loop_is_recorded(seen):
    """Half of the time computing, half asleep."""

    async def main():
        for _ in range(60):
            spin_for(0.01)
            await asyncio.sleep(0.01)

    uses = seen.run(main()).loop_uses
    share = sum(use.busy for use in uses) / sum(use.span for use in uses)
    assert 0.2 < share < 0.8
    assert all(use.iterations for use in uses)


def test_a_task_that_polls_without_waiting_is_found_spinning(seen):
    """Many tiny steps, and the line at which it gives way to nobody."""

    async def poll():
        end, polls = time.monotonic() + 1.5, 0
        while time.monotonic() < end:
            polls += 1
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(poll(), asyncio.sleep(0.1))

    spin = seen.run(main()).spins[0]
    assert spin.task.coroutine.endswith("poll")
    assert spin.place.function.endswith("poll")
    assert spin.steps > 100


def test_a_long_iteration_of_many_short_steps_is_a_lag(seen):
    """No step is long, the iteration is; the hot line is the one that all of them run."""

    async def step():
        spin_for(0.002)

    async def main():
        for _ in range(3):
            await asyncio.gather(*(step() for _ in range(200)))

    batch = seen.run(main())
    assert [block for block in batch.blocks if block.cause != "gc"] == []
    assert len(batch.lags) >= 3
    assert all(lag.ended - lag.started >= 100_000_000 for lag in batch.lags)
    hottest = max(batch.hotspots, key=lambda spot: spot.looks)
    assert hottest.role == "loop"
    assert hottest.place.function == "spin_for"


def test_threads_that_compute_delay_the_loop_and_are_named(seen):
    """The loop comes late from its sleeps, and the lines of the threads are on record with their items."""

    def crunch(end):
        total = 0
        while time.monotonic() < end:
            for number in range(1000):
                total += number
        return total

    async def main():
        loop = asyncio.get_running_loop()
        end = time.monotonic() + 1.5
        with ThreadPoolExecutor(4) as pool:
            work = [loop.run_in_executor(pool, crunch, end) for _ in range(4)]
            for _ in range(60):
                await asyncio.sleep(0.001)
            await asyncio.gather(*work)

    batch = seen.run(main())
    spots = [spot for spot in batch.hotspots if spot.role == "thread"]
    assert {spot.place.function.rpartition(".")[2] for spot in spots} == {"crunch"}
    assert {spot.item for spot in spots} & {item.id for item in batch.items}
    assert sum(use.overslept for use in batch.loop_uses) > 100_000_000


def test_an_item_that_runs_long_says_where_its_thread_stands(observe):
    """While it runs, and whose result it waits for."""
    seen = observe()
    noted = []

    def inner():
        time.sleep(1.5)

    def outer(pool):
        pool.submit(inner).result()

    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            work = loop.run_in_executor(pool, outer, pool)
            await asyncio.sleep(1.3)
            noted.extend(seen.handle.snapshot().items)
            await work

    seen.run(main())
    by_name = {item.function.rpartition(".")[2]: item for item in noted}
    assert by_name["inner"].standing.function.endswith("inner")
    assert by_name["outer"].standing.function.endswith("outer")
    assert by_name["outer"].waits_for == "Future.result"
    assert by_name["outer"].awaits == by_name["inner"].id
