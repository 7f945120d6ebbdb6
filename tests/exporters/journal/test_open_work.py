"""How often what is open is written: at once while that is cheap, seldom when it is dear, never in vain."""

from __future__ import annotations

from collections import Counter

import pytest

from loopscope.context import thin_tasks
from loopscope_exporters.journal.open_work import SHARE, UNDER_LOAD, YOUNG, OpenWork
from loopscope_exporters.journal.rows import Rows

MILLISECOND = 1_000_000


class Pad:
    """Stands for a segment and notes what is rewritten; writing costs `cost` of processor time."""

    def __init__(self, cost=0):
        self.cost = cost
        self.now = self.spent = 0
        self.written = []
        self.rows = Counter()

    def rewrite(self, table, rows):
        self.spent += self.cost
        self.written.append((table, len(rows)))


def open_work(recording, pad):
    return OpenWork(recording.state, Rows(recording.state.anchor), spent=lambda: pad.spent)


def test_nothing_open_writes_nothing(record):
    """An idle service writes no open rows."""
    pad = Pad()
    open_work(record(), pad).write(pad, 0)
    assert pad.written == []


def test_only_what_changed_is_rewritten(record):
    """A thousand tasks that wait for ever cost no disk traffic."""
    recording, pad = record(), Pad()
    work = open_work(recording, pad)
    recording.task()
    work.write(pad, pad.now)
    work.write(pad, pad.now)
    assert pad.written == [("open_tasks", 1)]


def test_the_last_one_that_ends_empties_the_table(record):
    """What is no longer open does not stay on record as open."""
    recording, pad = record(), Pad()
    work = open_work(recording, pad)
    task = recording.task()
    work.write(pad, pad.now)
    recording.end_task(task)
    work.write(pad, pad.now)
    assert pad.written == [("open_tasks", 1), ("open_tasks", 0)]


def test_a_dear_rewrite_is_followed_by_a_pause(record):
    """Ten thousand open tasks may cost 5 % of a core, not more."""
    recording, pad = record(), Pad(cost=10 * MILLISECOND)
    work = open_work(recording, pad)
    for _ in range(2 * SHARE):
        recording.task()
        work.write(pad, pad.now)
        pad.now += 100 * MILLISECOND
    assert pad.spent <= pad.now / SHARE + pad.cost


def test_under_load_it_is_written_twice_a_second(record, monkeypatch):
    """Each statement makes the service wait for the GIL."""
    recording, pad = record(), Pad()
    monkeypatch.setitem(thin_tasks, 1, 1)
    work = open_work(recording, pad)
    for moment in (0, UNDER_LOAD - 1, UNDER_LOAD):
        recording.task()
        work.write(pad, recording.now + YOUNG + moment)
    assert pad.written == [("open_tasks", 1), ("open_tasks", 3)]


@pytest.mark.parametrize("kind", ["task", "job"])
def test_under_load_what_is_old_enough_to_be_looked_at_is_written(record, monkeypatch, kind):
    """What hangs is on record when it has lasted for as long as at other times."""
    recording, pad = record(), Pad()
    monkeypatch.setitem(thin_tasks, 1, 1)
    work = open_work(recording, pad)
    work.write(pad, recording.now)
    getattr(recording.after(0.1), kind)()
    assert not work.is_due(recording.now + YOUNG - 1)
    assert work.is_due(recording.now + YOUNG)
    work.write(pad, recording.now + YOUNG)
    assert pad.written == [(f"open_{kind}s", 1)]
    assert not work.is_due(recording.now + YOUNG + 1)


def test_the_end_is_written_whatever_it_costs(record):
    """At a clean stop the open tables are brought up to date."""
    recording, pad = record(), Pad(cost=10 * MILLISECOND)
    work = open_work(recording, pad)
    for _ in range(2):
        recording.task()
        work.write(pad, pad.now, always=True)
    assert pad.written == [("open_tasks", 1), ("open_tasks", 2)]


def test_a_thin_job_is_written_when_it_is_a_while_old(record):
    """Under load most are over before anybody could look; the end is complete all the same."""
    recording, pad = record(), Pad()
    work = open_work(recording, pad)
    job = recording.job()
    job.thin = True
    work.write(pad, job.started + YOUNG - 1)
    assert pad.written == []
    work.write(pad, job.started + YOUNG)
    assert pad.written == [("open_jobs", 1)]


def test_a_young_thin_job_is_written_at_the_end(record):
    """Nothing that was open when the process ended is missing."""
    recording, pad = record(), Pad()
    job = recording.job()
    job.thin = True
    open_work(recording, pad).write(pad, job.started, always=True)
    assert pad.written == [("open_jobs", 1)]
