"""Jobs: opening them, what belongs to them, and when they count as stuck."""

from __future__ import annotations

import asyncio
import inspect

import pytest

import loopscope
from loopscope.records import CANCELLED, ERROR, OK


async def child():
    await asyncio.sleep(0)


def test_everything_a_job_spawns_belongs_to_it(seen):
    """Tasks of tasks too; what is outside does not."""

    async def parent():
        await asyncio.create_task(child())

    async def main():
        await asyncio.create_task(child(), name="before")
        with loopscope.job("podcast", key=7):
            await asyncio.create_task(parent())

    batch = seen.run(main())
    (job,) = batch.jobs
    assert (job.name, job.key, job.kind, job.outcome) == ("podcast", "7", "job", OK)
    assert job.root_task == seen.task("main").id
    assert job.site.function.endswith("main")
    belonging = {t.coroutine.split(".")[-1] for t in batch.tasks if t.job is job}
    assert belonging == {"child", "parent"}
    assert [t.job for t in batch.tasks if t.name == "before"] == [None]


def test_the_decorator_names_the_job_after_the_function_and_keeps_its_face(seen):
    """Coroutine functions stay coroutine functions; functions stay functions."""

    @loopscope.job
    async def render(number: int) -> int:
        """Renders."""
        return number + 1

    @loopscope.job("billing", key="all")
    def bill() -> str:
        return "done"

    assert inspect.iscoroutinefunction(render)
    assert render.__name__ == "render"
    assert render.__doc__ == "Renders."

    async def main():
        assert await render(1) == 2
        assert bill() == "done"

    batch = seen.run(main())
    assert [(j.name, j.key) for j in batch.jobs] == [("render", ""), ("billing", "all")]


def test_a_job_tells_how_it_ended(seen):
    """An exception passes through and is named; cancellation is told from it."""

    async def cancelled():
        async with loopscope.job("cancelled"):
            await asyncio.sleep(60)

    async def main():
        with pytest.raises(ZeroDivisionError), loopscope.job("failing"):
            1 / 0  # noqa: B018
        task = asyncio.create_task(cancelled())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    batch = seen.run(main())
    assert [(j.outcome, j.exception) for j in batch.jobs] == [
        (ERROR, "ZeroDivisionError"),
        (CANCELLED, "CancelledError"),
    ]


def test_jobs_nest(seen):
    """The inner one knows the outer one, and afterwards work belongs to the outer one again."""

    async def main():
        with loopscope.job("outer"):
            with loopscope.job("inner"):
                pass
            await asyncio.create_task(child())

    batch = seen.run(main())
    inner, outer = batch.jobs
    assert inner.parent == outer.id
    assert seen.task("child").job is outer


def test_a_job_without_progress_is_stuck_and_one_with_progress_is_not(observe):
    """Progress is any step of any of its tasks."""
    seen = observe(stuck_after=0.3)

    async def still(until):
        with loopscope.job("still"):
            await until.wait()

    async def moving():
        with loopscope.job("moving"):
            for _ in range(18):
                await asyncio.sleep(0.05)

    async def main():
        until = asyncio.Event()
        jobs = asyncio.gather(still(until), moving())
        await asyncio.sleep(0.7)
        seen.state.refresh_progress()
        stuck = [job.name for job in seen.state.stuck_jobs(loopscope.clock.now())]
        assert stuck == ["still"]
        until.set()
        await jobs

    seen.run(main())
    assert len(seen.batch.jobs) == 2


def test_without_instrument_a_job_changes_nothing():
    """A library can use it and be run without us."""

    @loopscope.job
    async def work():
        return 3

    assert asyncio.run(work()) == 3


def test_misuse_is_a_sentence():
    """What was given, what is expected, what to do."""
    with pytest.raises(TypeError, match=r"got 7; expected a name, as in job\('podcast', key=7\)"):
        loopscope.job(7)

    def numbers():
        yield 1

    with pytest.raises(TypeError, match="Open the job inside it"):
        loopscope.job(numbers)

    job = loopscope.job("once")
    with job, pytest.raises(RuntimeError, match="already open; make a new"), job:
        pass
