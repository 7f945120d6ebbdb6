"""What the journal keeps of a process, and when it can be read."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing

import pytest

from loopscope import context
from loopscope.records import CANCELLED, ERROR, Batch
from loopscope_exporters.journal import JournalExporter
from loopscope_exporters.journal.open_work import OpenWork


def table(recording, name):
    with closing(sqlite3.connect(recording.exporter.segment)) as connection:
        return connection.execute(f"SELECT * FROM {name}").fetchall()


def test_a_job_can_be_read_one_drain_after_it_began(record):
    """Open work is in the journal before it ends: a job that hangs must be visible."""
    recording = record()
    root = recording.task(coroutine="main")
    job = recording.job("episode", key="42", root=root)
    recording.task(job)
    recording.after(0.1).drain()
    (summary,) = recording.journal().jobs()
    assert (summary.name, summary.key, summary.state) == ("episode", "42", "running")
    assert summary.tasks == 2
    assert summary.seconds == 0.1


def test_a_drain_with_nothing_to_say_leaves_the_journal_alone(record, monkeypatch):
    """Under load, where open work is not due at each drain; what has ended is written at once."""
    monkeypatch.setitem(context.thin_tasks, 1, 1)
    recording = record()

    def heartbeat():
        return recording.journal().processes()[0].heartbeat

    first = heartbeat()
    recording.after(0.1).drain()
    assert heartbeat() == first
    recording.end_task(recording.task())
    recording.after(0.1).drain()
    assert heartbeat() == first + 200_000_000
    recording.after(0.4).drain()
    assert heartbeat() == first + 600_000_000
    monkeypatch.setattr(OpenWork, "is_due", lambda *_: False)
    recording.after(0.9).drain()
    assert heartbeat() == first + 600_000_000
    recording.after(0.1).drain()
    assert heartbeat() == first + 1_600_000_000
    assert len(table(recording, "tasks")) == 1


def test_ended_work_is_kept_and_no_longer_open(record):
    """What ended moves from the open tables to the lasting ones, with its outcome."""
    recording = record()
    job = recording.job()
    task, failed = recording.task(job), recording.task(job)
    recording.drain()
    recording.after(1).end_task(task, CANCELLED)
    recording.end_task(failed, ERROR)
    recording.end_job(job)
    recording.drain()
    assert [row[-5] for row in table(recording, "tasks")] == ["cancelled", "error"]
    assert table(recording, "open_tasks") == []
    assert recording.journal().jobs()[0].state == "ok"


@pytest.mark.parametrize("number", [1, 2, 3, 5, 33, 63, 64, 65, 128, 1_023, 1_025, 2_519])
def test_batches_of_all_sizes_arrive_complete_and_in_order(record, number):
    """Rows go in by statements of a few sizes; none is lost between them, and none added."""
    recording = record()
    job = recording.job()
    tasks = [recording.task(job) for _ in range(number)]
    for task in tasks:
        recording.end_task(task)
    recording.drain()
    assert [row[0] for row in table(recording, "tasks")] == [task.id for task in tasks]


def test_each_place_and_resource_is_written_once_a_segment(record):
    """Rows refer to source lines and resources by id; a name that is found late is added."""
    recording = record()
    sem = recording.resource(name="")
    for name in ("", "", "voices"):
        sem.name = name
        task = recording.task()
        wait = recording.wait(task, "semaphore", sem)
        recording.after(0.1).end_wait(wait)
        recording.drain()
    assert [row[2] for row in table(recording, "resources")] == ["", "voices"]
    places = [row[1:] for row in table(recording, "places")]
    assert len(places) == len(set(places))


def test_text_that_is_no_unicode_is_kept_escaped(record):
    """Half a surrogate pair, as in undecodable file names, must not cost a batch."""
    recording = record()
    job = recording.job(key="\udcff.mp3")
    recording.end_job(job)
    recording.drain()
    assert recording.journal().jobs()[0].key == "\\udcff.mp3"


def test_a_segment_on_the_disk_is_always_complete(folder, record):
    """A segment gets its name when its tables and its process row are there, and open work with it."""
    recording = record(journal_segment_rows=1)
    recording.job("long")
    recording.sample()
    recording.drain()
    assert not list(folder.glob("*.new*"))
    assert len(list(folder.glob("*.db"))) == 2
    assert [job.name for job in recording.journal().jobs()] == ["long"]


def test_a_clean_stop_seals_the_segment_into_one_file(folder, record):
    """After stop the process has ended, and its segment is one file without a log beside it."""
    recording = record()
    job = recording.job()
    recording.end_job(job)
    recording.drain()
    recording.exporter.stop()
    assert [path.suffix for path in folder.iterdir()] == [".db"]
    assert recording.journal().processes()[0].state == "ended"


def test_work_that_was_open_at_the_end_is_lost(record):
    """A job that its process left open when it ended never finished."""
    recording = record()
    recording.job()
    recording.exporter.stop()
    assert recording.journal().jobs()[0].state == "lost"


def test_dropped_records_are_on_record(record):
    """The journal says what is missing in it."""
    recording = record()
    recording.state.dropped["task"] += 3
    recording.drain()
    assert recording.journal().processes()[0].dropped == 3


def test_off_writes_nothing(folder, record):
    """With the journal off, start, drain and stop leave no trace."""
    recording = record()
    exporter = JournalExporter(recording.state, dataclasses.replace(recording.settings, journal="off"))
    before = set(folder.iterdir())
    exporter.start()
    exporter.drain(Batch(now=recording.now))
    exporter.stop()
    assert exporter.segment is None
    assert set(folder.iterdir()) == before


def test_a_forked_child_leaves_the_segment_alone(folder, run):
    """What a child throws away, and its end, neither close nor fold what its parent still writes."""
    there, kept = run(
        """
import gc, os
recording = Recording(Path(sys.argv[1])).start()
recording.end_job(recording.job("before"))
recording.after(1).drain()
child = os.fork()
if not child:
    del recording
    gc.collect()
    sys.exit(0)
os.waitpid(child, 0)
print(Path(f"{recording.exporter.segment}-wal").exists())
recording.end_job(recording.job("after"))
recording.after(1).drain()
print([job.name for job in recording.journal().jobs()])
recording.exporter.stop()
""",
        folder,
    )
    assert (there, kept) == ("True", "['after', 'before']")


def test_two_processes_share_a_folder(record):
    """Each process writes files of its own; the reader shows both."""
    first, second = record(), record()
    first.after(0.5).job("one")
    second.after(1).job("two")
    first.drain()
    second.drain()
    assert [job.name for job in first.journal().jobs()] == ["two", "one"]
    assert len(first.journal().processes()) == 2
