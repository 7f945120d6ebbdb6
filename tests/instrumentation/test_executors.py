"""Work items: how long they queued, who ran them, for whom; and contexts that travel with them."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import sys
import threading
import time
import types
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import loopscope
from loopscope import context
from loopscope.records import CANCELLED, ERROR, OK

COLOUR = contextvars.ContextVar("colour", default="none")


def item_of(batch, function):
    return [i for i in batch.items if i.function.endswith(function)]


def test_to_thread_is_a_work_item_of_the_default_executor(seen):
    """Named by the user's function, submitted on the user's line by the task that waits for it."""

    async def main():
        await asyncio.to_thread(time.sleep, 0.02)

    batch = seen.run(main())
    (item,) = item_of(batch, "sleep")
    assert item.executor.name == "default"
    assert item.task == seen.task("main").id
    assert item.site.function.endswith("main")
    assert item.submitted <= item.started <= item.ended - 20_000_000
    assert item.worker.startswith("asyncio_")
    (wait,) = [w for w in batch.waits if w.kind == "executor"]
    assert wait.resource is item.executor


def test_a_work_item_names_the_line_that_submits_it(seen):
    """The innermost of the user's lines, not the one that called its function."""

    def hand_over(pool):
        return pool.submit(int, "7")

    async def main():
        with ThreadPoolExecutor(1) as pool:
            assert await asyncio.wrap_future(hand_over(pool)) == 7

    batch = seen.run(main())
    (item,) = item_of(batch, "int")
    assert item.site.function.endswith("hand_over")


def test_queueing_shows_in_depth_and_times(seen):
    """A pool of one: the second item waits for the first, and says how many were before it."""

    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as encoders:
            await asyncio.gather(*(loop.run_in_executor(encoders, time.sleep, 0.05) for _ in range(3)))

    batch = seen.run(main())
    first, second, third = sorted(item_of(batch, "sleep"), key=lambda item: item.submitted)
    assert first.executor.name == "encoders"
    assert first.executor.capacity == 1
    assert third.depth == second.depth + 1
    assert second.started >= first.ended
    assert third.started - third.submitted > 80_000_000


def test_context_travels_into_threads(seen):
    """The user's variables and the job, in a pool that knows nothing of contexts."""

    def inside():
        loopscope.job("in the thread").__enter__()
        return COLOUR.get()

    async def main():
        COLOUR.set("red")
        with loopscope.job("outside") as job, ThreadPoolExecutor(1) as pool:
            assert await asyncio.get_running_loop().run_in_executor(pool, inside) == "red"
        return job

    seen.run(main())
    (outside,) = seen.batch.jobs
    (item,) = item_of(seen.batch, "inside")
    assert item.job is outside
    (inner,) = seen.state.jobs.values()
    assert inner.parent == outside.id


def test_what_a_worker_thread_has_set_itself_stays(seen):
    """As an initializer does; the submitter's value travels only where there is none."""
    COLOUR.set("red")
    with ThreadPoolExecutor(1, initializer=lambda: COLOUR.set("the thread's")) as pool:
        assert pool.submit(COLOUR.get).result() == "the thread's"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(COLOUR.get).result() == "red"
    COLOUR.set("none")
    assert len(seen.finish().items) == 2


def test_context_can_stay_at_home(observe):
    """With the setting off only the job travels."""
    seen = observe(propagate_context=False)

    async def main():
        COLOUR.set("red")
        with loopscope.job("outside"), ThreadPoolExecutor(1) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, COLOUR.get)

    assert asyncio.run(main()) == "none"
    seen.finish()
    assert seen.batch.items[0].job.name == "outside"


def test_what_a_work_item_raises_arrives_unchanged(seen):
    """The same exception object's type and text, and an item that says so."""

    def fails():
        raise LookupError("gone")

    async def main():
        with pytest.raises(LookupError, match=r"^gone$"):
            await asyncio.to_thread(fails)

    batch = seen.run(main())
    (item,) = item_of(batch, "fails")
    assert (item.outcome, item.exception) == (ERROR, "LookupError")


def test_an_item_cancelled_in_the_queue_is_closed(seen):
    """It never started, and does not count as queued for ever."""
    pool = ThreadPoolExecutor(1)
    blocker = pool.submit(time.sleep, 0.3)
    queued = pool.submit(os.getpid)
    assert queued.cancel()
    blocker.result()
    pool.shutdown()
    batch = seen.finish()
    (item,) = item_of(batch, "getpid")
    assert item.outcome == CANCELLED
    assert not item.started


def test_keywords_of_the_user_never_collide(seen):
    """`submit(fn, self=..., fn=...)` is legal."""

    def takes(**options):
        return sorted(options)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(takes, self=1, fn=2, item=3).result() == ["fn", "item", "self"]
    assert item_of(seen.finish(), "takes")[0].outcome == OK


def test_work_for_another_interpreter_is_handed_on_as_it_is(seen, monkeypatch):
    """Python 3.14's pool of interpreters is one of threads to which work is pickled: nothing is around it."""

    class InterpreterPoolExecutor(ThreadPoolExecutor):
        """Like CPython's, it is hooked by what it inherits."""

    module = types.ModuleType("concurrent.futures.interpreter")
    module.InterpreterPoolExecutor = InterpreterPoolExecutor
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with InterpreterPoolExecutor(1) as pool:
        assert pool.submit(type, 1).result() is int
    assert seen.finish().items == []


def test_depth_of_a_process_pool_counts_what_its_workers_cannot_be_at(seen):
    """Two workers, four items: one waits behind another."""
    with ProcessPoolExecutor(2) as pool:
        futures = [pool.submit(time.sleep, 0.2) for _ in range(4)]
        for future in futures:
            future.result()
    items = sorted(item_of(seen.finish(), "sleep"), key=lambda item: item.id)
    assert [item.outcome for item in items] == [OK] * 4
    assert [item.depth for item in items] == [0, 0, 0, 1]


def test_queue_depth_and_busy_workers_are_live(seen):
    """The executor's record counts them while it lasts."""

    async def main():
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(2)
        work = [loop.run_in_executor(pool, time.sleep, 0.4) for _ in range(5)]
        deadline = time.monotonic() + 5
        while True:
            executors = [r for r in seen.state.resources.values() if r.kind == "executor"]
            if executors and (executors[0].in_use, executors[0].waiting) == (2, 3):
                break
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        await asyncio.gather(*work)
        pool.shutdown()

    seen.run(main())
    assert len(seen.batch.items) == 5


def test_a_function_that_answers_no_question_is_recorded_all_the_same(seen):
    """As a proxy does outside of its request; a work item of it is no lost one."""

    class Proxy:
        def __getattr__(self, name):
            raise (
                RuntimeError(f"working outside of context: {name}") if name == "__self__" else AttributeError
            )

        def __call__(self, number):
            return number

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(functools.partial(Proxy(), 5)).result() == 5
    (item,) = seen.finish().items
    assert item.outcome == "ok"


def test_a_worker_that_is_renamed_has_its_new_name(seen):
    """A thread's name is its own affair."""

    async def main():
        asyncio.get_running_loop().set_default_executor(pool)
        for name in ("first", "second"):
            await asyncio.to_thread(rename, name)
            await asyncio.to_thread(int)

    def rename(name):
        threading.current_thread().name = name

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(main())
    names = [item.worker for item in seen.finish().items if item.function == "int"]
    assert names == ["first", "second"]


def test_executors_whose_items_never_started_have_no_durations(seen):
    """A histogram of nothing would be one more series."""
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait)
        waiting = pool.submit(int)
        assert waiting.cancel()
        seen.handle._pump.tick(time.monotonic_ns())
        assert seen.state.run_durations == {}
        gate.set()
    seen.finish()
    assert sum(histogram.count for histogram in seen.state.run_durations.values()) == 1


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_work_in_a_thread_is_recorded_alike(observe, line_of, compiled):
    """Times, thread, outcome and the line that asked; the program's traceback and variables are its own."""
    seen = observe(compiled=compiled)
    COLOUR.set("mine")

    def works():
        return COLOUR.get(), threading.current_thread().name, context.worker.item.function

    def breaks():
        raise LookupError("wrong")

    async def main():
        with loopscope.job("work"):
            found = await asyncio.to_thread(works)  # asks
            with pytest.raises(LookupError, match="wrong") as caught:
                await asyncio.to_thread(breaks)
            return found, [frame.name for frame in caught.traceback][-3:]

    (label, thread, inside), frames = asyncio.run(main())
    first, second = seen.finish().items
    assert label == "mine"
    assert inside.endswith("works")
    assert frames == ["to_thread", "run", "breaks"]
    assert (first.worker, first.outcome, second.outcome, second.exception) == (
        thread,
        "ok",
        "error",
        "LookupError",
    )
    assert first.submitted <= first.started <= first.ended
    assert first.thread
    assert first.job is second.job
    assert first.job.name == "work"
    assert first.site.line == line_of("asks")
