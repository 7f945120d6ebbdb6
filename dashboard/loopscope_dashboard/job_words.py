"""What kept a job, in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope.diagnosis import prose
from loopscope.diagnosis.job_report import RUNNING
from loopscope_dashboard.words import duration

if TYPE_CHECKING:
    from loopscope.diagnosis.critical_path import Step
    from loopscope.diagnosis.job_report import JobReport

KEPT = 0.5  # of a job's time that its tasks, taken together, waited for one thing
SHARE = 0.05  # of a job's time that a step must take to be told


def as_json(report: JobReport) -> dict[str, Any]:
    """Times in seconds."""
    return {
        "job": report.job,
        "state": report.state,
        "seconds": round(report.seconds, 3),
        "still_for": round(report.still, 3),
        "requested_concurrency": report.requested,
        "effective_concurrency": round(report.effective, 2),
        "capped_by": report.capped_by.name if report.capped_by is not None else None,
        "waited_for_it": round(report.waited, 3),
        "critical_path": [_step(step, took) for step, took in report.path],
    }


def _step(step: Step, took: float) -> dict[str, Any]:
    where = str(step.place) if step.place.line else None
    return {"task": step.task.coroutine, "what": step.what, "where": where, "seconds": round(took, 3)}


def as_text(report: JobReport) -> str:
    """A few lines; empty for a job that has ended and was hardly kept from anything."""
    if report.state != RUNNING and report.waited < KEPT * report.seconds:
        return ""
    still = f", nothing of it moved for {duration(report.still)}" if report.still >= 1 else ""
    lines = [f"job {report.job}: {report.state}, {duration(report.seconds)}{still}"]
    cap = ""
    if report.capped_by is not None:
        permits = f" ({report.capped_by.capacity})" if report.capped_by.capacity else ""
        cap = f"; capped by {prose.resource(report.capped_by)}{permits}: {duration(report.waited)} of waiting"
    lines.append(f"  {report.requested} tasks at a time wanted, {report.effective:.1f} had{cap}")
    steps = [
        f"{duration(took)} {step.task.coroutine} {step.what}"
        + (f" at {prose.where(step.place)}" if step.place.line else "")
        for step, took in report.path
        if took >= SHARE * report.seconds
    ]
    if steps:
        lines.append(f"  its time went into: {', '.join(steps)}")
    return "\n".join(lines)
