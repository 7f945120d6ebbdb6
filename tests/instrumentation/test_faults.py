"""Lifecycle faults: what goes wrong in a task's life without anybody being told, and who did it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import loopscope
from loopscope import aftermath, context
from loopscope.aftermath import Aftermath
from loopscope.clock import now
from loopscope.fault_kinds import (
    CLOSED_UNDER,
    COLLECTED,
    NEVER_AWAITED,
    OUTLIVED,
    OVER_RELEASED,
    UNRETRIEVED,
    WRONG_THREAD,
)
from loopscope.recorder import recorder
from loopscope.records import Batch

SECOND = 1_000_000_000


async def speak(text="hello"):
    await asyncio.sleep(0)
    return text


def line_of(mark):
    """The line of this file that ends with a comment of that name."""
    lines = Path(__file__).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
    return number


def only(batch, kind):
    (fault,) = [fault for fault in batch.faults if fault.kind == kind]
    return fault


def test_a_coroutine_never_awaited_names_the_line_that_made_it(seen):
    """The warning comes as ever, with the same words about the same line."""

    async def main():
        speak("into the void")  # forgotten await

    with pytest.warns(RuntimeWarning, match="'speak' was never awaited") as said:
        batch = seen.run(main())
    fault = only(batch, NEVER_AWAITED)
    assert (fault.subject, fault.place.file) == ("speak", __file__)
    assert fault.place.line == line_of("forgotten await")
    assert [(one.filename, one.lineno) for one in said] == [(__file__, fault.place.line)]


def test_a_coroutine_kept_in_a_variable_and_forgotten_names_the_call(seen):
    """It dies at the end of the function, or when a collection is emptied; the call is above."""

    def announce():
        pending = [speak("later")]  # kept and forgotten
        time.sleep(0)
        pending.clear()

    async def main():
        announce()

    with pytest.warns(RuntimeWarning, match="never awaited"):
        batch = seen.run(main())
    assert only(batch, NEVER_AWAITED).place.line == line_of("kept and forgotten")


def fetch_all():
    return [never_mentioned() for _ in range(2)]  # made and handed out


async def never_mentioned():
    """Its only mention is the call."""


def test_coroutines_handed_out_and_dropped_elsewhere_name_the_only_mention(seen):
    """Where they die nobody knows their name."""

    async def main():
        for coroutine in fetch_all():
            repr(coroutine)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = seen.run(main())
    assert {fault.place.line for fault in batch.faults} == {line_of("made and handed out")}


async def on_timer():
    """A callback that should have been a plain function."""


def arm(loop):
    loop.call_later(0.001, on_timer)  # callback is a coroutine function


def test_a_callback_that_is_a_coroutine_function_names_who_mentions_it(seen):
    """Below the loop there is no line of the user's; the one place that hands it over is."""

    async def main():
        arm(asyncio.get_running_loop())
        await asyncio.sleep(0.01)

    with pytest.warns(RuntimeWarning, match="never awaited"):
        batch = seen.run(main())
    assert only(batch, NEVER_AWAITED).place.line == line_of("callback is a coroutine function")


def test_the_warning_as_an_error_stays_one(seen, monkeypatch):
    """With `-W error` the interpreter reports what the filter raises, and goes on."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: unraisable.append(type(it.exc_value)))

    async def main():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            speak()

    assert only(seen.run(main()), NEVER_AWAITED).subject == "speak"
    assert unraisable == [RuntimeWarning]


def test_a_collected_task_is_a_fault_with_creation_site_and_the_line_it_stood_on(seen, caplog):
    """The record has both: where the reference should have been kept, and what was never to come."""

    async def forgotten():
        await asyncio.Event().wait()  # stands here

    async def main():
        asyncio.get_running_loop().create_task(forgotten())  # nobody keeps it
        await asyncio.sleep(0)
        gc.collect()

    batch = seen.run(main())
    fault = only(batch, COLLECTED)
    assert fault.site.line == line_of("nobody keeps it")
    assert fault.place.line == line_of("stands here")
    assert fault.task.coroutine == fault.subject
    assert "Task was destroyed but it is pending" in caplog.text


def test_a_collected_task_stands_where_it_was_last_seen(seen, caplog):
    """The garbage collector closes the coroutine first, so its line has to be known from before."""

    async def forgotten():
        await asyncio.get_running_loop().create_future()  # was seen here

    async def main():
        asyncio.get_running_loop().create_task(forgotten())
        await asyncio.sleep(0.5)
        gc.collect()

    assert only(seen.run(main()), COLLECTED).place.line == line_of("was seen here")


def test_tasks_of_a_gather_that_nobody_kept_are_collected_without_a_word(seen, caplog):
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


def test_an_exception_nobody_looks_at_is_a_fault_when_its_task_dies(seen, caplog):
    """What asyncio logs then is on record with the line that raised."""

    async def fails():
        raise KeyError("secret value")  # raises

    async def main():
        asyncio.get_running_loop().create_task(fails())  # started
        await asyncio.sleep(0.01)

    fault = only(seen.run(main()), UNRETRIEVED)
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
    fault = only(seen.finish(), UNRETRIEVED)
    assert fault is before[0]
    assert fault.ended > fault.at


def test_a_loop_closed_under_pending_tasks_names_them_and_the_line_that_closed_it(seen, caplog):
    """What is pending then never goes on."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(asyncio.sleep(9))
    loop.run_until_complete(speak())
    loop.close()  # closed under it
    fault = only(seen.finish(), CLOSED_UNDER)
    assert (fault.subject, fault.place.line) == ("sleep", line_of("closed under it"))
    del task
    gc.collect()


def test_an_executor_that_drops_what_is_queued_names_the_items_and_the_line(seen):
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

    fault = only(seen.run(main()), OUTLIVED)
    assert fault.subject.endswith("straggler")
    assert fault.job.name == "podcast"


@pytest.mark.parametrize("signal_it", ["event", "future"])
def test_work_from_another_thread_that_wakes_nobody_names_the_line(seen, signal_it):
    """`Event.set` is Python and `Future.set_result` is C; both are heard while the loop sleeps."""
    ready = threading.Event()
    made = {}

    def foreign():
        ready.wait(5)
        time.sleep(0.05)
        (made["event"].set if signal_it == "event" else lambda: made["future"].set_result(1))()  # foreign

    async def main():
        made.update(event=asyncio.Event(), future=asyncio.get_running_loop().create_future())
        ready.set()
        async with asyncio.timeout(0.4):
            await (made["event"].wait() if signal_it == "event" else made["future"])

    thread = threading.Thread(target=foreign, name="producer")
    thread.start()
    batch = seen.run(main())
    thread.join()
    fault = only(batch, WRONG_THREAD)
    assert fault.place.line == line_of("foreign")
    assert fault.detail == "producer"
    assert fault.task.coroutine.endswith("main")
    assert fault.ended - fault.at > SECOND / 10
    if signal_it == "event":
        assert fault.resource.kind == "event"


def test_a_timer_from_another_thread_is_late_from_when_it_is_due(seen):
    """A sleeping loop does not look at its timers; one that is due after it woke has lost nothing."""
    ready = threading.Event()
    made = {}

    def foreign():
        ready.wait(5)
        time.sleep(0.05)
        made["loop"].call_later(0.05, made["event"].set)  # late
        made["loop"].call_later(60, print)

    async def main():
        made.update(loop=asyncio.get_running_loop(), event=asyncio.Event())
        ready.set()
        async with asyncio.timeout(0.4):
            await made["event"].wait()

    thread = threading.Thread(target=foreign)
    thread.start()
    with contextlib.suppress(TimeoutError):
        seen.run(main())
    thread.join()
    fault = only(seen.finish(), WRONG_THREAD)
    assert fault.place.line == line_of("late")
    assert fault.ended - fault.at > SECOND / 10


def test_work_handed_over_as_it_should_be_is_no_fault(seen):
    """`call_soon_threadsafe` wakes the loop; signals' handlers and the loop's own callbacks are its own."""

    async def main():
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: (time.sleep(0.02), loop.call_soon_threadsafe(event.set)))
        thread.start()
        await event.wait()
        await asyncio.to_thread(time.sleep, 0.01)
        loop.call_later(0.01, event.set)
        event.clear()
        await event.wait()
        assert "call_soon" not in vars(loop)
        thread.join()

    assert [fault for fault in seen.run(main()).faults if fault.kind == WRONG_THREAD] == []


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


def test_a_task_that_swallows_its_cancellation_names_the_handler(seen):
    """The line is the `except` that took it."""
    assert deaf_after_cancel(seen, deaf) == [("deaf", line_of("swallows"))]


def test_a_task_that_takes_a_pause_and_tries_again_is_deaf(seen):
    """It stands in the handler, which leads back into the loop."""
    assert deaf_after_cancel(seen, tries_again) == [("tries_again", line_of("takes a pause"))]


def test_a_task_that_tidies_up_is_not_deaf(seen):
    """It stands in a `finally`: it has understood."""
    assert deaf_after_cancel(seen, tidy) == []


def test_a_cancellation_that_was_passed_on_is_not_swallowed_by_the_one_that_waits(seen):
    """The awaited task is deaf, not the one that awaits it."""
    assert deaf_after_cancel(seen, passes_on) == [("deaf", line_of("swallows"))]


def test_a_release_without_an_acquire_names_the_line(seen):
    """The acquire ran into its time-out and `finally` releases all the same, while others hold permits."""

    async def search(permits, seconds):
        try:
            await asyncio.wait_for(permits.acquire(), 0.02)
            await asyncio.sleep(seconds)
        except TimeoutError:
            pass
        finally:
            permits.release()  # nobody had it

    async def main():
        permits = asyncio.Semaphore(2)
        await asyncio.gather(*(search(permits, 0.2) for _ in range(4)))

    faults = [fault for fault in seen.run(main()).faults if fault.kind == OVER_RELEASED]
    assert len(faults) == 2
    assert {fault.place.line for fault in faults} == {line_of("nobody had it")}
    assert {fault.resource.capacity for fault in faults} == {2}


def test_more_permits_free_than_there_ever_were_is_one_too_many(seen):
    """Also when the one that releases has never tried to acquire."""

    async def main():
        permits = asyncio.Semaphore(1)
        async with permits:
            pass
        permits.release()  # one too many

    assert only(seen.run(main()), OVER_RELEASED).place.line == line_of("one too many")


def test_permits_that_are_handed_on_or_counted_are_no_fault(seen):
    """A worker releases what its boss acquired; a semaphore that begins at 0 counts what is there."""

    async def worker(permits):
        permits.release()

    async def main():
        permits, items = asyncio.Semaphore(2), asyncio.Semaphore(0)
        for _ in range(4):
            await permits.acquire()
            await asyncio.create_task(worker(permits))
            items.release()
            items.release()
            await items.acquire()

    assert seen.run(main()).faults == []


def test_who_tries_again_and_succeeds_may_release(seen):
    """A time-out that was followed by a permit leaves nothing behind."""

    async def main():
        permits = asyncio.Semaphore(1)
        await permits.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(permits.acquire(), 0.01)
        permits.release()
        await asyncio.wait_for(permits.acquire(), 1)
        permits.release()

    assert seen.run(main()).faults == []


def test_very_many_faults_of_one_place_are_counted_not_kept(seen):
    """Dropping a coroutine at each turn would otherwise fill the journal; none is lost from the count."""

    async def main():
        for _ in range(500):
            speak()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = seen.run(main())
    dropped = [fault for fault in batch.faults if fault.kind == NEVER_AWAITED]
    assert sum(fault.times for fault in dropped) == 500
    assert len(dropped) < 200
    assert seen.state.faults_seen[NEVER_AWAITED] == 500
    assert not recorder.open_faults


def test_where_a_collected_task_stood_is_no_alibi_for_what_comes_after(seen):
    """Coroutines that the collector closed leave their addresses to others, which may be dropped in turn."""

    async def waits():
        keeper = asyncio.get_running_loop().create_future()
        keeper.task = asyncio.current_task()
        await keeper

    async def main():
        for _ in range(50):
            asyncio.create_task(waits())  # noqa: RUF006  # that is how it gets lost
        await asyncio.sleep(0)
        gc.collect()
        dropped = [waits() for _ in range(200)]
        dropped.clear()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen.run(main())
    assert seen.state.faults_seen[COLLECTED] == 50
    assert seen.state.faults_seen[NEVER_AWAITED] == 200
