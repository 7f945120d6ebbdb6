"""Cases out of a journal: the open work and the history of a process, and of those related to it."""

import time

import pytest
from handmade_journal import DEAD_PID, Segment

from loopscope.diagnosis.engine import diagnose
from loopscope.diagnosis.tally import TaskKey
from loopscope.records import Place
from loopscope_exporters.journal import Journal, JournalError

MILLION = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 999999)
INSERT INTO tasks SELECT 1000000 + n, 0, 1, '', 'speak' || (n % 50), 1 + n % 20, :origin + n * 90000,
    :origin + n * 90000 + 1000, :origin + n * 90000 + 5000000, 0, 100000, 2, 'ok', '', 0, 0, 0 FROM numbers
"""


def the_case(recording):
    (case,) = recording.journal().cases()
    return case


def test_open_work_comes_back_as_records_that_know_each_other(record):
    """A wait has its task, a hold its resource, a task its job; times are wall times."""
    recording = record()
    job = recording.job("episode", "7")
    holder, waiter = recording.task(job), recording.task(job)
    voices = recording.resource(capacity=1)
    recording.hold(holder, voices)
    recording.wait(waiter, "semaphore", voices, held_by=(holder.id,))
    recording.after(3).drain()
    case = the_case(recording)
    assert case.waits[waiter.id].task is case.tasks[waiter.id]
    assert case.tasks[waiter.id].job is case.tasks[holder.id].job is case.snapshot.jobs[0]
    assert case.holds[voices.id][0].resource is case.waits[waiter.id].resource
    assert case.since(case.waits[waiter.id].started) == pytest.approx(3)
    assert case.wall(case.at) == recording.wall(recording.now)


def test_what_has_ended_is_summed_up_by_its_line(record):
    """Over all segments of the process, the same sums as in the process itself."""
    recording = record(journal_segment_rows=3)
    for length in (1, 2, 6):
        task = recording.task()
        recording.after(length).end_task(task, running=0.5)
        recording.drain()
    case = the_case(recording)
    tally = case.history.tasks[TaskKey("speak", recording.place(20))]
    assert (tally.count, tally.failed) == (3, 0)
    assert (tally.total, tally.longest, tally.active) == (9 * 10**9, 6 * 10**9, 15 * 10**8)
    assert len(list(recording.folder.glob("*.db"))) > 1
    assert [task.ended - task.created for task in case.history.last_tasks] == [10**9, 2 * 10**9, 6 * 10**9]


def test_a_holder_that_has_ended_is_known(record):
    """Its permit is still held; the case tells how it ended."""
    recording = record()
    task, desk = recording.task(), recording.resource(capacity=1)
    recording.hold(task, desk)
    recording.after(1).end_task(task, "error")
    recording.drain()
    case = the_case(recording)
    assert task.id not in case.tasks
    assert case.holder(case.holds[desk.id][0]).outcome == "error"


@pytest.fixture
def family(tmp_path):
    """A dead parent with its child, and a stranger that died before."""
    segments = [
        Segment(tmp_path, "stranger", pid=DEAD_PID, began=-500, beat=-400),
        Segment(tmp_path, "parent", pid=DEAD_PID + 1, began=-60),
        Segment(tmp_path, "child", pid=DEAD_PID + 2, began=-50),
    ]
    segments[2]._db.execute("UPDATE process SET parent_pid = ?", [DEAD_PID + 1])
    yield Journal(tmp_path)
    for segment in segments:
        segment.close()


def test_a_process_comes_with_its_family(family):
    """The one that ended last, its children and parents; not those who are of another time."""
    cases = family.cases()
    assert [case.process.service for case in cases] == ["parent", "child"]
    assert cases[0].others == (cases[1],) or [o.process.service for o in cases[0].others] == ["child"]


def test_a_process_is_asked_for_by_its_number(family):
    """Whoever is named is looked at, however long ago it died; an unknown number is a sentence."""
    assert [case.process.service for case in family.cases(DEAD_PID)] == ["stranger"]
    with pytest.raises(JournalError, match="no process 12 has written"):
        family.cases(12)


def test_a_million_ended_tasks_are_diagnosed_in_time(tmp_path):
    """Three seconds of processor time, for the machine is shared: the sums are made by SQLite."""
    segment = Segment(tmp_path, pid=DEAD_PID)
    for line in range(20):
        segment.place(line)
    segment._db.execute(MILLION, {"origin": segment.wall(-100)})
    began = time.process_time()
    (case,) = Journal(tmp_path).cases()
    assert diagnose([case]).findings == ()
    assert time.process_time() - began < 3
    assert sum(tally.count for tally in case.history.tasks.values()) == 1_000_000
    assert TaskKey("speak7", Place("/srv/podcast/engine.py", 7, "speak")) in case.history.tasks
    segment.close()
