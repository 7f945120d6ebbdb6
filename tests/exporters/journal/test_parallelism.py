"""Effective parallelism: what counts as getting something done, once."""

from __future__ import annotations

import pytest

from loopscope_exporters.journal.intervals import Coverage
from loopscope_exporters.journal.parallelism import Span, TaskSpan, effective_parallelism


def parallelism(tasks, items=(), outside=(), steps=None, job=(0, 100)):
    return effective_parallelism(*job, tasks=tasks, items=items, outside=outside, steps=steps or {})


def test_tasks_that_wait_for_each_other_get_nothing_done():
    """Waiting inside the process is no work: a gathered crowd behind one lock is not parallel."""
    crowd = [TaskSpan(id=n, created=0, ended=100, running=1) for n in range(10)]
    assert parallelism(crowd) == pytest.approx(0.1)


def test_one_task_that_always_runs_is_one():
    """A loop that is kept busy by one task has parallelism 1."""
    assert parallelism([TaskSpan(1, 0, 100, running=100)]) == 1.0


def test_requests_that_are_under_way_together_add_up():
    """Four tasks that wait for other hosts are four things going on."""
    tasks = [TaskSpan(n, 0, 100, running=0) for n in range(4)]
    assert parallelism(tasks, outside=[Span(n, 0, 100) for n in range(4)]) == 4.0


def test_a_task_and_its_work_item_count_once():
    """The worker runs, the task only waits for it."""
    task, item = TaskSpan(1, 100, 200, 0), Span(1, 100, 200)
    assert parallelism([task], items=[item], job=(100, 200)) == 1.0


def test_two_items_of_one_task_count_twice():
    """A task that keeps two workers busy gets two things done at once."""
    items = [Span(1, 100, 200), Span(1, 150, 200)]
    assert parallelism([TaskSpan(1, 100, 200, 0)], items=items, job=(100, 200)) == 1.5


def test_a_queued_item_does_nothing_yet():
    """Time between submission and start is no work."""
    assert parallelism([], items=[Span(1, started=0, ended=100)]) == 0.0


def test_a_name_look_up_inside_a_request_counts_once():
    """A wait for a host whose address is looked up in a worker meanwhile is one thing going on."""
    assert parallelism([TaskSpan(1, 0, 100, 0)], items=[Span(1, 10, 30)], outside=[Span(1, 0, 100)]) == 1.0


def test_nested_waits_count_once():
    """A socket's wait inside a request's wait is the same wait."""
    outside = [Span(1, 0, 80), Span(1, 10, 20), Span(1, 70, 90)]
    assert parallelism([TaskSpan(1, 0, 100, 0)], outside=outside) == pytest.approx(0.9)


def test_a_task_is_never_busier_than_alive():
    """The steps that parse a response lie inside the request's wait; they add nothing to it."""
    assert parallelism([TaskSpan(1, 0, 100, running=30)], outside=[Span(1, 0, 100)]) == 1.0


def test_only_what_lies_inside_the_job_counts():
    """Items and waits are cut at the job's ends, tasks that lived before or after do not count."""
    tasks = [TaskSpan(1, 0, 300, 0), TaskSpan(2, 300, 400, running=100)]
    assert parallelism(tasks, items=[Span(1, 50, 150)], job=(100, 200)) == 0.5
    assert parallelism(tasks, outside=[Span(1, 150, 250)], job=(100, 200)) == 0.5


def test_a_worker_loop_shares_its_running_time_among_its_jobs():
    """Of a task that outlives the job, long steps count where they were and short ones evenly."""
    worker = TaskSpan(1, 0, 1000, running=300)
    steps = {1: Coverage([(100, 150), (600, 750)])}
    assert parallelism([worker], steps=steps, job=(100, 200)) == pytest.approx(0.5 + 0.1)


def test_a_job_without_duration_has_no_parallelism():
    """Nothing is divided by nothing."""
    assert parallelism([], job=(5, 5)) == 0.0
