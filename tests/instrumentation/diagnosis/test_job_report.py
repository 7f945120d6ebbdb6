"""What kept a job: the path through its tasks, and the permits it waited for."""

import pytest
from case_by_hand import SECOND, CaseByHand

from loopscope.diagnosis.critical_path import CriticalPath
from loopscope.diagnosis.job_report import job_reports
from loopscope.records import Job


@pytest.fixture
def hand():
    made = CaseByHand()
    job = Job(99, "podcast", "7", "job", 0, 0, made.place(), made.ago(10))
    job.progress = made.ago(2)
    made.jobs = [job]
    return made


def seconds(steps):
    return [(step.task.coroutine, step.what, round((step.ended - step.started) / SECOND)) for step in steps]


def in_job(hand, task):
    task.job = hand.jobs[0]
    return task


def ended(wait, ago):
    wait.ended = ago
    return wait


def test_the_path_goes_through_the_child_that_ended_last(hand):
    """Waiting for tasks explains nothing: what the last of them did does."""
    root = in_job(hand, hand.task("root", age=10))
    quick = in_job(hand, hand.task("quick", age=8, parent=root.id))
    slow = in_job(hand, hand.task("slow", age=8, parent=root.id))
    quick.ended, slow.ended = hand.ago(6), hand.ago(2)
    waits = [
        ended(hand.wait(root, "gather", age=8, awaits=(quick.id, slow.id)), hand.ago(2)),
        ended(hand.wait(slow, "http", age=7, detail="GET a"), hand.ago(3)),
    ]
    steps = CriticalPath([root, quick, slow], waits, hand.now).of(root, hand.ago(10))
    assert seconds(steps) == [
        ("root", "runs", 2),
        ("slow", "runs", 1),
        ("slow", "http GET a", 4),
        ("slow", "runs", 1),
        ("root", "runs", 2),
    ]


def test_an_open_job_is_told_up_to_now(hand):
    """Who wanted to work, who did, what the others waited for, and for how long nothing has moved."""
    root = in_job(hand, hand.task("root", age=10))
    hand.jobs[0].root_task = root.id
    slots = hand.resource("semaphore", 1, "slots")
    chunks = [in_job(hand, hand.task("chunk", age=10, parent=root.id)) for _ in range(4)]
    hand.wait(root, "gather", age=10, awaits=tuple(chunk.id for chunk in chunks)).job = hand.jobs[0]
    hand.wait(chunks[0], "http", age=10, detail="GET b").job = hand.jobs[0]
    for chunk in chunks[1:]:
        hand.wait(chunk, "semaphore", slots, age=10).job = hand.jobs[0]
    (report,) = job_reports(hand.case())
    assert (report.job, report.state, report.seconds, report.still) == ("podcast 7", "running", 10, 2)
    assert (report.requested, report.effective) == (4, 1)
    assert (report.capped_by, report.waited) == (slots, 30)
    ((step, length),) = report.path
    assert (step.what, length) == ("http GET b", 10)


def test_a_circle_of_awaits_has_no_path(hand):
    """Tasks that await one another do not keep us for ever: nothing outside of them explains them."""
    first, second = (in_job(hand, hand.task(name, age=10)) for name in ("first", "second"))
    waits = [
        hand.wait(first, "task", age=9, awaits=(second.id,)),
        hand.wait(second, "task", age=9, awaits=(first.id,)),
    ]
    assert CriticalPath([first, second], waits, hand.now).of(first, hand.ago(9)) == []
