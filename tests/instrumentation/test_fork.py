"""Forks: a child records for itself, and says goodbye."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

import loopscope
from loopscope_exporters.journal import Journal


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_pool_workers_leave_no_process_behind_that_seems_dead(tmp_path, method):
    """A worker that ended in order is `ended`, whichever way it was started."""
    program = f"""
        import multiprocessing, os
        from concurrent.futures import ProcessPoolExecutor
        import loopscope
        if __name__ == "__main__":
            loopscope.instrument(journal={str(tmp_path)!r}, metrics_port=-1)
            context = multiprocessing.get_context({method!r})
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                print(pool.submit(os.getpid).result())
    """
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=60)
    worker = int(done.stdout)
    states = {process.pid: process.state for process in Journal(tmp_path).processes()}
    assert set(states.values()) == {"ended"}
    assert (worker in states) == (method == "fork")


def test_a_fork_does_not_wait_for_a_pump_that_is_idle(observe):
    """It waits for the drain that is under way, and for nothing the drain would wait for."""
    seen = observe(spans="auto", drain_interval=0.01)
    context = multiprocessing.get_context("fork")
    began = time.monotonic()
    for _ in range(20):
        child = context.Process(target=int)
        child.start()
        child.join()
    assert time.monotonic() - began < 20 * loopscope.runtime.FORK_PATIENCE / 2
    seen.finish()


def test_a_forked_child_has_its_own_state_and_leaves_the_parents_alone(observe, tmp_path):
    """Its ids, threads and totals are new."""
    seen = observe(journal=str(tmp_path))
    with loopscope.job("in the parent"), ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        child = pool.submit(_look).result()
    parent = seen.state.process
    assert child["pid"] != parent.pid
    assert child["id"] != parent.id
    assert child["open"] == []
    assert child["threads"] == ["loopscope-pump", "loopscope-watchdog"]
    deadline = time.monotonic() + 5
    while not [job for job in seen.batch.jobs if job.name == "in the parent"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _look():
    handle = loopscope.runtime.current()
    return {
        "pid": handle.state.process.pid,
        "id": handle.state.process.id,
        "open": [job.name for job in handle.snapshot().jobs],
        "threads": sorted(t.name for t in threading.enumerate() if t.name.startswith("loopscope")),
    }
