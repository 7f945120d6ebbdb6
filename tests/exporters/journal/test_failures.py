"""What happens to the journal, and to the service, when the disk does not play along."""

from __future__ import annotations

import logging
import shutil

import pytest

from loopscope.exporter import ExporterError
from loopscope_exporters.journal import check_folder

# A limit on the size of files fails like a full disk, for root as well and without mounting one.
FULL_DISK = """
import resource
def leave(bytes): resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))
"""


def test_a_journal_that_is_a_file_is_a_sentence(tmp_path):
    """Somebody gave a file where a folder is wanted."""
    path = tmp_path / "journal"
    path.write_text("notes")
    with pytest.raises(ExporterError, match=r"is a file, expected a folder; set LOOPSCOPE_JOURNAL"):
        check_folder(path)
    assert path.read_text() == "notes"


def test_a_journal_below_a_file_is_a_sentence(tmp_path):
    """A part of the path is a file, so that no folder can be made."""
    (tmp_path / "file").touch()
    with pytest.raises(ExporterError, match="a part of its path is a file"):
        check_folder(tmp_path / "file" / "journal")


@pytest.mark.parametrize("folder", ["/proc/journal", "/proc/self"])
def test_a_folder_that_cannot_be_written_is_a_sentence(folder):
    """Root is allowed everywhere by permission bits; only trying tells."""
    with pytest.raises(ExporterError, match=r"journal folder /proc/\S+ is not writable"):
        check_folder(folder)


def test_a_usable_folder_is_made_and_left_empty(tmp_path):
    """Checking leaves nothing behind but the folder."""
    folder = check_folder(tmp_path / "new" / "journal")
    assert list(folder.iterdir()) == []


def test_a_full_disk_at_the_start_is_a_sentence(folder, run):
    """No space for even an empty segment: say so and leave nothing behind."""
    said = run(
        FULL_DISK
        + """
leave(10_000)
try: Recording(Path(sys.argv[1])).start()
except Exception as error: print(type(error).__name__, error)
""",
        folder,
    )[0]
    assert said.startswith(f"ExporterError there is no space for the journal in {folder}")
    assert list(folder.iterdir()) == []


def test_a_disk_that_fills_up_costs_records_and_nothing_else(folder, run):
    """Drains go on, what is lost is counted, what was acknowledged is kept, no empty segments pile up."""
    kept, lost, segments, healed = run(
        FULL_DISK
        + """
recording = Recording(Path(sys.argv[1])).start()
def a_job():
    job = recording.job()
    for _ in range(2000): recording.end_task(recording.task(job))
    recording.end_job(job)
    recording.after(4).drain()
a_job()
print(len(recording.journal().jobs()))
leave(150_000)
for _ in range(3): a_job()
print(recording.state.dropped["journal"])
print(len(list(recording.folder.glob("*.db"))))
leave(resource.RLIM_INFINITY)
a_job()
recording.exporter.stop()
print([job.tasks for job in recording.journal().jobs()], recording.journal().processes()[0].dropped)
""",
        folder,
    )
    assert (kept, lost, segments, healed) == ("1", "6003", "1", "[2000, 2000] 6003")


def test_a_failing_disk_is_said_once(folder, record, caplog):
    """One warning when records begin to be lost, one when they are kept again; not one a drain."""
    recording = record()
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with caplog.at_level(logging.WARNING, "loopscope"):
        for _ in range(5):
            recording.sample()
            recording.after(1).drain()
        folder.unlink()
        recording.after(4).drain()
    first, second = caplog.messages
    assert first.startswith("loopscope: the journal cannot be written; records are lost and counted")
    assert second.startswith("loopscope: the journal is written again")
    assert recording.state.dropped["journal"] == 5


def test_a_folder_that_vanishes_is_made_again(folder, record):
    """Somebody cleaned up beneath a running service: the next drain begins a new segment, nothing is lost."""
    recording = record()
    recording.job("long")
    shutil.rmtree(folder)
    recording.after(1).drain()
    assert [job.name for job in recording.journal().jobs()] == ["long"]
    assert recording.state.dropped["journal"] == 0


def test_a_roll_over_that_fails_goes_on_in_the_full_segment(folder, record):
    """No new file can be made, but the old one can still be written: keep to it."""
    recording = record(journal_segment_rows=1)
    first = recording.exporter.segment
    (folder / first.name.replace("-0.db", "-1.db.new")).mkdir()
    for _ in range(3):
        job = recording.job()
        recording.after(0.1).end_job(job)
        recording.drain()
    assert recording.exporter.segment == first
    assert len(recording.journal().jobs()) == 3
    assert recording.state.dropped["journal"] == 0
