"""The current span inside a job: one object for all, which answers with what runs when it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.context import _RUNTIME_CONTEXT as _RUNTIME
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, Sampler
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation import _SPAN_KEY  # `get_current_span` costs three times as much

from loopscope.context import current_item, current_task, job_var
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.records import Job

SERVER_INSTRUMENTATION = "opentelemetry.instrumentation.asgi"
_FLAGS = {
    True: TraceFlags(TraceFlags.SAMPLED),
    False: TraceFlags(TraceFlags.DEFAULT),
}

active = False  # these three are set by `loopscope.tracing`
sampler: Sampler = DEFAULT_ON
id_generator: IdGenerator = RandomIdGenerator()


class RunningSpan(NonRecordingSpan):
    """Stands in the OpenTelemetry context of all that a job spawns, and answers when asked.

    A span object per task would cost the loop 12 to 17 µs, needed or not. But a record's id is the
    id of its span, and which record runs is known anyway. So this one object is attached when a job
    is opened, context variables carry it into each task, callback and thread of the job, and
    `get_span_context` finds the answer when a user opens a span. Only where a user's own span is
    open, a task or work item needs care: it becomes the child of that span, and its context gets
    this object back in the span's place.
    """

    def __init__(self) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)

    def __repr__(self) -> str:
        return f"<RunningSpan, now {self.get_span_context()!r}>"

    def get_span_context(self) -> SpanContext:
        job = job_var.get()
        if job is None or not job.trace_id or not active:
            return INVALID_SPAN_CONTEXT
        return span_context(job, _running_id(job))


RUNNING = RunningSpan()


def span_context(job: Job, span_id: int) -> SpanContext:
    """The identity of a span of a job."""
    state = job.parent_span.trace_state if job.parent_span is not None else None
    return SpanContext(
        job.trace_id, span_id, is_remote=False, trace_flags=_FLAGS[job.sampled], trace_state=state
    )


def _running_id(job: Job) -> int:
    item = current_item()
    if item is not None and item.job is job:
        return item.id
    task = current_task()
    if task is not None and task.job is job and task.id != job.root_task:
        return task.id
    return job.id


def user_span(job: Job | None) -> SpanContext | None:
    """The user's own span that is current, if it belongs to the trace of the job.

    A span of another trace was opened apart on purpose and stays apart.
    """
    span = get_current_span()
    if span is RUNNING or job is None:
        return None
    parent = span.get_span_context()
    if not parent.is_valid:
        return None
    if not job.trace_id and _server_comes(job):
        _join(job, parent)
    return parent if parent.trace_id == job.trace_id else None


def _server_comes(job: Job) -> bool:
    """Will the server's own instrumentation open the request's span?

    It continues the caller's trace only where no span is current: the job has to wait for it and join.
    """
    return job.kind == "http" and SERVER_INSTRUMENTATION in sys.modules


def _sampled(job: Job, context: Context | None) -> bool:
    attributes = {"loopscope.job.kind": job.kind}
    result = sampler.should_sample(context, job.trace_id, job.name, SpanKind.INTERNAL, attributes, ())
    return result.decision is Decision.RECORD_AND_SAMPLE


def _join(job: Job, parent: SpanContext) -> None:
    job.trace_id = parent.trace_id
    job.parent_span = parent
    job.sampled = parent.trace_flags.sampled


def enter_job(job: Job) -> object:
    """Give the job its trace: that of the current span, else of the job around it, else a new one.

    The provider's sampler decides here, once for all that the job spawns.
    """
    parent, outer = get_current_span().get_span_context(), job_var.get()
    if parent.is_valid:
        _join(job, parent)
    elif outer is not None and outer.trace_id:
        _join(job, span_context(outer, _running_id(outer)))
    elif _server_comes(job):
        return None
    else:
        job.trace_id = id_generator.generate_trace_id()
    job.sampled = _sampled(job, None)
    return otel_context.attach(_with_running())


def adopt_open(job: Job, parent: Job | None) -> None:
    """Give a trace to a job that was opened before spans were on; its context cannot be reached any more."""
    if job.trace_id or job.thin or _server_comes(job):
        return
    if parent is not None and parent.trace_id:
        _join(job, span_context(parent, parent.id))
    else:
        job.trace_id = id_generator.generate_trace_id()
        job.sampled = _sampled(job, Context())


def leave_job(token: Any) -> None:
    with contextlib.suppress(ValueError):  # closed in another context than opened, as generators do
        _RUNTIME.detach(token)


def _with_running() -> Context:
    return set_span_in_context(RUNNING)  # baggage and all else stays


def enter_task(options: dict[str, Any]) -> SpanContext | None:
    if _RUNTIME.get_current().get(_SPAN_KEY) is RUNNING or options.get("context") is not None:
        return None  # what shares a context on purpose goes on sharing it
    parent = user_span(job_var.get())
    if parent is None:
        return None
    loop = asyncio._get_running_loop()
    if loop is not None and loop.get_task_factory() is None:  # older factories take no context
        context = contextvars.copy_context()
        context.run(lambda: otel_context.attach(_with_running()))
        options["context"] = context
    return parent


def _runs_in_context(function: functools.partial[Any]) -> bool:
    owner = getattr(function.func, "__self__", None)
    return isinstance(owner, contextvars.Context) and bool(function.args)


def inside_item(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run the function under `RUNNING`, also in the context that `asyncio.to_thread` brings along."""
    if isinstance(function, functools.partial) and _runs_in_context(function):
        inner, *rest = function.args
        return functools.partial(function.func, inside_item(inner), *rest, **function.keywords)

    def run(*args: Any, **options: Any) -> Any:
        token = otel_context.attach(_with_running())
        try:
            return function(*args, **options)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            otel_context.detach(token)

    return run
