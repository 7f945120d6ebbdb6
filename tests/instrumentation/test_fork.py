"""Forks: a child records for itself, and says goodbye."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import loopscope
from loopscope.runtime import current
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
    assert worker in states


def test_a_fork_waits_for_the_drain_under_way(observe):
    """A child forked in the middle of it would inherit locks that nobody releases."""
    seen = observe()
    at_it, done = threading.Event(), threading.Event()

    class Slow:
        def drain(self, _):
            at_it.set()
            time.sleep(0.3)
            done.set()

        def stop(self):
            """Nothing to close."""

    seen.handle.exporters["slow"] = Slow()
    assert at_it.wait(5)
    child = multiprocessing.get_context("fork").Process(target=_leave, args=(done,))
    child.start()
    child.join()
    assert child.exitcode == 0
    seen.finish()


def _leave(done):
    sys.exit(0 if done.is_set() else 1)


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


ORPHAN = """
    import os, sys, time

    def wait_until_the_parent_is_gone():
        while os.getppid() == parent:
            time.sleep(0.01)

    parent = os.getpid()
    os.register_at_fork(after_in_child=wait_until_the_parent_is_gone)  # before loopscope looks
    import loopscope
    loopscope.instrument(journal=sys.argv[1], metrics_port=-1)
    if os.fork():
        print(parent)
    else:
        loopscope.uninstrument()
    os._exit(0)
"""


def test_a_parent_that_is_gone_before_its_child_begins_is_known(tmp_path):
    """Else a child that outlives it would be a stranger, and hide it from the diagnosis."""
    command = [sys.executable, "-c", textwrap.dedent(ORPHAN), str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    parents = {process.pid: process.parent_pid for process in Journal(tmp_path).processes()}
    parent = int(done.stdout)
    assert parents.pop(parent) == os.getpid()
    assert list(parents.values()) == [parent]


def test_threads_that_fork_while_everything_is_busy_never_hang(observe, tmp_path):
    """Each child records for itself with threads of its own, and the parent's go on."""
    seen = observe(journal=str(tmp_path), drain_interval=0.005)
    left = []

    def fork_some():
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                names = {thread.name for thread in threading.enumerate()}
                os._exit(0 if {"loopscope-pump", "loopscope-watchdog"} <= names else 1)
            left.append(os.waitpid(pid, 0)[1])

    with ThreadPoolExecutor(4) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12, about threads and forks
        for forked in [pool.submit(fork_some) for _ in range(4)]:
            forked.result(timeout=60)
    assert left == [0] * 20
    batch = seen.finish()
    assert [item.outcome for item in batch.items] == ["ok"] * 4


def test_a_child_that_can_start_no_thread_goes_on_unobserved(tmp_path):
    """As in a container at its limit; one sentence says so, and the parent is observed as before."""
    program = """
        import os, threading
        import loopscope
        from loopscope.runtime import current

        def refuse(*_):
            raise RuntimeError("can't start new thread")

        handle, start = loopscope.instrument(journal="off", metrics_port=-1), threading.Thread.start
        threading.Thread.start = refuse
        child = os.fork()
        threading.Thread.start = start
        if not child:
            with loopscope.job("in the child"):
                os._exit(7 if current() is None else 1)
        print(child, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), current() is handle)
    """
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)
    child, *rest = done.stdout.split()
    assert rest == ["7", "True"]
    assert done.stderr.strip() == f"loopscope: process {child} is not observed: can't start new thread"


def test_a_process_that_can_start_no_thread_is_not_observed(monkeypatch, caplog):
    """`instrument` fails no service."""

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        handle = loopscope.instrument(journal="off", metrics_port=-1)
    assert "is not observed: can't start new thread" in caplog.text
    assert list(handle.patches) == []
    assert handle.exporter("journal") is None
    assert current() is None  # it may be tried again, and its children do not try
