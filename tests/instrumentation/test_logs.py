"""Log lines that say where they come from, and loopscope's own lines, which stay out of stdout."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from structlog.testing import LogCapture

import loopscope
from loopscope import logs


@pytest.fixture
def lines():
    """What a program that uses loopscope's processor logs."""
    capture = LogCapture()
    structlog.configure(processors=[loopscope.processor, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def observed():
    yield loopscope.instrument(journal="off", metrics_port=-1)
    loopscope.uninstrument()


@pytest.fixture
def tracer(monkeypatch):
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return provider.get_tracer("the program")


def test_a_line_names_the_job_and_the_task_that_wrote_it(lines, observed):
    """The task by the name the program knows it by."""

    async def main():
        with loopscope.job("podcast", key=7):
            await asyncio.create_task(speak(), name="chunk 3")

    async def speak():
        structlog.get_logger().info("spoken")

    asyncio.run(main())

    assert lines == [
        {"event": "spoken", "log_level": "info", "job": "podcast", "job_key": "7", "task": "chunk 3"}
    ]


def test_a_line_outside_of_any_job_is_left_as_it_is(lines, observed):
    """No empty fields."""
    structlog.get_logger().info("started")

    assert lines == [{"event": "started", "log_level": "info"}]


def test_what_the_program_says_itself_stays(lines, observed):
    """A field of the same name is the program's."""
    with loopscope.job("podcast"):
        structlog.get_logger().info("hired", job="speaker")

    assert lines[0]["job"] == "speaker"


def test_with_spans_a_line_carries_the_ids_of_the_task_that_runs(lines, tracer, observed):
    """In hex, as OpenTelemetry's log correlation writes them."""

    async def main():
        with loopscope.job("podcast") as job:
            await asyncio.create_task(speak())
        return job

    async def speak():
        structlog.get_logger().info("spoken", own=loopscope.context.current_task().id)

    job = asyncio.run(main())

    assert lines[0]["trace_id"] == f"{job.trace_id:032x}"
    assert lines[0]["span_id"] == f"{lines[0]['own']:016x}"


def test_inside_a_users_span_a_line_carries_that_spans_id(lines, tracer, observed):
    """The innermost span is the program's own."""
    with loopscope.job("podcast"), tracer.start_as_current_span("speak") as span:
        structlog.get_logger().info("spoken")

    assert lines[0]["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_our_own_events_go_through_the_programs_structlog(lines):
    """They come out in the program's format, with its processors."""
    logs.logger().warning("job is stuck", job="podcast")

    assert lines == [{"event": "job is stuck", "log_level": "warning", "job": "podcast"}]


def test_without_structlog_our_events_are_standard_logging(caplog):
    """One readable line, under the name loopscope, where the program's handlers find it."""
    logs.logger().warning("job is stuck", job="podcast", still_for_seconds=31)

    assert caplog.record_tuples == [
        ("loopscope", logging.WARNING, "loopscope: job is stuck job=podcast still_for_seconds=31")
    ]


def test_a_structlog_that_fails_does_not_lose_the_event(caplog):
    """A processor of the program that does not expect our event is no reason to be silent."""

    def fails(*_):
        raise KeyError("request_id")

    structlog.configure(processors=[fails])
    try:
        logs.logger().error("the disk is full")
    finally:
        structlog.reset_defaults()

    assert "loopscope: the disk is full structlog_failed_with=KeyError" in caplog.text
