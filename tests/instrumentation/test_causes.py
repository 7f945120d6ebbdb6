"""Why a loop's thread did not come back: told apart by what it waits for, and by who had the GIL."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from loopscope.causes import Lateness, Pause, collecting, kept_late


def test_waiting_for_a_coroutine_of_ones_own_loop(seen):
    """`run_coroutine_threadsafe(...).result()` on the loop's thread: nobody else could complete it."""

    async def main():
        loop = asyncio.get_running_loop()
        future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
        with pytest.raises(TimeoutError):
            future.result(timeout=0.7)

    (block,) = seen.run(main()).blocks
    assert block.cause == "own_loop"
    assert block.waits_for == "Future.result"
    assert block.call == "future.result(timeout=0.7)"


def test_waiting_for_a_worker_that_waits_for_the_loop(seen):
    """The detour over another thread does not make it any better."""

    async def main():
        loop = asyncio.get_running_loop()

        def ask():
            future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
            with pytest.raises(TimeoutError):
                future.result(timeout=0.8)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(ask).result()

    (block,) = seen.run(main()).blocks
    assert block.cause == "own_loop"


def test_waiting_for_an_event_that_only_a_task_sets(seen):
    """The task cannot run while the loop's thread waits for it."""

    async def main():
        ready = threading.Event()

        async def announce():
            await asyncio.sleep(0.01)
            ready.set()

        task = asyncio.create_task(announce())
        await asyncio.sleep(0)
        assert not ready.wait(timeout=0.7)
        await task

    (block,) = seen.run(main()).blocks
    assert block.cause == "own_loop"
    assert block.waits_for == "Event.wait"


def test_waiting_for_a_lock_that_a_suspended_task_holds(seen):
    """A lock of threads held across an await."""

    async def main():
        lock = threading.Lock()

        async def hold():
            with lock:
                await asyncio.sleep(0.01)

        task = asyncio.create_task(hold())
        await asyncio.sleep(0)
        assert not lock.acquire(timeout=0.7)
        await task

    (block,) = seen.run(main()).blocks
    assert block.cause == "own_loop"
    assert block.waits_for == "lock.acquire"


@pytest.mark.parametrize("way", ["result", "event", "lock", "join"])
def test_waiting_for_a_thread_that_is_at_work(seen, way):
    """It blocks the loop, but it comes to an end without it."""

    def work(event, lock):
        with lock:
            time.sleep(0.7)
        event.set()

    async def main():
        event, lock = threading.Event(), threading.Lock()
        pool = ThreadPoolExecutor(1)
        future = pool.submit(work, event, lock)
        await asyncio.sleep(0.05)
        if way == "result":
            future.result()
        elif way == "event":
            event.wait()
        elif way == "lock":
            with lock:
                pass
        else:
            pool.shutdown(wait=True)

    (block,) = [b for b in seen.run(main()).blocks if b.task and b.task.coroutine.endswith("main")]
    assert block.cause == "blocking_call"
    assert block.waits_for


def test_a_collection_of_garbage_is_no_fault_of_the_line(seen):
    """A full collection that the interpreter decided on, in a large heap."""
    rings = []

    async def main():
        gc.disable()
        for _ in range(1_200_000):
            rings.append(ring := [])
            ring.append(ring)
        gc.collect(1)
        await asyncio.sleep(0)
        gc.enable()
        rings.extend([] for _ in range(20_000))
        await asyncio.sleep(0)

    thresholds = gc.get_threshold()
    gc.set_threshold(700, 1, 1)
    try:
        blocks = seen.run(main()).blocks
    finally:
        gc.enable()
        gc.set_threshold(*thresholds)
    assert blocks[-1].cause == "gc"


def test_what_a_collection_queued_for_a_processor_is_not_counted():
    """On a busy host it lasts several times as long as it runs."""
    pauses = [Pause(0, 90, 20), Pause(200, 300, 100)]
    assert collecting(0, 100, pauses) == 20
    assert collecting(100, 220, pauses) == 0


def test_an_import_is_named_as_such(seen, tmp_path, monkeypatch):
    """Code of a module that runs because it is imported."""
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.4)\n")
    monkeypatch.syspath_prepend(tmp_path)

    async def main():
        importlib.import_module("slow_to_import")

    (block,) = seen.run(main()).blocks
    sys.modules.pop("slow_to_import")
    assert block.cause == "import"


def test_several_short_times_without_a_turn_explain_a_block_together():
    """C code that is called again and again lets the watchdog in between; the longest says who it was."""
    late = [Lateness(at, at + 90, holder=str(at)) for at in (0, 100, 300)] + [Lateness(200, 295, holder="it")]
    assert kept_late(0, 400, late).holder == "it"
    assert kept_late(0, 400, late[:2]) is None


def test_c_code_that_could_not_run_is_not_held_against_the_line():
    """On a busy host a call that keeps the lock takes the longer, and the lock is kept all the while."""
    late = Lateness(0, 100, loops={7: 30})
    assert late.queued(7, 200) == 140
    assert late.queued(8, 200) == 0


def test_a_thread_that_ended_with_the_lock_is_named_all_the_same(seen):
    """It kept the lock, gave it away once, and was gone when the census was taken."""

    def compute():
        for _ in range(2):
            sum(range(20_000_000))

    async def main():
        hog = threading.Thread(target=compute, name="hog")
        await asyncio.sleep(0.2)
        hog.start()
        while hog.is_alive():
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)

    batch = seen.run(main())
    spots = [spot for spot in batch.hotspots if spot.thread == "hog"]
    assert {spot.role for spot in spots} == {"thread"}
    assert sum(spot.cpu for spot in spots) > 10**8
