"""Journals that cannot be read, or not all of them: a sentence each, and the good part is shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from loopscope_exporters.journal import Journal, JournalError
from loopscope_exporters.journal.layout import SCHEMA_VERSION


@pytest.fixture
def segment(record):
    """A sealed segment with a job in it."""
    recording = record()
    job = recording.job("good")
    for _ in range(3000):
        recording.end_task(recording.task(job))
    recording.end_job(job)
    recording.drain()
    path = recording.exporter.segment
    recording.exporter.stop()
    return path


PAGE = 4096


def damage(path, table):
    """Overwrite a table's first page; the schema, whose pages lie between those of tables, stays intact."""
    with closing(sqlite3.connect(path)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def test_a_missing_journal_says_what_to_give(tmp_path):
    """The path is wrong, or the service never ran."""
    with pytest.raises(JournalError, match=r"no journal at .*LOOPSCOPE_JOURNAL"):
        Journal(tmp_path / "nowhere")


def test_an_empty_folder_is_a_journal_without_jobs(tmp_path):
    """A service that has not started yet is no error."""
    journal = Journal(tmp_path)
    assert (journal.jobs(), journal.processes(), journal.problems) == ([], [], [])


@pytest.mark.parametrize("content", [b"notes of last week, quite a few of them", b""])
def test_a_file_that_is_no_segment_says_so(tmp_path, content):
    """Neither text nor an empty file is a segment."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"notes\.txt is not a journal segment"):
        Journal(path)


def test_somebody_elses_database_says_so(tmp_path):
    """A SQLite file without our tables."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    with pytest.raises(JournalError, match=r"shop\.db is not a journal segment"):
        Journal(path)


def test_a_newer_version_says_to_upgrade(segment):
    """Both versions are named."""
    with closing(sqlite3.connect(segment)) as connection, connection:
        connection.execute("UPDATE process SET schema = 70, id = 'a word where numbers were'")
    with pytest.raises(
        JournalError,
        match=rf"layout has version 70, this one understands up to {SCHEMA_VERSION}; upgrade loopscope",
    ):
        Journal(segment)


def test_an_older_version_says_who_can_read_it(segment):
    """Both versions are named, and nothing is guessed about what the older one lacks."""
    with closing(sqlite3.connect(segment)) as connection, connection:
        connection.execute("UPDATE process SET schema = 1")
    with pytest.raises(
        JournalError,
        match=rf"older loopscope: its layout has version 1, this one reads {SCHEMA_VERSION}; .* delete it",
    ):
        Journal(segment)


PRE_RELEASES = {
    "no such table: marks": "DROP TABLE marks",
    "no such column: detail": "ALTER TABLE waits RENAME COLUMN detail TO function",
    "no such column: drift": "ALTER TABLE process RENAME COLUMN drift TO suspended",
}


@pytest.mark.parametrize(("lacking", "change"), PRE_RELEASES.items(), ids=PRE_RELEASES)
def test_a_segment_of_a_pre_release_says_so_and_hides_no_other(folder, segment, record, lacking, change):
    """Its version is ours, but a table or a column came later; the other segments are shown."""
    with closing(sqlite3.connect(segment)) as connection, connection:
        connection.execute(change)
    with pytest.raises(
        JournalError, match=rf"version {SCHEMA_VERSION}, but lacks .*\({lacking}\): a pre-release .* delete"
    ):
        Journal(segment).jobs()
    recording = record()
    recording.job("other")
    recording.after(1).drain()
    journal = Journal(folder)
    assert "other" in [job.name for job in journal.jobs()]
    (problem,) = journal.problems
    assert problem.startswith(f"{segment} says that its layout has version {SCHEMA_VERSION}")


def test_a_history_misses_what_the_list_did_not_need(segment):
    """A column that only the details of a job show is said to be missing as well."""
    with closing(sqlite3.connect(segment)) as connection, connection:
        connection.execute("ALTER TABLE tasks RENAME COLUMN raised_at TO failed_at")
    journal = Journal(segment)
    (job,) = journal.jobs()
    with pytest.raises(JournalError, match=rf"version {SCHEMA_VERSION}, but lacks .*a pre-release"):
        journal.job(job.id)


def test_a_damaged_segment_says_so(segment):
    """The beginning is intact, the tables are not: found when they are read."""
    damage(segment, "tasks")
    journal = Journal(segment)
    with pytest.raises(JournalError, match=r"is damaged .* move it away"):
        journal.jobs()


def test_a_damaged_segment_does_not_hide_the_good_ones(folder, segment, record):
    """What can be read is shown, also of the damaged one; what cannot is named."""
    recording = record()
    recording.job("other")
    recording.after(1).drain()
    damage(segment, "tasks")
    (folder / "torn.db").write_bytes(b"SQLite format 3\0torn")
    journal = Journal(folder)
    assert [job.name for job in journal.jobs()] == ["other", "good"]
    torn, damaged = journal.problems
    assert torn.startswith(f"{folder / 'torn.db'} is not a journal segment")
    assert damaged.startswith(f"{segment} is damaged")


def test_a_segment_that_retention_removed_meanwhile_is_passed_over(segment, record):
    """Between listing the folder and reading, a segment may go; that is no problem to report."""
    recording = record()
    recording.job("other")
    recording.after(1).drain()
    journal = recording.journal()
    segment.unlink()
    assert [job.name for job in journal.jobs()] == ["other"]
    assert journal.problems == []


def test_one_segment_can_be_read_by_itself(segment):
    """A file copied out of the folder tells its part, from a folder nobody may write to as well."""
    segment.chmod(0o444)
    (job,) = Journal(str(segment)).jobs()
    assert (job.name, job.tasks) == ("good", 3000)


def test_finished_jobs_are_computed_once(segment):
    """Who looks each second at a folder of finished jobs reads their tasks the first time only."""
    before = Journal(segment).jobs()
    damage(segment, "tasks")
    journal = Journal(segment)
    assert journal.jobs() == before
    assert journal.problems == []


def test_reading_leaves_nothing_open(record):
    """A reader that lingers would make the writer's log grow."""
    recording = record()
    recording.job()
    recording.drain()
    for _ in range(3):
        recording.journal().jobs()
    recording.exporter.stop()
    assert [path.suffix for path in recording.folder.iterdir()] == [".db"]
