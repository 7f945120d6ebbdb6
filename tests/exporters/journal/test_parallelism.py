"""Effective parallelism: what counts as getting something done, once."""

from __future__ import annotations

import pytest

from loopscope_exporters.journal.intervals import Coverage
from loopscope_exporters.journal.parallelism import Span, TaskSpan, effective_parallelism

HERE, ELSEWHERE = 1, 2  # processes


def parallelism(tasks, *, items=(), outside=(), job=(0, 100), steps=None, asleep=None, occupied=None):
    return effective_parallelism(
        *job,
        tasks=tasks,
        items=items,
        outside=outside,
        steps=steps or {},
        asleep=asleep or {},
        occupied=occupied or {},
    )


def lived(id_, created, ended, running=0, process=HERE):
    return TaskSpan(id_, process, created, ended, first_run=created, last_ran=ended, running=running)


def test_tasks_that_wait_for_each_other_get_nothing_done():
    """Waiting inside the process is no work: a gathered crowd behind one lock is not parallel."""
    crowd = [lived(n, 0, 100, running=1) for n in range(10)]
    assert parallelism(crowd) == pytest.approx(0.1)


def test_one_task_that_always_runs_is_one():
    """A loop that is kept busy by one task has parallelism 1."""
    assert parallelism([lived(1, 0, 100, running=100)]) == 1.0


def test_requests_that_are_under_way_together_add_up():
    """Four tasks that wait for other hosts are four things going on."""
    tasks = [lived(n, 0, 100, running=0) for n in range(4)]
    assert parallelism(tasks, outside=[Span(n, 0, 100) for n in range(4)]) == 4.0


def test_a_task_and_its_work_item_count_once():
    """The worker runs, the task only waits for it."""
    task, item = lived(1, 100, 200, 0), Span(1, 100, 200)
    assert parallelism([task], items=[item], job=(100, 200)) == 1.0


def test_two_items_of_one_task_count_twice():
    """A task that keeps two workers busy gets two things done at once."""
    items = [Span(1, 100, 200), Span(1, 150, 200)]
    assert parallelism([lived(1, 100, 200, 0)], items=items, job=(100, 200)) == 1.5


def test_a_queued_item_does_nothing_yet():
    """Time between submission and start is no work."""
    assert parallelism([], items=[Span(1, started=0, ended=100)]) == 0.0


def test_a_name_look_up_inside_a_request_counts_once():
    """A wait for a host whose address is looked up in a worker meanwhile is one thing going on."""
    assert parallelism([lived(1, 0, 100, 0)], items=[Span(1, 10, 30)], outside=[Span(1, 0, 100)]) == 1.0


def test_nested_waits_count_once():
    """A socket's wait inside a request's wait is the same wait."""
    outside = [Span(1, 0, 80), Span(1, 10, 20), Span(1, 70, 90)]
    assert parallelism([lived(1, 0, 100, 0)], outside=outside) == pytest.approx(0.9)


def test_a_task_is_never_busier_than_alive():
    """The steps that parse a response lie inside the request's wait; they add nothing to it."""
    assert parallelism([lived(1, 0, 100, running=30)], outside=[Span(1, 0, 100)]) == 1.0


def test_only_what_lies_inside_the_job_counts():
    """Items and waits are cut at the job's ends, tasks that lived before or after do not count."""
    tasks = [lived(1, 0, 300, 0), lived(2, 300, 400, running=100)]
    assert parallelism(tasks, items=[Span(1, 50, 150)], job=(100, 200)) == 0.5
    assert parallelism(tasks, outside=[Span(1, 150, 250)], job=(100, 200)) == 0.5


def test_a_worker_loop_shares_its_running_time_among_its_jobs():
    """Of a task that outlives the job, long steps count where they were and short ones evenly elsewhere."""
    worker = lived(1, 0, 1000, running=300)
    steps = {1: Coverage([(100, 150), (600, 750)])}
    assert parallelism([worker], steps=steps, job=(100, 200)) == pytest.approx(0.5 + 100 * 50 / 800 / 100)


def test_a_task_that_waits_is_not_running():
    """A request's task that goes on in the background ran for 100 in all, and slept after its answer."""
    root = lived(1, 0, 10_000, running=100)
    waiting = {1: Coverage([(100, 9_990)])}
    assert parallelism([root], asleep=waiting) == pytest.approx(100 * 100 / 110 / 100)
    assert parallelism([root], asleep=waiting, job=(200, 300)) == 0.0


def test_time_before_the_first_step_and_after_the_last_is_no_time_on_the_loop():
    """A request queued behind a block for 900 before its job began, and its task waits on for ever after."""
    root = TaskSpan(1, HERE, created=0, ended=9000, first_run=890, last_ran=990, running=100)
    assert parallelism([root], job=(900, 1000)) == pytest.approx(0.9)
    assert parallelism([root], job=(880, 1080)) == pytest.approx(0.5)
    assert parallelism([root], job=(2000, 3000)) == 0.0


def test_a_task_that_never_ran_is_no_work():
    """It has neither a first step nor a last one."""
    never = TaskSpan(1, HERE, created=50, ended=150, first_run=0, last_ran=0, running=0)
    assert parallelism([never]) == 0.0


def test_a_job_without_duration_has_no_parallelism():
    """Nothing is divided by nothing."""
    assert parallelism([], job=(5, 5)) == 0.0


def test_requests_of_tasks_that_decode_one_after_another_do_not_overlap_with_it():
    """Four tasks decode for 20 each, then ask: no answer comes in before the last has decoded."""
    turns = [(20 * n, 20 * n + 20) for n in range(4)]
    tasks = [lived(n, 0, 100, running=20) for n in range(4)]
    asking = [Span(n, end, 100) for n, (_, end) in enumerate(turns)]
    serial, overlapping = 80, 4 * 20
    assert parallelism(tasks, outside=asking, occupied={HERE: Coverage(turns)}) == pytest.approx(
        (serial + overlapping) / 100
    )


def test_an_occupied_loop_takes_no_time_from_work_items_or_other_processes():
    """Workers go on while the loop is blocked, and so does a child process with a loop of its own."""
    job, blocked = (100, 200), {HERE: Coverage([(100, 160)])}
    assert parallelism([lived(1, *job)], items=[Span(1, *job)], occupied=blocked, job=job) == 1.0
    child = lived(2, *job, process=ELSEWHERE)
    assert parallelism([child], outside=[Span(2, *job)], occupied=blocked, job=job) == 1.0


def test_a_request_whose_look_up_and_block_overlap_loses_each_moment_once():
    """A worker looked the host up until 140, the loop was blocked from 120 to 160, the answer came at 190."""
    found = parallelism(
        [lived(1, 100, 200)],
        items=[Span(1, 100, 140)],
        outside=[Span(1, 100, 190)],
        occupied={HERE: Coverage([(120, 160)])},
        job=(100, 200),
    )
    assert found == pytest.approx((40 + 30) / 100)
