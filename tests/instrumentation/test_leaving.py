"""`os._exit`: nothing that was done before is missing, and the process still leaves at once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

from loopscope_exporters.journal import Journal

CROWDED = """
    import asyncio, os, sys, threading, time
    import loopscope

    loopscope.instrument(journal=sys.argv[1], metrics_port=-1, drain_interval=60.0)

    def compute():
        while True:
            sum(range(1000))

    async def main():
        for number in range(6):
            threading.Thread(target=compute, daemon=True).start()
        with loopscope.job("last", key="done"):
            await asyncio.sleep(0.1)
        with loopscope.job("last", key="open"):
            await asyncio.create_task(leave(), name="leaving")

    async def leave():
        print(time.monotonic(), flush=True)
        os._exit(3)

    asyncio.run(main())
"""


FORKED = """
    import os, sys
    import loopscope, loopscope.runtime

    loopscope.instrument(journal=sys.argv[1], metrics_port=-1, drain_interval=60.0)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    loopscope.runtime.current().exporter("journal")
    with loopscope.job("in the child"):
        pass
    os._exit(4)
"""


def left(tmp_path, program):
    """Exit code, and how long it took from the program's last word to its end."""
    journal = tmp_path / "journal"
    command = [sys.executable, "-c", textwrap.dedent(program), str(journal)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, time.monotonic() - float(done.stdout), journal


def test_what_was_done_before_is_in_the_journal(tmp_path):
    """The pump had not come by, and six threads kept the interpreter busy."""
    code, _, journal = left(tmp_path, CROWDED)
    assert code == 3
    assert {job.key: job.state for job in Journal(journal).jobs()} == {"done": "ok", "open": "lost"}


def test_a_forked_child_leaves_nothing_behind_either(tmp_path):
    """It has a journal of its own."""
    command = [sys.executable, "-c", textwrap.dedent(FORKED), str(tmp_path)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 4
    assert [(job.name, job.state) for job in Journal(tmp_path).jobs()] == [("in the child", "ok")]


def test_a_process_leaves_at_once(tmp_path):
    """Half a second is waited at most, for a disk that hangs, say."""
    hanging = CROWDED.replace(
        "def compute", "loopscope.runtime.current()._pump.busy.acquire()\n\n    def compute"
    ).replace("import loopscope\n", "import loopscope.runtime\n")
    code, took, _ = left(tmp_path, hanging)
    assert code == 3
    assert took < 2.5  # beside six threads that compute


REPLACED = """
    import multiprocessing, os, sys, time
    import loopscope

    class Slow:
        def drain(self, _):
            time.sleep(0.4)

        def stop(self):
            pass

    handle = loopscope.instrument(journal=sys.argv[1], metrics_port=-1)
    pool = multiprocessing.get_context("fork").Pool(2)
    handle.exporter("journal")
    handle.exporters["slow"] = Slow()
    print(time.monotonic(), flush=True)
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(3)
"""


def test_no_worker_is_replaced_meanwhile(tmp_path):
    """It would outlive the process for ever, and here keep its standard output open."""
    code, took, _ = left(tmp_path, REPLACED)
    assert code == 3
    assert took < 30


def test_a_test_may_take_its_place(observe, monkeypatch):
    """What stands in for it is called, and the interpreter's turns are as long as before."""
    called = []
    monkeypatch.setattr(os, "_exit", called.append)
    seen, usual = observe(), sys.getswitchinterval()
    os._exit(7)
    assert called == [7]
    assert sys.getswitchinterval() == usual
    seen.finish()
