"""Tasks that do not hear their cancellation, and those that merely tidy up."""

from __future__ import annotations

import asyncio

from loopscope import aftermath, context
from loopscope.aftermath import Aftermath
from loopscope.clock import now
from loopscope.records import Batch


async def deaf():
    for _ in range(2):
        try:
            await asyncio.sleep(60)
        except BaseException:  # swallows
            continue


async def tries_again():
    for _ in range(2):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # takes a pause
            await asyncio.sleep(0.1)
        else:
            break


async def tidy():
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(60)


async def passes_on():
    await asyncio.create_task(deaf())


def deaf_after_cancel(seen, coroutine):
    """The faults that stand when a task has been cancelled and goes on for a while."""

    async def main():
        task = asyncio.create_task(coroutine())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.01)
        looking = Aftermath(seen.state)
        looking.look_at_cancelled(now())
        looking.look_at_cancelled(now() + 2 * aftermath.PATIENCE)
        stand = [(fault.subject, fault.place.line) for fault in seen.state.open_faults.values()]
        task.cancel()
        await asyncio.wait([task])
        return stand

    return asyncio.run(main())


def test_a_deaf_task_that_has_ended_is_deaf_no_more_by_the_last_look(seen):
    """The process may be over before anybody goes through the cancelled ones again."""

    async def main():
        task = asyncio.create_task(deaf())
        await asyncio.sleep(0.01)
        record = context.open_tasks[id(task)]
        task.cancel()
        await asyncio.sleep(0.01)
        looking = Aftermath(seen.state)
        looking.look_at_cancelled(now())
        looking.look_at_cancelled(now() + 2 * aftermath.PATIENCE)
        (fault,) = seen.state.open_faults.values()
        task.cancel()
        await asyncio.wait([task])
        last = Batch(0, tasks=[record])
        looking.look(last, now())
        assert last.faults == [fault]
        assert fault.ended == record.ended > fault.at
        assert not seen.state.open_faults

    asyncio.run(main())


def test_a_task_that_swallows_its_cancellation_names_the_handler(seen, line_of):
    """The line is the `except` that took it."""
    assert deaf_after_cancel(seen, deaf) == [("deaf", line_of("swallows"))]


def test_a_task_that_takes_a_pause_and_tries_again_is_deaf(seen, line_of):
    """It stands in the handler, which leads back into the loop."""
    assert deaf_after_cancel(seen, tries_again) == [("tries_again", line_of("takes a pause"))]


def test_a_task_that_tidies_up_is_not_deaf(seen):
    """It stands in a `finally`: it has understood."""
    assert deaf_after_cancel(seen, tidy) == []


def test_a_cancellation_that_was_passed_on_is_not_swallowed_by_the_one_that_waits(seen, line_of):
    """The awaited task is deaf, not the one that awaits it."""
    assert deaf_after_cancel(seen, passes_on) == [("deaf", line_of("swallows"))]
