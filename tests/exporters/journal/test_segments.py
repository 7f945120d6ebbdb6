"""When a new segment follows, and when old ones go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopscope_exporters.journal import folder as folders


def segments(folder):
    return sorted(folder.glob("*.db"), key=lambda path: int(path.stem.rpartition("-")[2]))


@pytest.mark.parametrize(
    "limits",
    [
        {"journal_segment_rows": 100},
        {"journal_segment_bytes": 100_000},
        {"journal_segment_seconds": 10},
    ],
    ids=["rows", "bytes", "seconds"],
)
def test_a_full_segment_is_followed_by_another(folder, record, limits):
    """A segment is full by its rows, its bytes or its age, whichever comes first."""
    recording = record(**limits)
    for _ in range(2):
        job = recording.job()
        for _ in range(1500):
            recording.end_task(recording.task(job))
        recording.after(20).end_job(job)
        recording.drain()
    assert len(segments(folder)) == 3
    assert [job.tasks for job in recording.journal().jobs()] == [1500, 1500]


def test_a_job_is_whole_across_a_roll_over(folder, record):
    """A job whose tasks ended in two segments and are open in a third is read as one."""
    recording = record(journal_segment_rows=1)
    root = recording.task(coroutine="main")
    job = recording.job(root=root)
    early, late, hung = (recording.task(job) for _ in range(3))
    recording.after(1).end_task(early)
    recording.drain()
    recording.after(1).end_task(late)
    recording.drain()
    history = recording.journal().job(job.id)
    assert len(segments(folder)) == 3
    assert [task.id for task in history.tasks] == [root.id, early.id, late.id, hung.id]
    assert [task.open for task in history.tasks] == [True, False, False, True]
    assert history.job.tasks == 4


def test_a_sealed_segment_says_nothing_is_open(folder, record):
    """After a roll-over only the new segment knows what is open, so that nothing is shown twice."""
    recording = record(journal_segment_rows=1)
    recording.job("long")
    recording.sample()
    recording.drain()
    old, _ = segments(folder)
    assert type(recording.journal())(old).jobs() == []
    assert [job.name for job in recording.journal().jobs()] == ["long"]


def test_retention_removes_the_oldest_sealed_segments(folder, record):
    """The folder is kept within its size; what is being written stays whatever its size."""
    recording = record(journal_segment_rows=1, journal_retention_bytes=500_000)
    for age in range(8, 0, -1):
        os.utime(recording.exporter.segment, (time.time() - age, time.time() - age))
        recording.sample()
        recording.drain()
    left = [int(path.stem.rpartition("-")[2]) for path in segments(folder)]
    assert 1 < len(left) < 8
    assert left == list(range(9 - len(left), 9))


def test_retention_spares_what_a_living_process_writes(folder, record):
    """Another process's open segment is not removed, however old; when that process has ended, it is."""
    other = record()
    os.utime(other.exporter.segment, (1, 1))
    own = record(journal_retention_bytes=1)
    assert set(segments(folder)) == {other.exporter.segment, own.exporter.segment}
    path = other.exporter.segment
    other.exporter.stop()
    folders.make_room(folder, 1)
    assert path not in segments(folder)
    assert own.exporter.segment in segments(folder)


def test_retention_removes_what_a_dead_process_left(folder, record):
    """A killed process seals nothing; its segments age out nevertheless, with their logs."""
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from conftest import Recording; "
        "from pathlib import Path; r = Recording(Path(sys.argv[2])).start(); r.job(); r.drain(); "
        "os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program, str(Path(__file__).parent), str(folder)], check=False)
    (dead,) = segments(folder)
    assert dead.with_name(dead.name + "-wal").exists()
    recording = record(journal_retention_bytes=1)
    assert list(folder.glob(f"{dead.name}*")) == []
    assert segments(folder) == [recording.exporter.segment]


def test_half_made_segments_of_dead_processes_are_swept(folder, record):
    """A process killed while it made a segment leaves a .new file; the next start removes it."""
    folder.mkdir()
    dead, young = folder / "podcasts-4000000-1-0.db.new", folder / "podcasts-4000000-2-0.db.new"
    for path in (dead, young):
        path.write_bytes(b"half")
    hour_ago = time.time() - 3600
    os.utime(dead, (hour_ago, hour_ago))
    record()
    assert not dead.exists()
    assert young.exists()
