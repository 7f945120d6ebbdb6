"""What the spans say: attributes, statuses, events, kinds and times."""

from __future__ import annotations

import asyncio
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

import loopscope


def test_a_job_span_tells_kind_key_place_and_outcome(tree_of):
    """Enough to find the job in the explorer and in the source."""

    def program():
        with loopscope.job("podcast", key=42):
            pass

    span = tree_of(program).one("podcast")

    assert span.attributes["loopscope.job.key"] == "42"
    assert span.attributes["loopscope.job.kind"] == "job"
    assert span.attributes["loopscope.outcome"] == "ok"
    assert Path(span.attributes["code.file.path"]) == Path(__file__)
    assert span.attributes["code.function.name"] == program.__qualname__
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope.name == "loopscope"


def test_span_times_are_wall_times(tree_of):
    """The record's monotonic times are turned into nanoseconds since the epoch."""

    def program():
        with loopscope.job("podcast"):
            pass

    before = time.time_ns()
    span = tree_of(program).one("podcast")

    second = 1_000_000_000
    assert before - second < span.start_time <= span.end_time < time.time_ns() + second


def test_a_wait_over_the_threshold_names_its_resource_and_who_held_it(tree_of):
    """`held_by` are the span ids of the holders, so that a reader can go there."""

    async def speak(limit):
        async with limit:
            await asyncio.sleep(0.02)

    async def main():
        limit = asyncio.Semaphore(1)
        with loopscope.job("podcast"):
            await asyncio.gather(speak(limit), speak(limit))

    tree = tree_of(lambda: asyncio.run(main()))

    wait = tree.one("wait semaphore limit")
    holder, waiter = sorted(tree.named(speak.__qualname__), key=lambda span: span.end_time)
    assert wait.parent.span_id == waiter.context.span_id
    assert wait.attributes["loopscope.wait.kind"] == "semaphore"
    assert wait.attributes["loopscope.wait.resource"] == "limit"
    assert wait.attributes["loopscope.wait.held_by"] == (f"{holder.context.span_id:016x}",)
    assert wait.attributes["code.function.name"] == speak.__qualname__
    assert wait.end_time - wait.start_time >= 10_000_000


def test_a_wait_under_the_threshold_has_no_span(tree_of):
    """Short waits would be most of the trace and say nothing."""

    async def main():
        with loopscope.job("podcast"):
            await asyncio.sleep(0.002)

    tree = tree_of(lambda: asyncio.run(main()), wait_threshold=10.0)

    assert [span.name for span in tree.spans] == ["podcast"]


def test_a_wait_of_the_task_that_opened_the_job_is_part_of_the_job(tree_of):
    """The wait happened in the job; waits before and after it did not."""

    async def main():
        await asyncio.sleep(0.01)
        with loopscope.job("podcast"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)

    tree = tree_of(lambda: asyncio.run(main()))

    assert tree.path("wait sleep") == ["podcast", "wait sleep"]


def test_a_work_item_tells_the_queue_depth_it_met_and_its_worker(tree_of):
    """The third of three items for one worker found one before it in the queue."""
    busy, go = Event(), Event()

    def occupy():
        busy.set()
        go.wait()

    async def main():
        pool = ThreadPoolExecutor(1, "encoder")
        with pool, loopscope.job("podcast"):
            pool.submit(occupy)
            busy.wait()
            rest = [pool.submit(abs, -1), pool.submit(divmod, 7, 2)]
            go.set()
            await asyncio.gather(*map(asyncio.wrap_future, rest))

    tree = tree_of(lambda: asyncio.run(main()))

    depth = {span.name: span.attributes.get("loopscope.executor.queue_depth") for span in tree.spans}
    assert depth["abs"] == 0
    assert depth["divmod"] == 1
    last = tree.one("divmod").attributes
    assert last["loopscope.executor.name"] == "pool"
    assert last["loopscope.executor.worker"] == "encoder_0"
    assert last["loopscope.executor.queue_seconds"] >= 0


def test_an_error_is_the_status_of_the_task_and_of_the_job_it_ended(tree_of):
    """Type and place of the exception are told; its text may hold the user's data and is not."""

    async def speak():
        raise LookupError("the secret voice")

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(speak())

    def program():
        with pytest.raises(LookupError):
            asyncio.run(main())

    tree = tree_of(program)

    for name in ("podcast", speak.__qualname__):
        span = tree.one(name)
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "LookupError"
        assert "secret" not in span.to_json()
    (event,) = tree.one(speak.__qualname__).events
    assert event.name == "exception"
    assert event.attributes["code.function.name"] == speak.__qualname__


def test_a_cancelled_task_is_no_error(tree_of):
    """Cancellation is how healthy programs stop work."""

    async def forever():
        await asyncio.Event().wait()

    async def main():
        with loopscope.job("podcast"):
            task = asyncio.create_task(forever())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

    span = tree_of(lambda: asyncio.run(main())).one(forever.__qualname__)

    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["loopscope.outcome"] == "cancelled"


def test_a_task_that_was_collected_before_it_ended_is_an_error(tree_of):
    """The fire-and-forget task that nobody kept: its span says what happened to it."""

    async def forgotten():
        await asyncio.get_running_loop().create_future()

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        with loopscope.job("podcast"):
            asyncio.create_task(forgotten())  # noqa: RUF006  # the fault under test
            await asyncio.sleep(0)
            gc.collect()
            await asyncio.sleep(0.5)

    span = tree_of(lambda: asyncio.run(main())).one(forgotten.__qualname__)

    assert span.status.status_code is StatusCode.ERROR
    assert "nobody kept a reference" in span.status.description


def test_a_block_of_the_loop_is_an_event_of_the_task_that_blocked(tree_of):
    """The event stands at the beginning of the block and names the line to blame."""

    async def upload():
        time.sleep(0.3)  # the fault under test

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(upload())

    span = tree_of(lambda: asyncio.run(main())).one(upload.__qualname__)

    (event,) = span.events
    assert event.name == "loop blocked"
    assert event.attributes["loopscope.block.seconds"] >= 0.3
    assert event.attributes["code.function.name"] == upload.__qualname__
    assert span.start_time <= event.timestamp <= span.end_time


def test_a_finding_is_an_event_of_the_open_job_it_is_about(tree_of):
    """On the job's span, with the line to blame and what to do; a job that is well has none."""

    async def work(lock):
        with loopscope.job("ledger"):
            async with lock:
                await lock.acquire()  # the fault under test

    async def healthy():
        with loopscope.job("healthy"):
            await asyncio.sleep(1.2)

    async def main():
        stuck = asyncio.create_task(work(asyncio.Lock()))
        await healthy()
        stuck.cancel()
        await asyncio.wait([stuck])

    tree = tree_of(lambda: asyncio.run(main()), diagnosis_interval=0.2)

    span = tree.one("ledger")
    (event,) = span.events
    assert event.name == "loopscope finding"
    assert event.attributes["loopscope.finding.kind"] == "lock_cycle"
    assert event.attributes["loopscope.finding.severity"] == "critical"
    assert event.attributes["loopscope.finding.fix"]
    assert event.attributes["code.function.name"] == work.__qualname__
    assert span.start_time <= event.timestamp <= span.end_time
    assert tree.one("healthy").events == ()


def test_a_request_is_a_server_span(tree_of):
    """Nobody in this process called it."""

    def program():
        with loopscope.jobs.JobContext("GET /articles", kind="http"):
            pass

    assert tree_of(program).one("GET /articles").kind is SpanKind.SERVER


def test_a_job_that_the_sampler_refuses_sends_nothing(instrument, use_provider, memory, provider):
    """The provider's sampler decides once, for all the job spawns and for the program's spans in it."""
    refusing = TracerProvider(sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
    refusing.add_span_processor(SimpleSpanProcessor(memory))
    use_provider(refusing)
    instrument()

    async def chunk():
        with refusing.get_tracer("the program").start_as_current_span("own"):
            await asyncio.sleep(0.01)

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(chunk())

    asyncio.run(main())
    loopscope.uninstrument()

    assert memory.get_finished_spans() == ()
