"""Who cancelled whom: the task that did so and its line, wherever the cancelled one waited for something."""

from __future__ import annotations

import asyncio
import inspect
import linecache
import threading

import anyio
import pytest

from loopscope.records import CANCELLED, ERROR, OK

LONG = 30.0


async def victim():
    await asyncio.sleep(LONG)


def said(record):
    """The text of the line that a record says it was cancelled at."""
    _, place = record.cancelled
    return linecache.getline(place.file, place.line).strip()


async def started(coroutine):
    """A task that waits already: one that has not begun has nothing to be woken by."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    return task


def test_a_cancelled_task_names_the_task_and_the_line(seen):
    """The line is that of the call, the task the one that ran it."""

    async def stops(task):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def main():
        await asyncio.create_task(stops(await started(victim())))

    seen.run(main())
    cancelled = seen.task("victim")
    assert cancelled.outcome == CANCELLED
    assert cancelled.cancelled[0] == seen.task("stops").id
    assert said(cancelled) == "task.cancel()"
    assert seen.task("main").cancelled is None


def test_a_cancellation_that_is_handed_on_has_one_author(seen):
    """The task it was meant for, the tasks that one waits for, and what `gather` gathers."""

    async def outer():
        inner = asyncio.create_task(victim())
        await asyncio.gather(inner)

    async def middle():
        await asyncio.create_task(outer())

    async def main():
        task = await started(middle())
        while len(asyncio.all_tasks()) < 4:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())
    author = seen.task("main").id
    for name in ("middle", "outer", "victim"):
        assert seen.task(name).outcome == CANCELLED
        assert seen.task(name).cancelled[0] == author, name
        assert said(seen.task(name)) == "task.cancel()", name


def test_a_task_group_that_fails_names_the_sibling_and_its_line(seen):
    """Who failed is the cause of the others' end."""

    async def fails():
        await asyncio.sleep(0)
        raise LookupError("theirs")

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(victim())
            group.create_task(fails())

    with pytest.raises(ExceptionGroup):
        asyncio.run(main())
    seen.finish()
    assert seen.task("victim").cancelled[0] == seen.task("fails").id
    assert said(seen.task("victim")) == 'raise LookupError("theirs")'


def test_tasks_that_have_not_begun_are_known_to_their_group(seen):
    """They wait for nothing that could be cancelled; the line is that of the group."""

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(victim())
            raise LookupError("theirs")

    with pytest.raises(ExceptionGroup):
        asyncio.run(main())
    seen.finish()
    assert seen.task("victim").cancelled[0] == seen.task("main").id
    assert said(seen.task("victim")) == "async with asyncio.TaskGroup() as group:"


def test_a_time_out_is_nobodys_doing_and_names_its_place(seen):
    """The task survives it as a rule; that it was cancelled stays on record."""

    async def hurried():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.sleep(LONG)

    async def main():
        await asyncio.create_task(hurried())

    seen.run(main())
    record = seen.task("hurried")
    assert record.outcome == OK
    by, place = record.cancelled
    assert by == 0
    assert place.function == "Timeout._on_timeout"


def test_the_end_of_the_program_names_the_line_that_ran_it(seen):
    """What is left over is cancelled by the runner, which no task is."""

    async def main():
        main.kept = await started(victim())

    seen.run(main())
    record = seen.task("victim")
    assert record.cancelled[0] == 0
    assert said(record) == "asyncio.run(program)"


def test_a_scope_of_anyio_names_the_line_that_cancels_it(seen):
    """Its tasks are cancelled by the library on behalf of that line."""

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(victim)
            await anyio.sleep(0.001)
            group.cancel_scope.cancel()

    seen.run(main())
    record = seen.task("victim")
    assert record.cancelled[0] == seen.task("main").id
    assert said(record) == "group.cancel_scope.cancel()"


def test_a_future_that_is_cancelled_under_its_waiter_counts(seen):
    """The task is told of a cancellation that was not meant for it; the author is the same."""

    async def waits(future):
        await future

    async def main():
        future = asyncio.get_running_loop().create_future()
        task = await started(waits(future))
        future.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())
    assert said(seen.task("waits")) == "future.cancel()"


def test_a_cancellation_from_another_thread_has_a_line_and_no_task(seen):
    """It is a fault of its own that the loop was not woken; here it is awake."""

    async def main():
        task = await started(victim())
        thread = threading.Thread(target=lambda: task.cancel())  # noqa: PLW0108  # the line is what is tested
        thread.start()
        thread.join()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())
    record = seen.task("victim")
    assert record.cancelled[0] == 0
    assert "task.cancel()" in said(record)


def test_what_is_not_cancelled_has_no_author(seen):
    """Nor has a task that ends by itself, or by an exception of its own."""

    async def fails():
        await asyncio.sleep(0)
        raise LookupError("theirs")

    async def main():
        await asyncio.gather(fails(), asyncio.sleep(0), return_exceptions=True)

    batch = seen.run(main())
    assert seen.task("fails").outcome == ERROR
    assert [task for task in batch.tasks if task.cancelled is not None] == []


def test_a_loop_that_does_more_in_this_place_is_left_alone(monkeypatch, observe):
    """The hook does the loop's own four lines itself, and only as long as it knows them."""

    def _call_soon(self, callback, args, context):
        self.asked = True
        return inspect.unwrap(asyncio.BaseEventLoop.call_soon)

    monkeypatch.setattr(asyncio.BaseEventLoop, "_call_soon", _call_soon)
    observe()
    assert asyncio.BaseEventLoop._call_soon is _call_soon
