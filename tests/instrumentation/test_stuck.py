"""When a job counts as stuck: as set, as learned from jobs of its name, and not while it waits by design."""

import asyncio
import contextlib
import socket

import pytest

import loopscope
from loopscope.clock import SECOND, Anchor, now
from loopscope.records import CANCELLED, NOWHERE, OK, Batch, Job, Process
from loopscope.settings import Settings
from loopscope.state import LiveState
from loopscope.stuck import Stillness

NOW = 10_000 * SECOND


@pytest.fixture
def state():
    """Of a process whose jobs count as stuck after 30 s, as long as nothing else is known."""
    process = Process(1, "podcasts", "host", 7, 1, 0, "CPython 3.11.7", "0.1.0")
    state = LiveState(process, Anchor(0, 0), Settings(stuck_after=30))
    state.tasks = {}
    return state


def ended(name, still, outcome=OK):
    """A job that was still for so many seconds, and then ended."""
    begun = NOW - int(still * SECOND)
    return Job(1, name, "", "job", 0, 0, NOWHERE, begun, ended=NOW, outcome=outcome, progress=begun)


def learn(state, name, still, times=30, outcome=OK):
    state.fold(Batch(NOW, jobs=[ended(name, still, outcome) for _ in range(times)]))


def is_stuck(state, name, still, **fields):
    """Is a job stuck that has been still for so many seconds?"""
    moved = NOW - int(still * SECOND)
    state.jobs[9] = Job(9, name, "", "job", 0, 0, NOWHERE, moved, progress=moved, **fields)
    return bool(state.stuck_jobs(NOW))


def test_a_name_of_which_little_is_known_has_the_fixed_time(state):
    """Nineteen jobs are not enough."""
    learn(state, "podcast", 0.1, times=Stillness.LEAST_KNOWN - 1)
    assert not is_stuck(state, "podcast", 29)
    assert is_stuck(state, "podcast", 31)


def test_jobs_that_are_usually_quick_are_stuck_sooner(state):
    """But never before the floor; other names keep the fixed time."""
    learn(state, "podcast", 0.1)
    assert not is_stuck(state, "podcast", 9)
    assert is_stuck(state, "podcast", 11)
    assert not is_stuck(state, "report", 11)


def test_jobs_that_are_usually_silent_for_long_are_stuck_later(state):
    """A long poll that is answered after a minute is no alarm after half of one."""
    learn(state, "poll", 60)
    assert not is_stuck(state, "poll", 120)
    assert is_stuck(state, "poll", 500)


def test_a_few_odd_ones_change_nothing(state):
    """The quantile leaves one in a hundred out."""
    learn(state, "podcast", 0.1, times=500)
    learn(state, "podcast", 3_000, times=3)
    assert is_stuck(state, "podcast", 11)


def test_jobs_that_did_not_end_well_teach_nothing(state):
    """Somebody cancelled them because they were stuck."""
    learn(state, "podcast", 600, outcome=CANCELLED)
    assert is_stuck(state, "podcast", 31)


def test_a_job_that_moved_again_after_a_long_time_may_do_so_again(state):
    """A scheduler with its pauses needs no other job of its name."""
    assert not is_stuck(state, "scheduler", 60, stillest=40 * SECOND)
    assert is_stuck(state, "scheduler", 130, stillest=40 * SECOND)
    assert is_stuck(state, "scheduler", 31, stillest=20 * SECOND)  # no false alarm, nothing to learn


def test_a_set_time_below_the_floor_is_kept(state):
    """Who asks for two seconds gets two."""
    assert Stillness(2 * SECOND).limit("podcast") == 2 * SECOND


def test_what_is_learned_is_bounded_and_follows_changes():
    """Old jobs count less and less."""
    stillness = Stillness(30 * SECOND)
    for _ in range(10_000):
        stillness.learn("podcast", (SECOND,))
    for _ in range(10_000):
        stillness.learn("podcast", (50 * SECOND,))
    assert stillness.usual("podcast") >= 50 * SECOND
    assert sum(stillness._seen["podcast"]) <= Stillness.MOST_KNOWN


async def scheduler():
    await asyncio.sleep(60)


async def consumer():
    await asyncio.Queue().get()


async def supervisor():
    await asyncio.gather(consumer(), scheduler())


async def server():
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as serving:
        await serving.serve_forever()


@contextlib.asynccontextmanager
async def silent_peer():
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            yield reader, writer
        finally:
            writer.close()


async def listener():
    async with silent_peer() as (reader, _):
        await reader.readline()


async def asker():
    async with silent_peer() as (reader, writer):
        writer.write(b"who is there?\n")
        await reader.readline()


async def forgotten():
    await asyncio.Event().wait()


async def half_asleep():
    await asyncio.gather(consumer(), forgotten())


async def outer():
    with loopscope.job("inner"):
        await forgotten()


BY_DESIGN = (scheduler, consumer, supervisor, server, listener)
STUCK = (asker, forgotten, half_asleep, outer)


def test_what_waits_by_design_is_not_stuck(observe):
    """Schedulers, idle consumers, servers and listeners; those who wait for an answer or a signal are."""
    seen = observe()

    async def work(program):
        with loopscope.job(program.__name__):
            await program()

    async def main():
        tasks = [asyncio.create_task(work(program)) for program in (*BY_DESIGN, *STUCK)]
        await asyncio.sleep(0.8)  # until their await chains were read
        seen.state.refresh_progress()
        found = {job.name for job in seen.state.stuck_jobs(now() + 60 * SECOND)}
        seen.state.accused = frozenset(job.id for job in seen.state.jobs.values() if job.name == "consumer")
        accused = {job.name for job in seen.state.stuck_jobs(now() + 60 * SECOND)} - found
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return found, accused

    found, accused = asyncio.run(main())
    assert found == {program.__name__ for program in STUCK} | {"inner"}
    assert accused == {"consumer"}


def test_a_job_moves_with_the_jobs_inside_it(observe):
    """A job that waits for an inner one makes progress when that does."""
    seen = observe()

    async def main():
        with loopscope.job("outer") as around, loopscope.job("inner"):
            await asyncio.sleep(0.3)
            moment = now()
            await asyncio.sleep(0)
            seen.state.refresh_progress()
            assert around.progress >= moment

    asyncio.run(main())
