"""The lookout: the main thread looks when the watchdog cannot, and the line is not lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

import loopscope
from loopscope import lookout
from loopscope.clock import now

SECOND = 1_000_000_000


def test_it_is_there_where_it_can_be_built():
    """On Linux, as the compiled hooks are."""
    assert lookout.there == (sys.platform == "linux")


@pytest.fixture
def native():
    """The thread that needs no GIL, started for the test."""
    lookout._lookout.start("the test", [], sys._current_frames)
    yield lookout._lookout
    lookout._lookout.stop("the test")


def threads():
    return {int(thread.name) for thread in Path("/proc/self/task").iterdir()}


def wait_for(saw):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.001)
        if seen := saw():
            return seen
    return None


def test_the_main_thread_looks_where_it_stands(native):
    """Once for each moment that passes; the frame of the program is the innermost."""
    native.expect(now() + SECOND // 10)
    assert native.take() is None
    moment, stacks, handles = wait_for(native.take)
    assert now() - SECOND < moment < now()
    assert [code.co_name for code, _ in stacks[threading.get_ident()]][:2] == [
        "wait_for",
        "test_the_main_thread_looks_where_it_stands",
    ]
    assert handles == []
    time.sleep(0.1)  # it is late still, and has been looked for that
    assert native.take() is None


def test_nobody_looks_who_is_in_time(native):
    """Each time the watchdog comes, the moment moves on."""
    for _ in range(20):
        native.expect(now() + SECOND // 5)
        time.sleep(0.01)
    assert native.take() is None


def test_nobody_looks_after_the_end():
    """Its thread has ended by then."""
    before = threads()
    lookout._lookout.start("the test", [], sys._current_frames)
    assert len(threads() - before) == 1
    lookout._lookout.expect(now() + SECOND // 20)
    lookout._lookout.stop("the test")
    assert wait_for(lambda: threads() <= before)
    time.sleep(0.1)
    assert lookout._lookout.take() is None


def test_it_takes_no_signals():
    """They are for the program's threads, whose system calls they end."""
    before = threads()
    lookout._lookout.start("the test", [], sys._current_frames)
    (thread,) = threads() - before
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    lookout._lookout.stop("the test")
    (blocked,) = (line for line in status.splitlines() if line.startswith("SigBlk"))
    assert int(blocked.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def test_a_forked_child_has_none_until_it_starts_its_own(native):
    """The parent's thread is not there, nor anybody to be waited for."""
    child = os.fork()
    if child == 0:
        try:
            native.expect(now())
            native.stop("the test")
            native.start("the child", [], sys._current_frames)
            native.expect(now())
            os._exit(7 if wait_for(native.take) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    native.expect(now())
    assert wait_for(native.take)


def test_whoever_ends_late_leaves_the_next_ones_alone():
    """A watchdog that could not end in time does so when there is another."""
    first, second = lookout.Lookout(wanted=True), lookout.Lookout(wanted=True)
    first.start()
    second.start()
    first.stop()
    second.expect(now())
    seen = wait_for(second.take)
    second.stop()
    assert seen.lines[threading.get_ident()][0] is wait_for.__code__


def test_the_watchdog_does_without(observe, monkeypatch):
    """Where no thread can be had."""

    def refuse(*_):
        raise RuntimeError("no thread could be started")

    monkeypatch.setattr(lookout._lookout, "start", refuse)
    seen = observe()

    async def main():
        time.sleep(0.3)

    asyncio.run(main())
    loopscope.uninstrument()
    assert seen.state.faults == {"lookout": 1}
    assert [block.call for block in seen.batch.blocks] == ["time.sleep(0.3)"]


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_a_watchdog_that_comes_too_late_still_has_the_line(observe, line_of, compiled):
    """The loop has gone on long since. Without the lookout the line is lost."""
    seen = observe(drain_interval=60.0, compiled=compiled)
    watchdog = seen.handle._watchdog
    halt, there, gone = watchdog._halt, threading.Event(), threading.Event()

    class Late:
        def wait(self, _):
            there.set()
            gone.wait(10)
            watchdog._halt = halt
            return False

    async def block():
        time.sleep(0.6)  # blocking

    async def main():
        watchdog._halt = Late()
        await asyncio.to_thread(there.wait, 10)
        await asyncio.create_task(block(), name="sick")
        await asyncio.sleep(0.05)
        gone.set()
        await asyncio.sleep(0.3)

    batch = seen.run(main())
    (found,) = (block for block in batch.blocks if block.ended - block.started > SECOND // 2)
    assert found.task.name == "sick"
    assert found.culprit.line == (line_of("blocking") if compiled == "on" else 0)
