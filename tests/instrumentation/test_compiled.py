"""The compiled hooks do what those in Python do, for the program and for the counts."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import time

import pytest

import loopscope
from loopscope import context
from loopscope.hooks import compiled

LABEL = contextvars.ContextVar("label", default="none")


def test_they_are_there_where_they_can_be_built():
    """On Linux, with Debian's gcc and python3-dev; after they came, install loopscope again."""
    assert compiled.there == (sys.platform == "linux")


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


def test_a_program_sees_no_difference(under_load):
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
    batch = under_load.finish()
    finished = under_load.state.tasks_finished
    assert finished == {"ok": 8, "error": 1, "cancelled": 1}  # three of them are `run`'s
    assert [task.exception for task in batch.tasks if task.outcome == "error"] == ["LookupError"]
    assert under_load.state.wait_durations["semaphore", "gate"].count == 3


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_a_task_with_a_record_has_the_same_in_it(observe, compiled):
    """Steps, time on the loop, first run, outcome, slices; and of the loop its iterations and its lag."""
    seen = observe(compiled=compiled, drain_interval=60.0, slice_threshold=0.02)

    async def steps(number):
        for _ in range(number):
            await asyncio.sleep(0)

    async def computes():
        time.sleep(0.05)

    async def main():
        cancelled = asyncio.create_task(asyncio.sleep(60), name="cancelled")
        kinds = [steps(0), steps(3), computes(), fails()]
        await asyncio.gather(*map(asyncio.create_task, kinds), return_exceptions=True)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        loop = asyncio.get_running_loop()
        return loop._loopscope_clock.iterations, type(loop._selector.select).__name__

    iterations, kind = asyncio.run(main())
    batch = seen.finish()
    assert kind == ("Made" if compiled == "on" else "function")
    assert 5 < iterations < 15
    assert sorted((task.outcome, task.steps) for task in batch.tasks if "main" not in task.coroutine) == [
        ("cancelled", 2),
        ("error", 2),
        ("ok", 1),
        ("ok", 1),
        ("ok", 1),
        ("ok", 1),
        ("ok", 4),
    ]
    computed = seen.task("computes")
    assert [piece.task for piece in batch.slices] == [computed]
    assert 50_000_000 <= computed.running <= computed.ended - computed.first_run
    assert computed.last_ran == computed.ended
    assert seen.state.lag.total >= 50_000_000
    assert all(task.first_run and not task.wait for task in batch.tasks)


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_loop_ends_it(under_load, ending):
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
    under_load.finish()


def test_nothing_is_left_over(under_load):
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
    under_load.finish()


def test_a_task_of_unusual_make_goes_the_other_way(under_load):
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

    under_load.run(main())


def fail_once(loop):
    loop.set_exception_handler(lambda *_: None)
    loop.call_soon(lambda: 1 // 0)
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_what_a_callback_raised_is_handled_in_one_frame_only(under_load):
    """A generator that turned a loop does not keep its caller's exception."""

    def turns():
        fail_once(loop)
        yield
        yield sys.exception()

    loop = asyncio.new_event_loop()
    turning = turns()
    try:
        [].pop()
    except IndexError:
        next(turning)
    assert next(turning) is None
    loop.close()
    under_load.finish()


@pytest.fixture
def interrupted(monkeypatch):
    """A signal handler that raises, and the signal comes while a step of ours is looked at."""
    handler = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    monkeypatch.setattr(
        "loopscope.hooks.steps.look_for_long_step", lambda *_, **__: signal.raise_signal(signal.SIGUSR1)
    )
    yield
    signal.signal(signal.SIGUSR1, handler)


@pytest.mark.usefixtures("interrupted")
def test_what_a_signal_raises_is_not_passed_over(under_load):
    """It hits our own code by chance, and is meant for the program."""
    loop = asyncio.new_event_loop()
    loop.call_soon(time.sleep, 0.3)
    loop.call_soon(loop.stop)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    loop.close()
    under_load.finish()


def test_fronts_outlive_a_configuration_that_fails(under_load):
    """They go on with the one before."""
    nothing = object()
    with pytest.raises(TypeError, match="int has no slot key"):
        compiled._fast.configure(
            (asyncio.Handle, asyncio.Future, asyncio.Task),
            (int, int, int, False),
            (int, int, int, int, int),
            ({}, {}, {}),
            (nothing, nothing),
            nothing,
            (nothing,) * 11,
            (nothing,) * 4,
            (1, 1),
        )
    under_load.run(everything())
    assert under_load.state.tasks_finished["ok"] == 8


def test_a_callback_that_takes_itself_back_when_asked_for_its_owner(under_load):
    """It is nothing that can be called then, and says so; no memory is read that was given back."""

    class Coy:
        def __getattr__(self, name):
            if handles:
                handles.pop().cancel()
            raise AttributeError(name)

        def __call__(self):
            """Never reached."""

    loop, told = asyncio.new_event_loop(), []
    loop.set_exception_handler(lambda _, facts: told.append(type(facts["exception"])))
    handles = [loop.call_soon(Coy())]
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert told == [TypeError]
    under_load.finish()


@pytest.mark.parametrize("known", ["thin_tasks", "open_tasks"])
def test_an_address_that_a_collected_task_left_behind(under_load, known):
    """What has it now is no task, and is not asked whether it is done."""

    class Stranger:
        def called(self):
            calls.append("called")

        def done(self):
            calls.append("done")

    async def take_record():
        return context.promote(asyncio.current_task())

    loop, stranger, calls = asyncio.new_event_loop(), Stranger(), []
    record = loop.run_until_complete(take_record())
    record.ref = lambda: None
    getattr(context, known)[id(stranger)] = {"thin_tasks": 1, "open_tasks": record}[known]
    loop.call_soon(stranger.called)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    del getattr(context, known)[id(stranger)]
    assert calls == ["called"]
    under_load.finish()


@pytest.mark.parametrize("debug", [True, False])
def test_a_complaint_reads_as_asyncios_own(under_load, debug):
    """Since 3.13 it has the arguments in debug mode only."""

    def complaint():
        loop, told = asyncio.new_event_loop(), []
        loop.set_debug(debug)
        loop.set_exception_handler(lambda _, facts: told.append(facts["message"]))
        loop.call_soon(divmod, 1, 0)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        return told

    observed = complaint()
    under_load.finish()
    assert observed == complaint()


def test_another_interpreter_goes_without():
    """What the fronts know is kept once a process; mod_wsgi has several interpreters in one."""
    interpreters = pytest.importorskip(
        "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    )
    other = (
        interpreters.create("legacy") if sys.version_info >= (3, 13) else interpreters.create(isolated=False)
    )
    try:
        failed = interpreters.run_string(
            other,
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from loopscope.hooks import compiled\n"
            "assert not compiled.there",
        )
    finally:
        interpreters.destroy(other)
    assert failed is None


def test_hooks_that_somebody_wrapped_keep_nothing_after_the_end(under_load):
    """Nobody would see how a thin task ends, so that its number stayed for ever."""
    create_task = asyncio.BaseEventLoop.create_task

    async def main():
        loop = asyncio.get_running_loop()
        with loopscope.job("still open"):
            loopscope.uninstrument()
            await asyncio.gather(*(create_task(loop, asyncio.sleep(0)) for _ in range(10)))
        known = set(context.open_tasks)
        await asyncio.gather(*(create_task(loop, asyncio.sleep(0)) for _ in range(10)))
        return known

    assert asyncio.run(main()) >= set(context.open_tasks)
    assert context.thin_tasks == {}


def test_a_clock_is_not_remembered_beyond_the_end(under_load):
    """A step that somebody wrapped, and runs on, leaves no mark on it."""
    wrapped = asyncio.Handle._run

    async def main():
        loop = asyncio.get_running_loop()
        clock = loop._loopscope_clock
        loopscope.uninstrument()
        mark = clock.mark
        wrapped(asyncio.Handle(time.sleep, (0.001,), loop))
        return clock.mark - mark

    assert asyncio.run(main()) == 0


def test_never_is_a_long_time(observe):
    """A threshold beyond 64 bits of nanoseconds is one that is never reached."""
    seen = observe(detail_over=1e300, slice_threshold=1e300, suspension_threshold=1e300)

    async def main():
        await asyncio.sleep(0)

    assert {task.outcome for task in seen.run(main()).tasks} == {"ok"}
