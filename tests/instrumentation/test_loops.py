"""Every way to run a loop: what runs on it is seen, and runs as ever."""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop

import loopscope
from loopscope.records import OK


async def nothing():
    await asyncio.sleep(0)


async def work(number):
    """Two tasks and a lock, so that task, parent and wait are there to be seen."""
    lock = asyncio.Lock()

    async def enter():
        async with lock:
            await asyncio.sleep(0.002)
        return number

    return sum(await asyncio.gather(enter(), enter()))


def seen_of(batch):
    """Outcome of each `enter`, and whether its parent is a `work`."""
    creators = {task.id for task in batch.tasks if task.coroutine == "work"}
    entered = [task for task in batch.tasks if task.coroutine.endswith("enter")]
    return [(task.outcome, task.parent in creators) for task in entered]


def by_run():
    return asyncio.run(work(1))


def by_run_in_debug_mode():
    return asyncio.run(work(1), debug=True)


def by_uvloop():
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work(1))


def by_a_runner_twice():
    with asyncio.Runner() as runner:
        runner.run(nothing())
        return runner.run(work(1))


def by_hand():
    loop = asyncio.SelectorEventLoop()
    try:
        return loop.run_until_complete(work(1))
    finally:
        loop.close()


def by_a_loop_in_a_thread():
    """Nested: the thread is one of a loop's own."""

    async def outer():
        return await asyncio.to_thread(asyncio.run, work(1))

    return asyncio.run(outer())


WAYS = [by_run, by_run_in_debug_mode, by_uvloop, by_a_runner_twice, by_hand, by_a_loop_in_a_thread]


@pytest.mark.parametrize("way", WAYS)
def test_tasks_are_seen_however_their_loop_is_run(way, seen):
    """Both tasks end well, as children of the one that made them."""
    assert way() == 2
    assert seen_of(seen.finish()) == [(OK, True), (OK, True)]


def test_loops_in_several_threads_do_not_mix(seen):
    """Each task's parent is one of its own loop."""
    ready = threading.Barrier(4)

    def run(number):
        ready.wait(10)
        return asyncio.run(work(number))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [0, 2, 4, 6]
    batch = seen.finish()
    assert seen_of(batch) == [(OK, True)] * 8
    parents = [task.parent for task in batch.tasks if task.coroutine.endswith("enter")]
    assert sorted(parents.count(parent) for parent in set(parents)) == [2, 2, 2, 2]


def test_a_factory_of_the_programs_own_makes_the_tasks(seen):
    """It is asked for each, it stays the loop's, and what it makes is seen; so is one chained to it."""
    asked = []

    async def main():
        loop = asyncio.get_running_loop()

        def inner(loop, coroutine, **options):
            asked.append("inner")
            return asyncio.Task(coroutine, loop=loop, **options)

        def outer(loop, coroutine, **options):
            asked.append("outer")
            return inner(loop, coroutine, **options)

        loop.set_task_factory(outer)
        assert loop.get_task_factory() is outer
        result = await asyncio.create_task(work(1))
        loop.set_task_factory(None)
        return result

    assert asyncio.run(main()) == 2
    assert asked == ["outer", "inner"] * 3
    assert seen_of(seen.finish()) == [(OK, True), (OK, True)]


@pytest.mark.parametrize("debug", ["", "1"])
def test_the_debug_variable_means_what_it_means(debug):
    """Python sets the loop's debug mode; we see the tasks, and say nothing."""
    program = """if True:
        import asyncio, loopscope
        handle = loopscope.instrument(journal="off", metrics_port=-1)
        async def main():
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
            return asyncio.get_running_loop().get_debug()
        print(asyncio.run(main()))
        assert not handle.state.faults
    """
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONASYNCIODEBUG": debug}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (f"{bool(debug)}\n", "")


@pytest.mark.parametrize("way", WAYS)
def test_hooks_go_while_everything_is_in_flight(way, observe):
    """Tasks under way, a waiter, a thread: all end as they would have, and what comes after is bare."""

    async def main():
        observe()
        lock, slots = asyncio.Lock(), asyncio.Semaphore(1)
        await lock.acquire()
        await slots.acquire()
        queue = asyncio.Queue()
        flying = [asyncio.ensure_future(w) for w in (lock.acquire(), slots.acquire(), queue.get(), nothing())]
        entered, leave = threading.Event(), threading.Event()
        threaded = asyncio.ensure_future(asyncio.to_thread(lambda: (entered.set(), leave.wait(10))))
        while not entered.is_set():
            await asyncio.sleep(0.001)
        loopscope.uninstrument()
        lock.release()
        slots.release()
        queue.put_nowait("message")
        leave.set()
        assert await asyncio.gather(*flying) == [True, True, "message", None]
        assert await threaded == (None, True)
        return await work(1)

    before = asyncio.Lock.acquire
    assert asyncio.run(main()) == 2
    assert asyncio.Lock.acquire is before
    assert way() == 2


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_a_sleep_that_is_interrupted_is_over(observe, compiled):
    """What a selector raises passes, and the loop counts as awake."""

    class Breaking(selectors.SelectSelector):
        broken = False

        def select(self, timeout=None):
            if self.broken:
                raise LookupError(timeout)
            return super().select(timeout)

    seen, selector = observe(compiled=compiled), Breaking()
    loop = asyncio.SelectorEventLoop(selector)
    loop.run_until_complete(asyncio.sleep(0))
    clock, selector.broken = loop._loopscope_clock, True
    for arguments, options in (((0.5,), {}), ((), {"timeout": 0})):
        clock.woke = 0
        with pytest.raises(LookupError) as caught:
            selector.select(*arguments, **options)
        assert "loopscope" not in str(caught.traceback[-1].path)
        assert clock.woke == clock.mark > 0
    selector.broken = False
    assert selector.select(timeout=0) == []
    loop.close()
    seen.finish()


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_what_a_signals_handler_raises_in_a_sleep_keeps_its_context(observe, compiled):
    """It passes through the sleep as it is, whatever is handled around the loop."""
    observe(compiled=compiled)

    def handle(*_):
        try:
            {}["inner"]
        except KeyError:
            raise OSError("from the handler")  # noqa: B904  its context is what is looked at

    before = signal.signal(signal.SIGUSR1, handle)
    timer = threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGUSR1))
    timer.start()
    try:
        int("outer")
    except ValueError:
        with pytest.raises(OSError, match="from the handler") as caught:
            asyncio.run(asyncio.sleep(5))
    finally:
        signal.signal(signal.SIGUSR1, before)
        timer.join()
    assert repr(caught.value.__context__) == "KeyError('inner')"
