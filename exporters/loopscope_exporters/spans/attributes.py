"""The attributes of our spans: OpenTelemetry's conventions where there are any, else ``loopscope.*``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope.clock import SECOND
from loopscope.places import resolve

if TYPE_CHECKING:
    from loopscope.records import Job, Place, RawPlace, Task, Wait, WorkItem


Attributes = dict[str, Any]


def code(place: Place | RawPlace | None) -> Attributes:
    """A place in source; nothing where it is unknown."""
    found = resolve(place)
    if not found.line:
        return {}
    return {
        "code.file.path": found.file,
        "code.line.number": found.line,
        "code.function.name": found.function,
    }


def of_job(job: Job) -> Attributes:
    return _without_blanks(
        {
            "loopscope.job.kind": job.kind,
            "loopscope.job.key": job.key,
            "loopscope.outcome": job.outcome,
            "error.type": job.exception,
            **code(job.site),
        }
    )


def of_task(task: Task) -> Attributes:
    started = task.first_run or task.ended
    return _without_blanks(
        {
            "loopscope.task.name": task.name,
            "loopscope.task.steps": task.steps,
            "loopscope.task.running_seconds": task.running / SECOND,
            "loopscope.task.start_delay_seconds": max(started - task.created, 0) / SECOND,
            "loopscope.outcome": task.outcome,
            "error.type": task.exception,
            **code(task.site),
        }
    )


def of_wait(wait: Wait) -> Attributes:
    """``held_by`` names the span ids of the tasks that held the resource when the wait began."""
    return _without_blanks(
        {
            "loopscope.wait.kind": wait.kind,
            "loopscope.wait.resource": resource_name(wait),
            "loopscope.wait.detail": wait.detail,
            "loopscope.wait.held_by": tuple(f"{holder:016x}" for holder in wait.held_by),
            "loopscope.outcome": wait.outcome,
            **(code(wait.site) if not isinstance(wait.site, list) else {}),
        }
    )


def of_item(item: WorkItem) -> Attributes:
    queued_until = item.started or item.ended
    return _without_blanks(
        {
            "loopscope.executor.name": item.executor.name,
            "loopscope.executor.queue_depth": item.depth,
            "loopscope.executor.queue_seconds": max(queued_until - item.submitted, 0) / SECOND,
            "loopscope.executor.worker": item.worker,
            "loopscope.outcome": item.outcome,
            "error.type": item.exception,
            **code(item.site),
        }
    )


def resource_name(wait: Wait) -> str:
    return wait.resource.name if wait.resource is not None else ""


def _without_blanks(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if value not in ("", ())}
