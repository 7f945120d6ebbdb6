"""A Celery worker of several processes under `loopscope run`, with a folder as its broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from loopscope_exporters.journal import Journal

SHOP = """
from celery import Celery

app = Celery("shop", broker="filesystem://", backend="file://{folder}/results")
queue = "{folder}/queue"
app.conf.broker_transport_options = {{"data_folder_in": queue, "data_folder_out": queue}}

@app.task
def add(left, right):
    return left + right

@app.task
def fail():
    raise LookupError("gone")
"""
ASK = """
import shop
waiting = [shop.add.delay(number, 1) for number in range(3)]
print([one.get(timeout=30) for one in waiting], repr(shop.fail.delay().get(timeout=30, propagate=False)))
"""


def test_tasks_are_jobs_of_the_forked_processes_that_run_them(tmp_path):
    """Which leave through `os._exit` when the worker is told to end, and have said goodbye before."""
    (tmp_path / "shop.py").write_text(SHOP.format(folder=tmp_path))
    (tmp_path / "queue").mkdir()
    (tmp_path / "results").mkdir()
    journal = tmp_path / "journal"
    command = [sys.executable, "-m", "loopscope", "run", "--journal", str(journal), "--", sys.executable]
    with subprocess.Popen(
        [*command, "-m", "celery", "-A", "shop", "worker", "-c", "2", "-l", "CRITICAL"],
        cwd=tmp_path,
        env=os.environ | {"LOOPSCOPE_METRICS_PORT": "-1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as worker:
        asked = subprocess.run(
            [sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=True
        )
        assert asked.stdout.strip() == "[1, 2, 3] LookupError('gone')"
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=30)
    _await_end(journal)
    read = Journal(journal)
    main, *forked = sorted(read.processes(), key=lambda process: process.started)
    assert {process.state for process in (main, *forked)} == {"ended"}
    jobs = sorted((job.name, job.state) for job in read.jobs())
    assert jobs == [("shop.add", "ok")] * 3 + [("shop.fail", "error")]
    assert {job.pid for job in read.jobs()} <= {process.pid for process in forked}


def _await_end(journal):
    """The forked ones end a moment after their parent."""
    deadline = time.monotonic() + 10
    while any(process.state == "running" for process in Journal(journal).processes()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
