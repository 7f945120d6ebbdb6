"""Work that another thread gives a loop without waking it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time

import pytest

from loopscope.clock import SECOND
from loopscope.fault_kinds import WRONG_THREAD
from loopscope.recorder import recorder


@pytest.fixture(params=["on", "off"])
def seen(request, observe):
    """Under compiled hooks and under those in Python."""
    return observe(compiled=request.param)


@pytest.mark.parametrize("signal_it", ["event", "future"])
def test_work_from_another_thread_that_wakes_nobody_names_the_line(seen, line_of, signal_it):
    """`Event.set` is Python and `Future.set_result` is C; both are heard while the loop sleeps."""
    ready = threading.Event()
    made = {}

    def foreign():
        ready.wait(5)
        time.sleep(0.05)
        (made["event"].set if signal_it == "event" else lambda: made["future"].set_result(1))()  # foreign

    async def main():
        made.update(event=asyncio.Event(), future=asyncio.get_running_loop().create_future())
        ready.set()
        async with asyncio.timeout(0.4):
            await (made["event"].wait() if signal_it == "event" else made["future"])

    thread = threading.Thread(target=foreign, name="producer")
    thread.start()
    seen.run(main())
    thread.join()
    fault = seen.fault(WRONG_THREAD)
    assert fault.place.line == line_of("foreign")
    assert fault.detail == "producer"
    assert fault.task.coroutine.endswith("main")
    assert fault.ended - fault.at > SECOND / 10
    if signal_it == "event":
        assert fault.resource.kind == "event"


def test_a_timer_from_another_thread_is_late_from_when_it_is_due(seen, line_of):
    """A sleeping loop does not look at its timers; one that is due after it woke has lost nothing."""
    ready = threading.Event()
    made = {}

    def foreign():
        ready.wait(5)
        time.sleep(0.05)
        made["loop"].call_later(0.05, made["event"].set)  # late
        made["loop"].call_later(60, print)

    async def main():
        made.update(loop=asyncio.get_running_loop(), event=asyncio.Event())
        ready.set()
        async with asyncio.timeout(0.4):
            await made["event"].wait()

    thread = threading.Thread(target=foreign)
    thread.start()
    with contextlib.suppress(TimeoutError):
        seen.run(main())
    thread.join()
    seen.finish()
    fault = seen.fault(WRONG_THREAD)
    assert fault.place.line == line_of("late")
    assert fault.ended - fault.at > SECOND / 10


def test_work_handed_over_as_it_should_be_is_no_fault(seen):
    """`call_soon_threadsafe` wakes the loop; signals' handlers and the loop's own callbacks are its own."""

    async def main():
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: (time.sleep(0.02), loop.call_soon_threadsafe(event.set)))
        thread.start()
        await event.wait()
        await asyncio.to_thread(time.sleep, 0.01)
        loop.call_later(0.01, event.set)
        event.clear()
        await event.wait()
        thread.join()

    assert [fault for fault in seen.run(main()).faults if fault.kind == WRONG_THREAD] == []


def test_what_a_loop_is_given_before_it_runs_is_no_fault(seen):
    """Nor what a thread gives a loop that only polls, for it has work to do and looks at it at once."""
    heard, loop = [], asyncio.new_event_loop()
    loop.call_soon(heard.append, "soon")
    loop.call_later(0.01, heard.append, "later")

    async def main():
        thread = threading.Thread(target=lambda: loop.call_soon(heard.append, "busy"))
        thread.start()
        while "later" not in heard or "busy" not in heard:
            await asyncio.sleep(0)
        thread.join()

    loop.run_until_complete(main())
    loop.close()
    assert sorted(heard) == ["busy", "later", "soon"]
    assert [fault for fault in seen.finish().faults if fault.kind == WRONG_THREAD] == []


def test_what_debug_mode_notes_of_a_timer_is_the_programs(seen):
    """Its last line is where the program set it."""
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    for timer in (loop.call_at(loop.time(), print), loop.call_later(60, print), loop.call_soon(print)):
        assert timer._source_traceback[-1].name == "test_what_debug_mode_notes_of_a_timer_is_the_programs"
        assert timer._source_traceback[-1].filename == __file__
        timer.cancel()
    loop.close()


def test_very_many_signals_wake_the_loop_in_time(seen):
    """What is noted of them ends with the sleep, and costs the loop little for each."""
    ready, took = threading.Event(), []

    def foreign():
        ready.wait(5)
        time.sleep(0.05)
        for _ in range(100_000):
            loop.call_soon(int)
        loop.call_later(math.inf, int)
        took.append(time.perf_counter())
        loop.call_soon_threadsafe(event.set)

    async def main():
        ready.set()
        await event.wait()
        took.append(time.perf_counter())
        return time.perf_counter()

    loop, event = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=foreign)
    began = time.perf_counter()
    thread.start()
    loop.run_until_complete(main())
    thread.join()
    loop.close()
    asked, woken = took
    assert woken - asked < asked - began
    assert recorder.open_faults == {}
    seen.finish()
