"""Blocks of the loop: seen while they last, with the line to blame."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time

import pytest

import loopscope


def innermost():
    time.sleep(0.4)


def upload():
    innermost()


async def serve():
    upload()


def test_a_loop_that_is_turned_by_hand_has_no_lag(seen):
    """It was not woken, so it was not busy since."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    loop.call_soon(int)
    loop._run_once()
    loop.close()
    seen.finish()
    assert seen.state.lag.total < 10**9


def test_a_block_names_the_innermost_line_of_the_users_code_and_its_call(seen):
    """With task, job, exact duration and the whole stack."""

    async def main():
        with loopscope.job("batch"):
            await asyncio.create_task(serve(), name="culprit")

    batch = seen.run(main())
    (block,) = batch.blocks
    assert block.culprit.file == __file__
    assert block.culprit.function == "innermost"
    assert block.call == "time.sleep(0.4)"
    assert block.cause == "blocking_call"
    assert block.task.name == "culprit"
    assert block.task.job.name == "batch"
    assert 400_000_000 <= block.ended - block.started < 600_000_000
    assert [place.function for place in block.stack[-3:]] == ["serve", "upload", "innermost"]
    assert seen.state.blocked_time["blocking_call"] == block.ended - block.started


def test_a_block_is_visible_while_it_lasts(seen):
    """From another thread, before the loop comes back."""
    noted = []

    def look():
        deadline = time.monotonic() + 5
        while not noted and time.monotonic() < deadline:
            noted.extend(seen.handle.snapshot().blocks)
            time.sleep(0.01)

    async def main():
        looker = threading.Thread(target=look)
        looker.start()
        innermost()
        assert noted
        assert not noted[0].ended
        assert noted[0].culprit.function == "innermost"
        looker.join()

    seen.run(main())
    assert seen.batch.blocks == noted


def test_a_callback_that_is_no_task_is_blamed_too(seen):
    """Blocks have a line also without a task."""

    async def main():
        asyncio.get_running_loop().call_soon(innermost)
        await asyncio.sleep(0.01)

    batch = seen.run(main())
    (block,) = batch.blocks
    assert block.task is None
    assert block.culprit.function == "innermost"


def test_computing_is_told_from_waiting(seen):
    """By the processor time of the loop's thread."""

    def crunch():
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            hashlib.sha256(b"x" * 1000).digest()

    async def main():
        crunch()

    batch = seen.run(main())
    assert [block.cause for block in batch.blocks] == ["cpu"]
    assert batch.blocks[0].culprit.function.endswith("crunch")


def test_a_long_wait_is_no_block(seen):
    """A sleeping loop is healthy, however long it sleeps."""

    async def main():
        await asyncio.sleep(0.5)

    batch = seen.run(main())
    assert batch.blocks == []
    assert batch.slices == []


@pytest.mark.parametrize("policy", ["debug", "plain"])
def test_the_lag_histogram_counts_every_iteration(seen, policy):
    """Busy time of each iteration: short ones in the first bucket, the block in its own."""

    async def main():
        for _ in range(50):
            await asyncio.sleep(0)
        time.sleep(0.06)

    asyncio.run(main(), debug=policy == "debug")
    seen.finish()
    buckets = dict(seen.state.lag.buckets())
    assert buckets["+Inf"] >= 51
    assert buckets["0.1"] - buckets["0.05"] == 1


def test_a_sleeping_loop_is_never_woken(seen):
    """While nothing is due the loop makes no iteration, though watchdog and pump run on."""
    iterations = []

    async def main():
        clock = asyncio.get_running_loop()._loopscope_clock
        done = threading.Event()

        def watch():
            time.sleep(0.1)
            iterations.append(clock.iterations)
            time.sleep(0.5)
            iterations.append(clock.iterations)
            done.set()

        threading.Thread(target=watch).start()
        await asyncio.sleep(0.8)
        assert done.is_set()

    seen.run(main())
    assert iterations[0] == iterations[1]


def test_c_code_that_holds_the_gil_is_named_as_such(seen):
    """No Python thread could look meanwhile, ours included, though the process computed."""

    async def main():
        await asyncio.sleep(0.2)
        sum(range(40_000_000))

    batch = seen.run(main())
    assert [block.cause for block in batch.blocks] == ["gil"]
