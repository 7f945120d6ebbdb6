"""The compiled hooks do what those in Python do, for the program and for the counts."""

from __future__ import annotations

import asyncio
import contextvars
import sys

import pytest
from compiler import can_compile

import loopscope
from loopscope import context
from loopscope.hooks import compiled
from loopscope.recorder import recorder

LABEL = contextvars.ContextVar("label", default="none")


def test_they_are_there_where_they_can_be_built():
    assert compiled.there == can_compile()


@pytest.fixture(params=["on", "off"])
def busy(request, observe):
    """A service whose budget is used up, under either kind of hook."""
    seen = observe(
        detail_rate=1, detail_burst=0, detail_over=60.0, drain_interval=60.0, compiled=request.param == "on"
    )
    recorder.detail.left = -1000.0
    return seen


async def quick(gate, number):
    async with gate:
        await asyncio.sleep(0)
    LABEL.set(str(number))
    return number


async def fails():
    await asyncio.sleep(0)
    raise LookupError("wrong")


async def everything():
    """What callbacks, tasks and their ends look like to a program."""
    loop, told, order = asyncio.get_running_loop(), [], []
    loop.set_exception_handler(
        lambda _, facts: told.append((facts["message"][:21], repr(facts["exception"]), sys.exc_info()[0]))
    )

    def bad(number):
        order.append(number)
        raise ValueError(number)

    gate = asyncio.Semaphore(2)
    with loopscope.job("work"):
        results = await asyncio.gather(*(asyncio.create_task(quick(gate, n), name=f"n{n}") for n in range(5)))
        failed = asyncio.create_task(fails())
        done, _ = await asyncio.wait([failed])
    cancelled = loop.create_task(asyncio.sleep(9))
    await asyncio.sleep(0)
    cancelled.cancel()
    taken_back = loop.call_soon(order.append, "never")
    taken_back.cancel()
    loop.call_soon(bad, 1)
    loop.call_soon(order.append, LABEL.get())
    here = contextvars.copy_context()
    here.run(LABEL.set, "there")
    loop.call_soon(lambda: order.append(LABEL.get()), context=here)
    loop.call_later(0, order.append, "later")
    await asyncio.gather(cancelled, return_exceptions=True)
    await asyncio.sleep(0.01)
    raised = failed.exception().__traceback__
    frames = []
    while raised is not None:
        frames.append(raised.tb_frame.f_code.co_name)
        raised = raised.tb_next
    return results, order, told, frames, cancelled.cancelled(), len(done)


def test_a_program_sees_no_difference(busy):
    """The same results, order, contexts, complaints and frames, and the same counts."""
    seen = asyncio.run(everything())
    assert seen == (
        [0, 1, 2, 3, 4],
        [1, "none", "there", "later"],
        [("Exception in callback", "ValueError(1)", ValueError)],
        ["fails"],
        True,
        1,
    )
    assert context.thin_tasks == {}
    batch = busy.finish()
    assert busy.state.tasks_finished == {"ok": 8, "error": 1, "cancelled": 1}  # three of them are `run`'s
    assert [task.exception for task in batch.tasks if task.outcome == "error"] == ["LookupError"]
    assert busy.state.wait_durations["semaphore", "gate"].count == 3


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_loop_ends_it(busy, ending):
    """Raised by a callback, it passes through the step."""

    def leave():
        raise ending("enough")

    async def main():
        asyncio.get_running_loop().call_soon(leave)
        await asyncio.sleep(9)

    with pytest.raises(ending, match="enough") as caught:
        asyncio.run(main())
    assert [frame.name for frame in caught.traceback][-1] == "leave"
    assert "_fast" not in str(caught.traceback)
    busy.finish()


def test_nothing_is_left_over(busy):
    """A count of the interpreter's memory blocks would tell of a reference too many."""

    async def round_of_tasks():
        for _ in range(50):
            await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(20)))

    async def main():
        await round_of_tasks()
        before = sys.getallocatedblocks()
        for _ in range(4):
            await round_of_tasks()
        return sys.getallocatedblocks() - before

    assert asyncio.run(main()) < 1000  # of 4,000 tasks
    busy.finish()


def test_a_task_of_unusual_make_goes_the_other_way(busy):
    """With a context of its own, or from a factory, it has a record from the beginning."""

    async def main():
        loop = asyncio.get_running_loop()
        own = loop.create_task(asyncio.sleep(0), context=contextvars.copy_context())
        assert id(own) in context.open_tasks
        loop.set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options))
        made = loop.create_task(asyncio.sleep(0))
        assert id(made) in context.open_tasks
        loop.set_task_factory(None)
        thin = loop.create_task(asyncio.sleep(0))
        assert id(thin) in context.thin_tasks
        await asyncio.gather(own, made, thin)

    busy.run(main())
