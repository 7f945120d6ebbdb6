"""No frame of ours stands in a traceback that a program's author reads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import functools
import threading
import traceback
import weakref
from pathlib import Path

import pytest

import loopscope
from loopscope.tracebacks import step_out

OURS = str(Path(loopscope.__file__).parent)


def frames(error):
    return [(frame.filename, frame.name) for frame in traceback.extract_tb(error.__traceback__)]


def is_clean(error):
    """Neither the exception nor one that it comes from shows a frame of ours."""
    while error is not None:
        assert [frame for frame in frames(error) if frame[0].startswith(OURS)] == []
        error = error.__cause__ or error.__context__
    return True


def fails(*_):
    raise LookupError("the program's own")


async def fails_later():
    await asyncio.sleep(0)
    fails()


async def cancelled(awaitable):
    """What a task is left with that is cancelled while it waits for something."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as error:
        return error


async def taken_lock():
    lock = asyncio.Lock()
    await lock.acquire()
    return await cancelled(lock.acquire())


async def taken_semaphore():
    slots = asyncio.Semaphore(1)
    await slots.acquire()

    async def enter():
        async with slots:
            fails()

    return await cancelled(enter())


async def timed_out_semaphore():
    slots = asyncio.Semaphore(1)
    await slots.acquire()
    await asyncio.wait_for(slots.acquire(), 0.01)


async def released_lock():
    asyncio.Lock().release()


async def released_bounded_semaphore():
    asyncio.BoundedSemaphore(1).release()


async def bad_semaphore():
    asyncio.Semaphore(-1)


async def empty_queue():
    return await cancelled(asyncio.Queue().get())


async def empty_queue_now():
    asyncio.Queue().get_nowait()


async def full_queue():
    queue = asyncio.Queue(1)
    await queue.put(1)
    return await cancelled(queue.put(2))


async def call_that_does_not_fit():
    await asyncio.Queue().put()


async def unset_event():
    return await cancelled(asyncio.Event().wait())


async def condition_without_its_lock():
    await asyncio.Condition().wait()


async def broken_barrier():
    barrier = asyncio.Barrier(2)
    waiting = asyncio.ensure_future(barrier.wait())
    await asyncio.sleep(0)
    await barrier.abort()
    await waiting


async def task_that_fails():
    await asyncio.create_task(fails_later())


async def task_of_nothing():
    asyncio.create_task(fails)  # noqa: RUF006  # it is refused


async def task_of_a_factory():
    asyncio.get_running_loop().set_task_factory(fails)
    coroutine = fails_later()
    try:
        asyncio.create_task(coroutine)  # noqa: RUF006  # it is refused
    finally:
        coroutine.close()
        asyncio.get_running_loop().set_task_factory(None)


async def call_in_a_thread():
    await asyncio.to_thread(fails)


async def call_in_a_pool_of_threads():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(functools.partial(fails, 1)).result()


async def pool_that_is_shut_down():
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    pool.submit(fails)


async def pool_of_nothing():
    concurrent.futures.ThreadPoolExecutor(0)


async def job():
    await loopscope.job("named")(fails_later)()


async def job_of_a_function():
    loopscope.job(fails)()


@pytest.mark.parametrize(
    "program",
    [
        bad_semaphore,
        broken_barrier,
        call_in_a_pool_of_threads,
        call_in_a_thread,
        call_that_does_not_fit,
        condition_without_its_lock,
        empty_queue,
        empty_queue_now,
        full_queue,
        job,
        job_of_a_function,
        pool_of_nothing,
        pool_that_is_shut_down,
        released_bounded_semaphore,
        released_lock,
        taken_lock,
        taken_semaphore,
        task_of_a_factory,
        task_of_nothing,
        task_that_fails,
        timed_out_semaphore,
        unset_event,
    ],
)
def test_a_traceback_is_what_it_is_without_us(program, observe):
    """Frame by frame the same as in a run that is not observed."""

    def run():
        try:
            error = asyncio.run(program())
        except Exception as raised:
            error = raised
        assert is_clean(error)
        return type(error), str(error), frames(error)

    bare = run()
    seen = observe()
    assert run() == bare
    assert not seen.state.faults


def test_what_ends_the_program_passes_without_a_trace(seen):
    """SystemExit leaves a task's step and a callback's through our hook of both."""

    def leaves():
        raise SystemExit(3)

    async def step():
        leaves()

    async def callback():
        asyncio.get_running_loop().call_soon(leaves)
        await asyncio.sleep(1)

    for program in (step, callback):
        with pytest.raises(SystemExit) as caught:
            asyncio.run(program())
        assert is_clean(caught.value)


def test_what_an_exception_handler_is_told_is_clean(seen):
    """An error in a callback, and one in a task that nobody looked at."""
    told = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        loop.call_soon(fails)
        asyncio.create_task(fails_later())  # noqa: RUF006  # nobody looks at it
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert len(told) == 2
    assert all(is_clean(error) for error in told)


def test_a_thread_pool_keeps_nothing_of_a_call_that_failed(seen):
    """The traceback leads to frames of ours, which hold neither function nor arguments."""

    class Argument:
        pass

    def refuse(_):
        del _
        raise LookupError

    gone = threading.Event()
    argument = Argument()
    weakref.finalize(argument, gone.set)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(refuse, argument)
        del argument
        assert isinstance(future.exception(), LookupError)
        assert gone.wait(5)


def test_an_exception_that_cannot_be_changed_is_stepped_out_of():
    """A frozen dataclass refuses every assignment, that of a traceback too."""

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    def hook():
        try:
            theirs()
        except BaseException as error:
            step_out(error)
            raise

    def theirs():
        raise Frozen(3)

    with pytest.raises(Frozen) as caught:
        hook()
    assert [name for _, name in frames(caught.value)][1:] == ["theirs"]
