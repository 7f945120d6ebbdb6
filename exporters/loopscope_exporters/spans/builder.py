"""Records as finished OpenTelemetry spans: a record's id is its span's id, its job's trace is its trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, Status, StatusCode

from loopscope.places import resolve
from loopscope.records import DESTROYED_PENDING, ERROR, NEVER_STARTED
from loopscope.running_span import span_context
from loopscope_exporters.spans import attributes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext

    from loopscope.clock import Anchor
    from loopscope.records import Job, Task, Wait, WorkItem
    from loopscope_exporters.spans.attributes import Attributes

UNSET = Status(StatusCode.UNSET)
FAILURES = {
    NEVER_STARTED: "the task was collected before it ran: nobody kept a reference to it",
    DESTROYED_PENDING: "the task was collected before it ended: nobody kept a reference to it",
}


class SpanBuilder:
    """Makes spans that are over, without a tracer: ids, times and parents are those of the records."""

    def __init__(self, anchor: Anchor, provider: TracerProvider, version: str) -> None:
        self._anchor = anchor
        self._resource = provider.resource
        self._ids = provider.id_generator
        self._scope = InstrumentationScope("loopscope", version)

    def job(self, job: Job, events: Sequence[Event] = ()) -> ReadableSpan:
        """A request that nobody in this process called is a server's span."""
        called = job.parent_span is not None and not job.parent_span.is_remote
        return self._span(
            job.name,
            span_context(job, job.id),
            job.parent_span,
            (job.started, job.ended),
            attributes.of_job(job),
            events=events,
            status=_status(job.outcome, job.exception),
            kind=SpanKind.SERVER if job.kind == "http" and not called else SpanKind.INTERNAL,
        )

    def task(self, task: Task, job: Job, events: Sequence[Event] = ()) -> ReadableSpan:
        if task.exception:
            events = (*events, self._raised(task))
        return self._span(
            task.coroutine,
            span_context(job, task.id),
            parent_of_task(task, job),
            (task.created, task.ended),
            attributes.of_task(task),
            events=events,
            status=_status(task.outcome, task.exception),
        )

    def item(self, item: WorkItem, job: Job) -> ReadableSpan:
        parent = item.parent_span
        if parent is None:
            parent = span_context(job, job.id if item.task in (0, job.root_task) else item.task)
        return self._span(
            item.function,
            span_context(job, item.id),
            parent,
            (item.submitted, item.ended),
            attributes.of_item(item),
            status=_status(item.outcome, item.exception),
        )

    def wait(self, wait: Wait, job: Job, parent: int) -> ReadableSpan:
        name = " ".join(filter(None, ("wait", wait.kind, attributes.resource_name(wait))))
        return self.part(job, parent, name, (wait.started, wait.ended), attributes.of_wait(wait))

    def part(
        self, job: Job, parent: int, name: str, times: tuple[int, int], described: Attributes
    ) -> ReadableSpan:
        """A span of something that has no id, inside the span with the id `parent`."""
        context = span_context(job, self._ids.generate_span_id())
        return self._span(name, context, span_context(job, parent), times, described)

    def _span(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        times: tuple[int, int],
        described: Attributes,
        *,
        events: Sequence[Event] = (),
        status: Status = UNSET,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> ReadableSpan:
        started, ended = times
        return ReadableSpan(
            name=name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=described,
            events=events,
            kind=kind,
            status=status,
            start_time=self._anchor.to_wall(started),
            end_time=self._anchor.to_wall(ended),
            instrumentation_scope=self._scope,
        )

    def _raised(self, task: Task) -> Event:
        where = attributes.code(resolve(task.raised_at))
        return Event(
            "exception", {"exception.type": task.exception, **where}, self._anchor.to_wall(task.ended)
        )


def parent_of_task(task: Task, job: Job) -> SpanContext:
    """The user's span it was created under, else its parent task's, else its job's.

    The task that opened the job has no span in it: the job's own stands for it.
    """
    if task.parent_span is not None:
        parent: SpanContext = task.parent_span
        return parent
    return span_context(job, job.id if task.parent in (0, job.root_task) else task.parent)


def _status(outcome: str, exception: str) -> Status:
    if outcome == ERROR:
        return Status(StatusCode.ERROR, exception)
    if outcome in FAILURES:
        return Status(StatusCode.ERROR, FAILURES[outcome])
    return UNSET
