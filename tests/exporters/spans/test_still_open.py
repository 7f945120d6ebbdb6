"""Open work is told: a span that ends too late, or never, has a mark sent in its stead."""

from __future__ import annotations

import pytest

from loopscope import tracing
from loopscope.clock import Anchor
from loopscope.records import SEMAPHORE, Batch, Job, Place, Process, Resource, Task, Wait
from loopscope.settings import Settings
from loopscope.state import LiveState
from loopscope_exporters.spans.output import SpanOutput
from loopscope_exporters.spans.still_open import MOST_TASKS

SECOND = 1_000_000_000
BEGAN = 1_000 * SECOND
HERE = Place("podcast.py", 7, "speak")


@pytest.fixture
def state(monkeypatch):
    process = Process(1, "podcast", "host", 2, 1, 0, "CPython 3.11", "0.1.0")
    state = LiveState(process, Anchor(0, 0), Settings(stuck_after=30.0))
    monkeypatch.setattr(state, "tasks", {})
    return state


@pytest.fixture
def drain(state, provider, memory):
    """Sends a batch as of some seconds after the job began; gives the spans sent by now."""
    output = SpanOutput(state, state.settings, provider)

    def at(seconds, **ended):
        output.send(Batch(now=BEGAN + seconds * SECOND, **ended))
        return {span.name: span for span in memory.get_finished_spans()}

    yield at
    tracing.disable()


def open_job(state):
    job = Job(10, "podcast", "7", "job", 0, 0, HERE, BEGAN, trace_id=0xABC)
    state.jobs[job.id] = job
    return job


def open_task(state, job, number=11):
    task = Task(number, job, 0, "speak", HERE, BEGAN, lambda: None)
    state.tasks[number] = task
    return task


def test_a_job_open_for_long_is_marked_once(state, drain, memory):
    """Not before ``stuck_after``, and not again at each look."""
    open_job(state)

    assert drain(29) == {}
    mark = drain(31)["podcast (still open)"]
    drain(32)
    drain(60)

    assert len(memory.get_finished_spans()) == 1
    assert mark.parent.span_id == 10
    assert mark.context.trace_id == 0xABC
    assert mark.attributes["loopscope.open.seconds"] == 31
    assert mark.attributes["loopscope.open.since"].startswith("1970-01-01T00:16:40")


def test_the_mark_of_a_task_says_what_it_waits_for(state, drain):
    """Kind, name and line of the wait that it is in."""
    task = open_task(state, open_job(state))
    limit = Resource(12, SEMAPHORE, HERE, 1, "limit")
    task.wait = Wait(task, SEMAPHORE, limit, HERE, BEGAN, held_by=(13,))

    mark = drain(31)["speak (still open)"]

    assert mark.parent.span_id == task.id
    assert mark.attributes["loopscope.wait.kind"] == "semaphore"
    assert mark.attributes["loopscope.wait.resource"] == "limit"
    assert mark.attributes["loopscope.wait.held_by"] == (f"{13:016x}",)
    assert mark.attributes["code.line.number"] == 7


def test_a_task_that_came_later_is_marked_later(state, drain):
    """Each task has its own age."""
    job = open_job(state)
    late = open_task(state, job)
    late.created = BEGAN + 20 * SECOND

    assert "speak (still open)" not in drain(31)
    assert "speak (still open)" in drain(51)


def test_marks_are_bounded(state, drain, memory):
    """A job with very many hanging tasks does not flood the back end."""
    job = open_job(state)
    for number in range(100, 100 + 2 * MOST_TASKS):
        open_task(state, job, number)

    drain(31)
    drain(33)

    assert len(memory.get_finished_spans()) == 1 + MOST_TASKS


def test_the_span_itself_follows_when_the_work_ends_at_last(state, drain):
    """The mark does not take the span's place."""
    job = open_job(state)
    drain(31)
    del state.jobs[job.id]
    job.ended, job.outcome = BEGAN + 40 * SECOND, "ok"

    span = drain(41, jobs=[job])["podcast"]

    assert span.context.span_id == job.id
    assert span.end_time - span.start_time == 40 * SECOND
