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

from loopscope import lookout
from loopscope.clock import now

SECOND = 1_000_000_000


def test_it_is_there_where_it_can_be_built():
    """On Linux, as the compiled hooks are."""
    assert lookout.there == (sys.platform == "linux")


@pytest.fixture
def native():
    """The thread that needs no GIL, started and stopped by the test."""
    yield lookout._lookout
    lookout._lookout.stop()


def threads():
    return {int(thread.name) for thread in Path("/proc/self/task").iterdir()}


def wait_for(seen):
    deadline = time.monotonic() + 10
    while not seen and time.monotonic() < deadline:
        time.sleep(0.001)


def test_the_main_thread_is_called_where_it_stands(native):
    """Once for each moment that passes, with the program's frame below."""
    seen = []
    native.start(lambda: seen.append((threading.current_thread(), sys._getframe(1).f_code.co_name)))
    native.expect(now() + SECOND // 10)
    assert seen == []
    wait_for(seen)
    time.sleep(0.1)  # it is late still, and has been called for that
    assert [thread for thread, _ in seen] == [threading.main_thread()]
    assert seen[0][1] == "wait_for"


def test_nobody_is_called_who_is_in_time(native):
    """Each time the watchdog comes, the moment moves on."""
    seen = []
    native.start(lambda: seen.append(now()))
    for _ in range(20):
        native.expect(now() + SECOND // 5)
        time.sleep(0.01)
    assert seen == []


def test_nobody_is_called_after_the_end(native):
    """Its thread has ended by then."""
    seen, before = [], threads()
    native.start(lambda: seen.append(now()))
    assert len(threads() - before) == 1
    native.expect(now() + SECOND // 20)
    native.stop()
    assert threads() - before == set()
    time.sleep(0.1)
    assert seen == []


def test_an_interrupt_is_the_programs(native):
    """It is raised where the program stands, as if nobody had looked."""

    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012  it may come before the call returns
            native.start(interrupted)
            native.expect(now())
            wait_for([])
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_takes_no_signals(native):
    """They are for the program's threads, whose system calls they end."""
    before = threads()
    native.start(int)
    (thread,) = threads() - before
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    (blocked,) = (line for line in status.splitlines() if line.startswith("SigBlk"))
    assert int(blocked.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def test_a_forked_child_has_none_until_it_starts_its_own(native):
    """The parent's thread is not there, nor anybody to be waited for."""
    seen = []
    native.start(lambda: seen.append(os.getpid()))
    child = os.fork()
    if child == 0:
        native.expect(now())
        native.stop()
        native.start(lambda: os._exit(7))
        native.expect(now())
        wait_for([])
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    native.expect(now())
    wait_for(seen)
    assert seen == [os.getpid()]


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
        watchdog._halt = Late()
        there.wait(10)
        time.sleep(0.6)  # blocking

    async def main():
        await asyncio.create_task(block(), name="sick")
        await asyncio.sleep(0.05)
        gone.set()
        await asyncio.sleep(0.3)

    batch = seen.run(main())
    (found,) = (block for block in batch.blocks if block.ended - block.started > SECOND // 2)
    assert found.task.name == "sick"
    assert found.culprit.line == (line_of("blocking") if compiled == "on" else 0)
