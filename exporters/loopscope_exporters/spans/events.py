"""Blocks of the loop and findings as events on the spans of the tasks and jobs they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event

from loopscope.clock import SECOND
from loopscope_exporters.spans.attributes import code

if TYPE_CHECKING:
    from loopscope.records import Batch, Block, Finding
    from loopscope.state import LiveState
    from loopscope_exporters.spans.owners import Owners

MOST_PER_SPAN = 128  # as the SDK's own limit
MOST = 10_000


class SpanEvents:
    """Events by the id of their span, kept until it ends. The state's `dropped` counts what does not fit."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._waiting: dict[int, list[Event]] = {}
        self._count = 0

    def add(self, batch: Batch, owners: Owners) -> None:
        ending = {task.id for task in batch.tasks} | {job.id for job in batch.jobs}
        for block in batch.blocks:
            span_id = _home(block, owners, ending)
            if span_id is not None:
                self._keep(span_id, _event(block, self._state.anchor.to_wall(block.started)))
        at = self._state.anchor.to_wall(batch.now)
        for finding in batch.findings:
            for job in (self._state.jobs.get(id_) for id_ in finding.jobs):
                if job is not None and job.trace_id and job.sampled:
                    self._keep(job.id, _finding_event(finding, at))

    def take(self, span_id: int) -> tuple[Event, ...]:
        """The events of a span that ends now."""
        events = self._waiting.pop(span_id, [])
        self._count -= len(events)
        return tuple(events)

    def _keep(self, span_id: int, event: Event) -> None:
        events = self._waiting.setdefault(span_id, [])
        if len(events) >= MOST_PER_SPAN:
            self._state.dropped["span_event"] += 1
            return
        if self._count >= MOST:
            self._state.dropped["span_event"] += self._count
            self._waiting = {span_id: (events := [])}
            self._count = 0
        self._count += 1
        events.append(event)


def _home(block: Block, owners: Owners, ending: set[int]) -> int | None:
    """The span that can still take the event: the owner's, else its job's; None when both are gone."""
    owner = owners.of(block.task, block.started) if block.task is not None else None
    if owner is None or block.task is None:
        return None
    job, span_id = owner
    if span_id != job.id and (not block.task.ended or span_id in ending):
        return span_id
    return job.id if not job.ended or job.id in ending else None


def _event(block: Block, at: int) -> Event:
    return Event(
        "loop blocked",
        {
            "loopscope.block.cause": block.cause,
            "loopscope.block.seconds": (block.ended - block.started) / SECOND,
            "loopscope.block.call": block.call,
            **code(block.culprit),
        },
        timestamp=at,
    )


def _finding_event(finding: Finding, at: int) -> Event:
    return Event(
        "loopscope finding",
        {
            "loopscope.finding.kind": finding.kind,
            "loopscope.finding.severity": finding.severity,
            "loopscope.finding.confidence": finding.confidence,
            "loopscope.finding.explain": finding.explain,
            "loopscope.finding.fix": finding.fix,
            **code(finding.culprit),
        },
        timestamp=at,
    )
