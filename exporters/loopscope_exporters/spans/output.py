"""From a batch of ended records to the span processors of one provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope.clock import SECOND
from loopscope.logs import logger
from loopscope.records import HTTP
from loopscope_exporters.spans.builder import SpanBuilder
from loopscope_exporters.spans.events import SpanEvents
from loopscope_exporters.spans.owners import Owners
from loopscope_exporters.spans.providers import PROCESSOR
from loopscope_exporters.spans.still_open import StillOpen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from loopscope.records import Batch, Task, Wait
    from loopscope.settings import Settings
    from loopscope.state import LiveState


class SpanOutput:
    """Turns records into spans and hands them on; runs on the pump thread."""

    def __init__(self, state: LiveState, settings: Settings, provider: Any) -> None:
        self._state = state
        self._provider = provider
        self._wait_threshold = int(settings.wait_threshold * SECOND)
        self._builder = SpanBuilder(state.anchor, provider, state.process.version)
        self._events = SpanEvents(state)
        self._still_open = StillOpen(state, self._builder, int(settings.stuck_after * SECOND))
        self._failed = False

    def send(self, batch: Batch) -> None:
        """Hand on a span for each ended record of a sampled job, and marks of what has been open for long."""
        processor = getattr(self._provider, PROCESSOR)
        for span in self._spans(batch):
            try:
                processor.on_end(span)
            except Exception as error:
                self._state.faults["span processor"] += 1
                if not self._failed:
                    self._failed = True
                    logger().warning(
                        "a span processor of the program's TracerProvider failed on a span of loopscope; "
                        "the span may be lost, the service is not affected",
                        processor=type(processor).__name__,
                        error=repr(error),
                    )

    def _spans(self, batch: Batch) -> Iterator[ReadableSpan]:
        owners = Owners(self._state, batch)
        self._events.add(batch, owners)
        for wait in batch.waits:
            yield from self._wait(wait, owners)
        for item in batch.items:
            if item.job is not None and item.job.trace_id and item.job.sampled:
                yield self._builder.item(item, item.job)
        for task in batch.tasks:
            yield from self._task(task)
        for job in batch.jobs:
            events = self._events.take(job.id)
            self._still_open.forget(job)
            if job.trace_id and job.sampled:
                yield self._builder.job(job, events)
        yield from self._still_open.marks(batch.now)

    def _wait(self, wait: Wait, owners: Owners) -> Iterator[ReadableSpan]:
        if wait.ended - wait.started < self._wait_threshold or wait.outer is not None:
            return
        if wait.kind == HTTP and wait.resource is not None:
            return  # the client span of OpenTelemetry's httpx instrumentation says it
        owner = owners.of(wait.task, wait.started)
        if owner is not None:
            job, span_id = owner
            yield self._builder.wait(wait, job, span_id)

    def _task(self, task: Task) -> Iterator[ReadableSpan]:
        job = task.job
        events = self._events.take(task.id)
        if job is not None and job.trace_id and job.sampled and task.id != job.root_task:
            yield self._builder.task(task, job, events)
