"""A SIGKILL in mid-job: what was acknowledged is kept, what was open is known."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from loopscope_exporters.journal import Journal

WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from conftest import Path, Recording
recording = Recording(Path(sys.argv[2]), journal_segment_rows=20_000).start()
root = recording.task(coroutine="main")
job = recording.job("podcast", root=root)
hung = recording.task(job, "speak")
voices = recording.resource()
recording.wait(hung, "semaphore", voices, held_by=(root.id,))
recording.hold(root, voices)
recording.after(0.1)
for drained in range(1, 10_000):
    for _ in range(500):
        recording.end_task(recording.task(job))
    recording.after(0.1).drain()
    print(drained * 500, flush=True)
"""


@pytest.fixture(params=[3, 47])
def killed(request, folder):
    """The folder of a writer that was killed in the midst of writing, and the rows it had acknowledged.

    Forty-seven drains are more than a segment holds.
    """
    here = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, here, str(folder)], stdout=subprocess.PIPE, text=True
    ) as child:
        for _ in range(request.param):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split()
    return folder, int(rest[-1]) if rest else request.param * 500


def test_no_acknowledged_row_is_lost(killed):
    """Every row of a finished drain is there, in files that SQLite finds whole."""
    folder, acknowledged = killed
    rows = 0
    for path in folder.glob("*.db"):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows += connection.execute("SELECT COUNT(*) FROM tasks").fetchone()[0]
    assert rows >= acknowledged


def test_the_process_died_and_its_open_work_is_known(killed):
    """The reader says died and lost, which tasks were open, and on what they waited."""
    folder, acknowledged = killed
    journal = Journal(folder)
    (process,) = journal.processes()
    (summary,) = journal.jobs()
    assert (process.state, summary.state) == ("died", "lost")
    assert summary.tasks >= acknowledged + 2
    history = journal.job(summary.id)
    still = {task.coroutine: task for task in history.tasks if task.open}
    assert {name: task.outcome for name, task in still.items()} == {"main": "lost", "speak": "lost"}
    (wait,) = history.waits
    assert (wait.task, wait.resource.name) == (still["speak"].id, "voices")
    assert wait.held_by == (still["main"].id,)
    assert wait.ended == process.heartbeat
    (hold,) = history.holds
    assert hold.open
    assert journal.problems == []


LEAVES_UNDER_LOAD = """
import asyncio, os, sys, loopscope
from loopscope.recorder import recorder
loopscope.instrument(journal=sys.argv[1], metrics_port=-1, spans="off", detail_rate=1).exporter("journal")
recorder.detail.left = -1000.0
async def serve():
    load = [asyncio.create_task(asyncio.sleep(60)) for _ in range(10)]
    await asyncio.sleep(0.15)
    with loopscope.job("the last one"):
        await asyncio.sleep(0.01)
        os._exit(3)
async def main():
    await asyncio.create_task(serve())
asyncio.run(main())
"""


def test_what_began_just_before_the_process_ended_itself_is_known(folder):
    """Under load, when open work is not written at each drain."""
    left = subprocess.run([sys.executable, "-c", LEAVES_UNDER_LOAD, str(folder)], check=False, timeout=60)
    assert left.returncode == 3
    assert [job.name for job in Journal(folder).jobs()] == ["the last one"]
