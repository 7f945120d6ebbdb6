"""What OpenTelemetry sees as current under loopscope: the work that runs, and nothing else changed."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import types

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import loopscope
from loopscope import context, running_span, tracing
from loopscope.jobs import JobContext


@pytest.fixture
def tracer(monkeypatch):
    """Of a provider that was set before `instrument()`."""
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    loopscope.instrument(journal="off", metrics_port=-1)
    yield provider.get_tracer("the program")
    loopscope.uninstrument()


def current_id():
    return trace.get_current_span().get_span_context().span_id


def test_a_provider_set_before_is_in_use_from_the_first_line_on(tracer):
    """No job is too early for it."""
    assert tracing.enabled


def test_the_current_span_is_the_job_then_the_task_then_the_job_again(tracer):
    """One object answers for all of them."""

    async def chunk():
        return current_id(), context.current_task().id

    async def main():
        with loopscope.job("podcast") as job:
            seen, task = await asyncio.create_task(chunk())
            assert seen == task
            assert current_id() == job.id
        assert not trace.get_current_span().get_span_context().is_valid

    asyncio.run(main())


def test_in_a_callback_the_current_span_is_the_job(tracer):
    """A callback runs in the job's context, but in no task."""

    async def main():
        with loopscope.job("podcast") as job:
            seen = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(lambda: seen.set_result(current_id()))
            assert await seen == job.id

    asyncio.run(main())


def test_in_a_worker_thread_the_current_span_is_the_work_item(tracer):
    """The submitting task is its parent, not its stand-in."""

    async def main():
        with loopscope.job("podcast"):
            seen, item = await asyncio.to_thread(lambda: (current_id(), context.current_item().id))
        assert seen == item

    asyncio.run(main())


def test_baggage_reaches_tasks_threads_and_jobs(tracer):
    """Whatever else stands in OpenTelemetry's context stays there."""

    async def read():
        return baggage.get_baggage("voice")

    async def main():
        token = otel_context.attach(baggage.set_baggage("voice", "alto"))
        with loopscope.job("podcast"), tracer.start_as_current_span("outside"):
            assert await asyncio.create_task(read()) == "alto"
            assert await asyncio.to_thread(baggage.get_baggage, "voice") == "alto"
        otel_context.detach(token)

    asyncio.run(main())


def test_a_users_span_stays_current_around_the_tasks_it_creates(tracer):
    """Only the created task's context changes, never the creator's."""

    async def main():
        with loopscope.job("podcast"), tracer.start_as_current_span("outside") as outside:
            task = asyncio.create_task(asyncio.sleep(0))
            assert trace.get_current_span() is outside
            await task
            assert trace.get_current_span() is outside

    asyncio.run(main())


def test_a_context_given_on_purpose_is_used_as_it_is(tracer):
    """Variables set in a task must show in the very context that was given for it."""
    variable = contextvars.ContextVar("variable")

    async def put():
        variable.set("seen")

    async def main():
        with loopscope.job("podcast"), tracer.start_as_current_span("outside"):
            given = contextvars.copy_context()
            await asyncio.get_running_loop().create_task(put(), context=given)
        assert given[variable] == "seen"

    asyncio.run(main())


def test_a_task_factory_that_takes_no_context_goes_on_working(tracer):
    """Factories written for Python 3.10 take a loop and a coroutine, and no more."""

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro: asyncio.Task(coro, loop=loop))
        with loopscope.job("podcast"), tracer.start_as_current_span("outside"):
            assert await loop.create_task(asyncio.sleep(0, "worked")) == "worked"

    asyncio.run(main())


def test_a_span_of_another_trace_is_left_apart(tracer):
    """A program that starts a trace of its own inside a job keeps it, in the tasks below as well."""

    async def chunk():
        return trace.get_current_span()

    async def main():
        apart = tracer.start_span("apart", context=otel_context.Context())
        with loopscope.job("podcast"), trace.use_span(apart):
            assert await asyncio.create_task(chunk()) is apart

    asyncio.run(main())


def test_the_sampler_decides_once_a_job(tracer, monkeypatch):
    """What it refuses is refused for the program's spans inside, too, by their parent's flag."""
    monkeypatch.setattr(running_span, "sampler", ALWAYS_OFF)

    with loopscope.job("podcast") as job:
        assert not job.sampled
        assert not trace.get_current_span().get_span_context().trace_flags.sampled


def test_a_job_closed_in_another_context_than_it_was_opened_in_does_no_harm(tracer, caplog):
    """Asynchronous generators do that when they are closed by the loop."""
    opened = loopscope.job("podcast")
    contextvars.copy_context().run(opened.__enter__)

    opened.__exit__(None, None, None)

    assert caplog.text == ""


def test_a_request_waits_for_the_span_of_the_servers_own_instrumentation(tracer, monkeypatch):
    """It continues the caller's trace only where no span is current; the job then joins that trace."""
    monkeypatch.setitem(sys.modules, running_span.SERVER_INSTRUMENTATION, types.ModuleType("asgi"))

    async def chunk():
        return current_id(), context.current_task().id

    async def main():
        with JobContext("GET /articles", kind="http") as job:
            assert trace.get_current_span() is trace.INVALID_SPAN
            with tracer.start_as_current_span("GET /articles") as server:
                seen, task = await asyncio.create_task(chunk())
        assert seen == task
        assert job.parent_span == server.get_span_context()
        assert job.trace_id == server.get_span_context().trace_id

    asyncio.run(main())


def test_after_uninstrument_no_span_becomes_the_child_of_ours(tracer):
    """Nobody would send the parent."""
    with loopscope.job("podcast"):
        loopscope.uninstrument()
        span = tracer.start_span("own")

    assert span.parent is None
