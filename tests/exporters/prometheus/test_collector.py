"""What a scrape says about a live state."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections import Counter
from weakref import ref

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_server import program

import loopscope
from loopscope.causes import CAUSES
from loopscope.clock import SECOND
from loopscope.recorder import recorder
from loopscope.records import (
    EXECUTOR,
    LOCK,
    NOWHERE,
    OK,
    QUEUE,
    SEMAPHORE,
    SLEEP,
    Batch,
    Block,
    Fault,
    Job,
    Resource,
    Task,
    Wait,
    WorkItem,
)
from loopscope.state import MAX_NAMES, OTHER
from loopscope.usage import Sample
from loopscope_exporters.prometheus import LoopscopeCollector

MILLISECOND = SECOND // 1000


class Thing:
    """Something a resource's weak reference can point to."""


def job(number, now, name="podcast", **fields):
    return Job(number, name, "", "job", 0, 0, NOWHERE, started=now - 60 * SECOND, **fields)


def task(number, now):
    return Task(number, None, 0, "work", NOWHERE, now, ref(Thing()))


def resource(number, kind=SEMAPHORE, name="permits", **fields):
    return Resource(number, kind, NOWHERE, name=name, **fields)


def duplicates(samples):
    series = Counter((sample.name, *sorted(sample.labels.items())) for sample in samples)
    return [name for name, count in series.items() if count > 1]


def test_what_alerts_watch_exists_before_anything_happened(scrape):
    """A counter that is born at 1 has not increased, says Prometheus: it has to be seen at 0 first."""
    assert set(scrape("loopscope_blocked_seconds_total").values()) == {0}
    assert set(scrape("loopscope_blocks_total")) == {(cause,) for cause in CAUSES}
    assert scrape("loopscope_dropped_records_total")[("task",)] == 0
    assert scrape("loopscope_tasks_finished_total")[("never_started",)] == 0
    assert scrape("loopscope_loop_lag_seconds_count") == {(): 0}


def test_a_block_counts_while_it_lasts(state, scrape):
    """A loop that never comes back would otherwise never show."""
    state.blocks[1, 1] = Block(1, "main", None, scrape.now - 3 * SECOND, cause="cpu")
    assert scrape("loopscope_blocks_total")[("cpu",)] == 1
    assert scrape("loopscope_blocked_seconds_total")[("cpu",)] == pytest.approx(3)
    scrape.now += 2 * SECOND
    assert scrape("loopscope_blocked_seconds_total")[("cpu",)] == pytest.approx(5)


def test_faults_are_counted_by_kind(state, scrape):
    """Each kind is seen at 0 before the first of it."""
    assert set(scrape("loopscope_lifecycle_faults_total").values()) == {0}
    state.fold(Batch(scrape.now, faults=[Fault(1, "collected", scrape.now, "work", NOWHERE, NOWHERE)]))
    counted = scrape("loopscope_lifecycle_faults_total")
    assert counted["collected",] == 1
    assert counted["never_awaited",] == 0


def test_blocked_seconds_never_step_back(state, scrape):
    """Neither when a block leaves the open ones before it is in the totals, nor when its cause is revised."""
    block = Block(1, "main", None, scrape.now - 3 * SECOND, cause="blocking_call")
    state.blocks[1, 1] = block
    scrape("loopscope_blocked_seconds_total")
    state.blocks.clear()
    assert scrape("loopscope_blocked_seconds_total")[("blocking_call",)] == pytest.approx(3)
    block.ended, block.cause = scrape.now, "gil"
    state.fold(Batch(scrape.now, blocks=[block]))
    seconds = scrape("loopscope_blocked_seconds_total")
    assert seconds["blocking_call",] == pytest.approx(3)
    assert seconds["gil",] == pytest.approx(3)


def test_an_open_job_is_running_and_stuck_when_nothing_of_it_moved(state, scrape):
    """Stuck means no progress for `stuck_after`, here 30 s."""
    state.jobs[1] = job(1, scrape.now, progress=scrape.now - 31 * SECOND)
    state.jobs[2] = job(2, scrape.now, progress=scrape.now - 29 * SECOND)
    assert scrape("loopscope_jobs_running") == {("podcast",): 2}
    assert scrape("loopscope_jobs_stuck") == {("podcast",): 1}
    assert scrape("loopscope_job_duration_seconds_count") == {("podcast",): 0}


def test_a_job_name_stays_at_zero_after_its_last_job(state, scrape):
    """The series goes on, so that a graph falls to 0 instead of breaking off."""
    ended = job(1, scrape.now, ended=scrape.now, outcome=OK)
    state.fold(Batch(scrape.now, jobs=[ended]))
    assert scrape("loopscope_jobs_running") == {("podcast",): 0}
    assert scrape("loopscope_jobs_stuck") == {("podcast",): 0}
    assert scrape("loopscope_job_duration_seconds_sum") == {("podcast",): pytest.approx(60)}
    assert scrape("loopscope_jobs_finished_total") == {
        ("podcast", "cancelled"): 0,
        ("podcast", "error"): 0,
        ("podcast", "ok"): 1,
    }


def test_histograms_are_cumulative(state, scrape):
    """Each bucket counts what the smaller ones do, +Inf everything."""
    for milliseconds in (2, 200, 20_000):
        state.lag.observe(milliseconds * MILLISECOND)
    buckets = scrape("loopscope_loop_lag_seconds_bucket")
    assert buckets[("0.001",)] == 0
    assert buckets[("0.0025",)] == 1
    assert buckets[("0.25",)] == 2
    assert buckets[("10.0",)] == 2
    assert buckets[("+Inf",)] == scrape("loopscope_loop_lag_seconds_count")[()] == 3
    assert scrape("loopscope_loop_lag_seconds_sum")[()] == pytest.approx(20.202)


def test_resources_of_one_name_are_one_series(state, scrape):
    """A semaphore made for each request is a hundred objects and one line of source."""
    for number in range(1, 4):
        state.resources[number] = resource(number, capacity=2, in_use=1, waiting=number)
    assert scrape("loopscope_resource_permits") == {(SEMAPHORE, "permits"): 6}
    assert scrape("loopscope_resource_permits_in_use") == {(SEMAPHORE, "permits"): 3}
    assert scrape("loopscope_resource_waiters") == {(SEMAPHORE, "permits"): 6}
    assert duplicates(scrape.samples()) == []


def test_a_dead_resource_is_reported_only_while_somebody_waits(state, scrape):
    """Its object is gone; what is still open of it is not."""
    gone = ref(Thing())
    state.resources[1] = resource(1, capacity=1, ref=gone)
    state.resources[2] = resource(2, kind=LOCK, name="lock", capacity=1, waiting=1, ref=gone)
    assert scrape("loopscope_resource_waiters") == {(LOCK, "lock"): 1}


def test_an_unbounded_queue_has_messages_and_no_permits(state, scrape):
    """Capacity 0 means unbounded, which no number of permits says."""
    state.resources[1] = resource(1, kind=QUEUE, name="inbox", in_use=5)
    assert scrape("loopscope_resource_permits") == {}
    assert scrape("loopscope_resource_permits_in_use") == {(QUEUE, "inbox"): 5}


def test_an_executor_has_workers_instead_of_permits(state, scrape):
    """Capacity, use and waiters of an executor carry its own words."""
    pool = resource(1, kind=EXECUTOR, name="encoders", capacity=4, in_use=4, waiting=7)
    state.resources[1] = pool
    assert scrape("loopscope_executor_workers") == {("encoders",): 4}
    assert scrape("loopscope_executor_busy_workers") == {("encoders",): 4}
    assert scrape("loopscope_executor_queue_depth") == {("encoders",): 7}
    assert scrape("loopscope_executor_items_total")["encoders", OK] == 0
    assert scrape("loopscope_resource_permits") == {}


def test_a_work_item_counts_its_time_in_the_queue_and_in_a_worker(state, scrape):
    """Two histograms: too few workers and slow work are different faults."""
    pool = resource(1, kind=EXECUTOR, name="encoders", capacity=4)
    item = WorkItem(1, 0, None, pool, "encode", NOWHERE, submitted=scrape.now - 5 * SECOND, depth=0)
    item.started, item.ended, item.outcome = scrape.now - 2 * SECOND, scrape.now, OK
    state.fold(Batch(scrape.now, items=[item]))
    assert scrape("loopscope_executor_queue_wait_seconds_sum") == {("encoders",): pytest.approx(3)}
    assert scrape("loopscope_executor_run_seconds_sum") == {("encoders",): pytest.approx(2)}
    assert scrape("loopscope_executor_items_total")["encoders", OK] == 1


def test_the_oldest_open_wait_shows_its_age(state, scrape):
    """The wait histogram has ended waits only; the one that hangs is told by its age."""
    permits = resource(1)
    for number, age in ((1, 4), (2, 9)):
        waiting = state.tasks[number] = task(number, scrape.now)
        waiting.wait = Wait(waiting, SEMAPHORE, permits, NOWHERE, started=scrape.now - age * SECOND)
    assert scrape("loopscope_wait_oldest_seconds") == {(SEMAPHORE, "permits"): pytest.approx(9)}


def test_the_oldest_wait_falls_to_zero_when_nobody_waits(state, scrape):
    """A kind of wait that was seen once keeps its series."""
    ended = Wait(task(1, scrape.now), SLEEP, None, NOWHERE, scrape.now - SECOND, ended=scrape.now, outcome=OK)
    state.fold(Batch(scrape.now, waits=[ended]))
    assert scrape("loopscope_wait_oldest_seconds") == {(SLEEP, ""): 0}
    assert scrape("loopscope_wait_seconds_count") == {(SLEEP, ""): 1}


def test_a_resource_without_a_name_yet_makes_no_series(state, scrape):
    """The next drain names it; a series without a name would linger in Prometheus."""
    waiting = state.tasks[1] = task(1, scrape.now)
    nameless = state.resources[1] = resource(1, name="", capacity=1, waiting=1)
    waiting.wait = Wait(waiting, SEMAPHORE, nameless, NOWHERE, started=scrape.now - SECOND)
    assert scrape("loopscope_wait_oldest_seconds") == {}
    assert scrape("loopscope_resource_waiters") == {}


def test_names_beyond_the_bound_share_one_series(state, scrape):
    """A job named after a customer must not fill a Prometheus."""
    for number in range(3 * MAX_NAMES):
        state.jobs[number] = job(number, scrape.now, name=f"job {number}", progress=scrape.now)
        state.resources[number] = resource(number, name=f"lock {number}", capacity=1)
    running = scrape("loopscope_jobs_running")
    assert len(running) == len(scrape("loopscope_resource_permits")) == MAX_NAMES + 1
    assert running[(OTHER,)] == 2 * MAX_NAMES
    assert duplicates(scrape.samples()) == []


def test_the_process_is_told_from_its_last_sample(state, scrape):
    """The same sample that the journal holds; before the first there is nothing to tell."""
    assert scrape("loopscope_process_memory_bytes") == {}
    state.sample = Sample(scrape.now, 2 * SECOND, 1 << 20, 9, 12, SECOND // 2, 0)
    assert scrape("loopscope_process_cpu_seconds_total") == {(): 2}
    assert scrape("loopscope_process_memory_bytes") == {(): 1 << 20}
    assert scrape("loopscope_process_threads") == {(): 9}
    assert scrape("loopscope_process_open_files") == {(): 12}
    assert scrape("loopscope_own_cpu_seconds_total") == {(): 0.5}


def test_the_service_is_told_once(scrape):
    """The labels of loopscope_info, in the order of their names."""
    assert scrape("loopscope_info") == {("CPython 3.11.7", "podcasts", "0.1.0"): 1}


def test_a_name_that_cannot_be_encoded_costs_nothing(state, scrape):
    """Half of a surrogate pair, as in an undecodable file name, is written out as such."""
    state.process.service = "caf\udce9"
    state.jobs[1] = job(1, scrape.now, name="caf\udce9.mp3", progress=scrape.now)
    state.resources[1] = resource(1, name="\udcff", capacity=1)
    assert scrape("loopscope_jobs_running") == {(r"caf\udce9.mp3",): 1}
    assert scrape("loopscope_resource_permits") == {(SEMAPHORE, r"\udcff"): 1}
    assert scrape("loopscope_info") == {("CPython 3.11.7", r"caf\udce9", "0.1.0"): 1}


def test_every_help_says_what_it_is_and_then_what_is_healthy(state):
    """Two sentences at least, since a number alone does not say whether to worry."""
    state.sample = Sample(1, 1, 1, 1, 1, 1, 1)
    helps = {family.name: family.documentation for family in LoopscopeCollector(state).collect()}
    assert len(helps) > 25
    assert {name for name, text in helps.items() if not re.fullmatch(r"[A-Z].+\. .+\.", text)} == set()


def test_a_failing_group_costs_only_its_own_families(state, scrape, caplog):
    """The fault is counted and logged; the other numbers are served."""
    before = recorder.faults["metrics of waits"]
    state.wait_durations = None
    assert scrape("loopscope_wait_seconds_count") == {}
    assert scrape("loopscope_tasks") == {("pending",): 0, ("running",): 0, ("waiting",): 0}
    assert recorder.faults["metrics of waits"] > before
    assert "metrics of waits" in caplog.text


def test_tasks_are_running_waiting_or_pending():
    """Seen from inside the running task: it runs, one waits, one has not had its first step."""

    async def main():
        waiting = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        pending = asyncio.create_task(asyncio.sleep(60))
        families = {family.name: family for family in LoopscopeCollector(handle.state).collect()}
        waiting.cancel()
        pending.cancel()
        return {sample.labels["state"]: sample.value for sample in families["loopscope_tasks"].samples}

    handle = loopscope.instrument(metrics_port=-1, journal="off", spans="off")
    try:
        assert asyncio.run(main()) == {"running": 1, "waiting": 1, "pending": 1}
    finally:
        handle.close()


def test_promtool_finds_nothing_to_improve(state, scrape):
    """Names, units, types and HELP texts follow Prometheus' own rules."""
    state.fold(Batch(scrape.now, jobs=[job(1, scrape.now, ended=scrape.now, outcome=OK)]))
    state.resources[1] = resource(1, kind=EXECUTOR, name="encoders", capacity=4)
    state.resources[2] = resource(2, capacity=4)
    state.sample = Sample(scrape.now, 1, 1, 1, 1, 1, 1)
    registry = CollectorRegistry()
    registry.register(LoopscopeCollector(state))
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=generate_latest(registry),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
