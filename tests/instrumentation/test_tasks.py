"""Task lifecycle: what is recorded of tasks, and that they do not notice."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

import loopscope
from loopscope.clock import now
from loopscope.context import open_tasks
from loopscope.records import CANCELLED, DESTROYED_PENDING, ERROR, NEVER_STARTED, NOWHERE, OK
from loopscope.strangers import Strangers


async def nothing():
    await asyncio.sleep(0)


def test_a_task_has_creation_site_parent_and_times(seen):
    """The site is the user's line, also behind gather; the parent is the task that created it."""

    async def parent():
        await asyncio.gather(nothing())

    seen.run(parent())
    child, creator = seen.task("nothing"), seen.task("parent")
    assert child.site.file == __file__
    assert child.site.function.endswith("parent")
    assert child.parent == creator.id
    assert child.created <= child.first_run < child.ended
    assert child.steps == 2
    assert child.outcome == OK
    assert child.name.startswith("Task-")


def test_outcomes_tell_how_a_task_ended(seen):
    """Errors carry type and line, cancellation is none of them."""

    async def fails():
        raise KeyError("secret value")

    async def main():
        failing, cancelled = asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(9), name="nine")
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(failing, cancelled, return_exceptions=True)

    batch = seen.run(main())
    failed = seen.task("fails")
    assert (failed.outcome, failed.exception) == (ERROR, "KeyError")
    assert failed.raised_at.function.endswith("fails")
    assert "secret" not in repr(failed)
    (cancelled,) = [t for t in batch.tasks if t.name == "nine"]
    assert cancelled.outcome == CANCELLED


def test_a_task_nobody_holds_is_still_collected_and_recorded_as_destroyed(seen, caplog):
    """We keep no reference: asyncio's own message appears, and the record says what happened."""

    async def forgotten():
        await asyncio.get_running_loop().create_future()

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        gc.disable()  # not before its name was seen
        asyncio.create_task(forgotten(), name="notes")  # noqa: RUF006  # that is the fault under test
        await asyncio.sleep(0.4)
        gc.enable()
        gc.collect()
        deadline = time.monotonic() + 5
        while not [t for t in seen.batch.tasks if t.outcome == DESTROYED_PENDING]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    seen.run(main())
    task = seen.task("forgotten")
    assert (task.outcome, task.name, task.steps) == (DESTROYED_PENDING, "notes", 1)
    (wait,) = [wait for wait in seen.batch.waits if wait.task is task]
    assert (wait.kind, wait.outcome) == ("future", DESTROYED_PENDING)


def test_a_task_that_never_ran_is_told_from_one_that_was_left_waiting(seen):
    """Its loop was closed before the first step."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(nothing())
    coroutine = task.get_coro()
    loop.close()
    del task
    coroutine.close()
    gc.collect()
    deadline = time.monotonic() + 5
    while not seen.batch.tasks:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert seen.task("nothing").outcome == NEVER_STARTED


def test_long_steps_become_slices(seen):
    """Only what runs longer than the threshold without a pause."""

    async def main():
        time.sleep(0.03)
        await asyncio.sleep(0)
        time.sleep(0.001)

    batch = seen.run(main())
    (slice_,) = batch.slices
    assert slice_.task is seen.task("main")
    assert slice_.ended - slice_.started >= 30_000_000
    assert seen.task("main").running >= slice_.ended - slice_.started


def test_nothing_of_a_task_changes(seen):
    """No callback in its repr, no factory, no wrapper around its coroutine, no look at its exception."""

    async def fails():
        raise ValueError

    async def main():
        unretrieved = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unretrieved.append(context["message"]))
        coroutine = fails()
        task = asyncio.create_task(coroutine, name="mine")
        assert "cb=" not in repr(task)
        assert task.get_coro() is coroutine
        assert loop.get_task_factory() is None
        assert task.get_name() == "mine"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task, coroutine
        gc.collect()
        assert unretrieved == ["Task exception was never retrieved"]

    seen.run(main())
    assert seen.task("fails").outcome == ERROR


def test_a_callback_that_is_a_method_of_a_task_may_fail(seen):
    """It is no step: its error goes to the loop's exception handler, and the loop goes on."""

    async def main():
        said = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: said.append(context))
        task = asyncio.create_task(nothing())
        loop.call_soon(task.set_result, 1)
        await task
        (context,) = said
        assert "set_result" in context["message"]
        assert isinstance(context["exception"], RuntimeError)
        assert context["handle"] is not None

    seen.run(main())
    assert seen.task("nothing").outcome == OK


def test_a_step_that_ends_the_program_is_recorded_like_any_other(seen):
    """SystemExit leaves the loop; the task and the time it kept the loop are not lost."""

    async def leaves():
        time.sleep(0.15)
        raise SystemExit(3)

    async def main():
        await asyncio.create_task(leaves())

    with pytest.raises(SystemExit):
        asyncio.run(main())
    batch = seen.finish()
    left = seen.task("leaves")
    assert (left.outcome, left.exception) == (ERROR, "SystemExit")
    assert [b.task for b in batch.blocks] == [left]
    assert not seen.state.tasks


def test_a_task_of_another_make_runs(seen):
    """A factory may give something that has a step and no name."""

    class Plain(asyncio.Future):
        def __init__(self, coroutine, loop):
            super().__init__(loop=loop)
            self.coroutine = coroutine
            loop.call_soon(self.advance)

        def set_name(self, name):
            pass

        def advance(self):
            try:
                self.coroutine.send(None)
            except StopIteration as end:
                self.set_result(end.value)

    async def give():
        return 5

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coroutine, **_: Plain(coroutine, loop))
        assert await loop.create_task(give()) == 5
        loop.set_task_factory(None)

    asyncio.run(main())
    assert seen.state.faults.pop("task") == 1
    seen.finish()


def test_a_running_loop_can_be_instrumented(observe):
    """Tasks made from then on are seen, with their waits and the loop's lag."""

    async def main():
        seen = observe()
        await asyncio.gather(nothing(), nothing())
        return seen

    seen = asyncio.run(main())
    batch = seen.finish()
    assert [t.outcome for t in batch.tasks if t.coroutine == "nothing"] == [OK, OK]
    assert seen.state.lag.count > 0


def test_open_tasks_can_be_bounded(observe):
    """What is over the bound is counted as dropped, and runs as ever."""
    seen = observe(max_open=3)

    async def main():
        await asyncio.gather(*(nothing() for _ in range(10)))

    asyncio.run(main())
    assert seen.state.dropped["task"] >= 8
    assert len([t for t in seen.batch.tasks if t.coroutine == "nothing"]) <= 3


def test_open_jobs_and_work_items_can_be_bounded(observe):
    """The same: what is over the bound is counted, and its program gets its results."""
    seen = observe(max_open=2)

    async def main():
        jobs = [loopscope.job(f"job {number}") for number in range(4)]
        for job in jobs:
            job.__enter__()
        assert len(seen.state.jobs) == 2
        for job in reversed(jobs):
            job.__exit__(None, None, None)
        return await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.05) for _ in range(4)))

    assert asyncio.run(main()) == [None] * 4
    loopscope.uninstrument()
    assert seen.state.dropped["job"] == 2
    assert seen.state.dropped["workitem"] >= 2
    assert sum(job.name.startswith("job") for job in seen.batch.jobs) == 2


def test_a_task_that_failed_goes_with_its_last_reference(seen):
    """Its traceback leads to our frame below it, which holds neither the task nor its handle."""

    async def fails():
        raise ValueError

    async def main():
        said = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["message"]))
        asyncio.create_task(fails())  # noqa: RUF006  # nobody holds it: that is what is tested
        asyncio.Task(fails(), loop=asyncio.get_running_loop())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert said == ["Task exception was never retrieved"] * 2

    gc.disable()
    try:
        seen.run(main())
    finally:
        gc.enable()


def test_a_task_made_without_its_loop_is_found_at_the_second_look(seen):
    """As aiohttp's server makes them. The first look may have come in the middle of a `create_task`."""
    looking = Strangers()

    async def handle():
        await asyncio.sleep(0.05)

    async def main():
        task = asyncio.Task(handle(), loop=asyncio.get_running_loop())
        await asyncio.sleep(0)
        for _ in range(2):
            assert id(task) not in open_tasks
            looking.look(now())
        await task

    seen.run(main())
    found = seen.task("handle")
    assert (found.outcome, found.site) == (OK, NOWHERE)


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_what_debug_mode_notes_of_a_task_is_the_programs(observe, compiled):
    """Where it was created, which asyncio says of a task that was destroyed, or took long."""

    async def main():
        tasks = [asyncio.create_task(asyncio.sleep(0)), asyncio.ensure_future(asyncio.sleep(0))]
        told = [[entry.name for entry in task._source_traceback] for task in tasks]
        await asyncio.gather(*tasks)
        return [names[names.index("main") :] for names in told]

    bare = asyncio.run(main(), debug=True)
    assert bare[0] == ["main", "create_task"]
    seen = observe(compiled=compiled)
    assert asyncio.run(main(), debug=True) == bare
    seen.finish()


@pytest.mark.parametrize("odd", [False, True])
def test_a_factory_of_the_programs_keeps_its_own_line(observe, odd):
    """In debug mode its frame is the innermost; and its tasks may remember something else."""

    class Odd(asyncio.Task):
        _source_traceback = object()

    def factory(loop, coroutine, **options):
        return (Odd if odd else asyncio.Task)(coroutine, loop=loop, **options)

    seen = observe()
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    loop.set_task_factory(factory)
    task = loop.create_task(asyncio.sleep(0))
    if not odd:
        assert task._source_traceback[-1].name == "factory"
    loop.set_task_factory(None)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    seen.finish()
