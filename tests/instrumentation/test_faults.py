"""Tasks that are lost, fail unheard, outlive their job, or lose their loop or executor."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import loopscope
from loopscope import aftermath
from loopscope.aftermath import Aftermath
from loopscope.clock import now
from loopscope.fault_kinds import CLOSED_UNDER, COLLECTED, OUTLIVED, UNRETRIEVED
from loopscope.records import Batch


async def speak(text="hello"):
    await asyncio.sleep(0)
    return text


def test_a_collected_task_is_a_fault_with_creation_site_and_the_line_it_stood_on(seen, line_of, caplog):
    """The record has both: where the reference should have been kept, and what was never to come."""

    async def forgotten():
        await asyncio.Event().wait()  # stands here

    async def main():
        asyncio.get_running_loop().create_task(forgotten())  # nobody keeps it
        await asyncio.sleep(0)
        gc.collect()

    seen.run(main())
    fault = seen.fault(COLLECTED)
    assert fault.site.line == line_of("nobody keeps it")
    assert fault.place.line == line_of("stands here")
    assert fault.task.coroutine == fault.subject
    assert "Task was destroyed but it is pending" in caplog.text


def test_a_collected_task_stands_where_it_was_last_seen(seen, line_of, caplog):
    """The garbage collector closes the coroutine first, so its line has to be known from before."""

    async def forgotten():
        await asyncio.get_running_loop().create_future()  # was seen here

    async def main():
        asyncio.get_running_loop().create_task(forgotten())
        await asyncio.sleep(0.5)
        gc.collect()

    gc.disable()  # it must not be collected before anybody looked
    try:
        seen.run(main())
    finally:
        gc.enable()
    assert seen.fault(COLLECTED).place.line == line_of("was seen here")


def test_tasks_of_a_gather_that_nobody_kept_are_collected_without_a_word(seen, line_of, caplog):
    """What `gather` makes does not complain; the record does."""

    async def forgotten():
        await asyncio.Event().wait()

    async def main():
        asyncio.gather(forgotten(), forgotten())  # thrown away
        await asyncio.sleep(0.3)
        gc.collect()
        await asyncio.sleep(0.6)

    batch = seen.run(main())
    assert [fault.kind for fault in batch.faults] == [COLLECTED, COLLECTED]
    assert {fault.site.line for fault in batch.faults} == {line_of("thrown away")}
    assert caplog.text == ""


def test_an_unstarted_task_that_dies_is_one_fault(seen, caplog):
    """Its coroutine, which dies with it, is no second one."""
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(speak())]
    loop._ready.clear()
    with pytest.warns(RuntimeWarning, match="never awaited"):
        tasks.clear()
    loop.close()
    batch = seen.finish()
    assert [fault.kind for fault in batch.faults] == [COLLECTED]


def test_an_exception_nobody_looks_at_is_a_fault_when_its_task_dies(seen, line_of, caplog):
    """What asyncio logs then is on record with the line that raised."""

    async def fails():
        raise KeyError("secret value")  # raises

    async def main():
        asyncio.get_running_loop().create_task(fails())  # started
        await asyncio.sleep(0.01)

    seen.run(main())
    fault = seen.fault(UNRETRIEVED)
    assert (fault.exception, fault.place.line, fault.site.line) == (
        "KeyError",
        line_of("raises"),
        line_of("started"),
    )
    assert fault.ended == fault.at
    assert "exception was never retrieved" in caplog.text
    assert "secret" not in repr(fault)


def failing_task(seen, retrieve):
    """A failed task that is kept: what stands long after its end, and what when `retrieve` was called."""
    state, look = seen.state, Aftermath(seen.state).look

    async def fails():
        raise KeyError

    async def main():
        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        look(Batch(0), now() + 2 * aftermath.LOOK_AFTER)
        before = list(state.open_faults.values())
        retrieve(task)
        look(Batch(0), now() + 3 * aftermath.LOOK_AFTER)
        return before, list(state.open_faults.values())

    return asyncio.run(main())


def test_an_exception_of_a_task_that_is_kept_is_a_fault_until_somebody_retrieves_it(seen):
    """Long before the task dies, which may be never."""
    before, after = failing_task(seen, lambda task: task.exception())
    (fault,) = before
    assert (fault.kind, fault.exception, fault.ended) == (UNRETRIEVED, "KeyError", 0)
    assert after == []
    assert seen.finish().faults == []


def test_looking_at_a_failed_task_does_not_retrieve_its_exception(seen, caplog):
    """The loop still hears of it when it dies, and the fault ends there."""
    before, after = failing_task(seen, lambda task: None)
    assert before == after
    gc.collect()
    assert "exception was never retrieved" in caplog.text
    seen.finish()
    fault = seen.fault(UNRETRIEVED)
    assert fault is before[0]
    assert fault.ended > fault.at


def test_a_loop_closed_under_pending_tasks_names_them_and_the_line_that_closed_it(seen, line_of, caplog):
    """What is pending then never goes on."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(asyncio.sleep(9))
    loop.run_until_complete(speak())
    loop.close()  # closed under it
    seen.finish()
    fault = seen.fault(CLOSED_UNDER)
    assert (fault.subject, fault.place.line) == ("sleep", line_of("closed under it"))
    del task
    gc.collect()


def test_an_executor_that_drops_what_is_queued_names_the_items_and_the_line(seen, line_of):
    """What runs already is finished, what is queued is cancelled."""
    begun = threading.Event()
    go_on = threading.Event()

    def work():
        begun.set()
        go_on.wait(5)

    pool = ThreadPoolExecutor(1)
    for _ in range(3):
        pool.submit(work)  # submitted
    begun.wait(5)
    pool.shutdown(wait=False, cancel_futures=True)  # dropped with it
    go_on.set()
    pool.shutdown()
    dropped = [fault for fault in seen.finish().faults if fault.kind == CLOSED_UNDER]
    assert len(dropped) == 2
    assert {fault.site.line for fault in dropped} == {line_of("submitted")}
    assert {fault.place.line for fault in dropped} == {line_of("dropped with it")}


def test_a_task_that_outlives_its_job_is_noted_with_the_job(seen):
    """The job's row says that it ended, the fault says what of it went on."""

    async def straggler():
        await asyncio.sleep(0.3)

    async def main():
        with loopscope.job("podcast"):
            task = asyncio.create_task(straggler())
        await task

    seen.run(main())
    fault = seen.fault(OUTLIVED)
    assert fault.subject.endswith("straggler")
    assert fault.job.name == "podcast"
