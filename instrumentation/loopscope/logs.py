"""Log lines: a structlog processor that says what runs right now, and loopscope's own events."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from loopscope.context import current_job, current_task

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def processor(
    _logger: Any, _method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add job, job_key, task, trace_id and span_id (hex) of the code that logs; given keys stay.

    A structlog processor: ``structlog.configure(processors=[..., loopscope.processor, ...])``.
    """
    job, task = current_job(), current_task()
    if job is not None:
        event_dict.setdefault("job", job.name)
        if job.key:
            event_dict.setdefault("job_key", job.key)
    running = task.ref() if task is not None else None
    if running is not None:
        event_dict.setdefault("task", running.get_name())
    trace = sys.modules.get("opentelemetry.trace")  # whoever has spans has imported it
    if trace is not None:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event_dict.setdefault("trace_id", trace.format_trace_id(span.trace_id))
            event_dict.setdefault("span_id", trace.format_span_id(span.span_id))
    return event_dict


class EventLogger:
    """loopscope's own events: through the program's structlog if configured, else standard logging.

    Standard logging that nobody set up writes warnings to stderr and is silent below: a program's
    output stays its own.
    """

    def __repr__(self) -> str:
        return f"<EventLogger through {'structlog' if _structlog() else 'logging'}>"

    def warning(self, event: str, **facts: Any) -> None:
        _say("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        _say("error", event, facts)


_LOGGER = EventLogger()


def logger() -> EventLogger:
    """Where loopscope's own events go."""
    return _LOGGER


def _structlog() -> Any:
    """The structlog module if the program configured it; a program without it never imports it."""
    structlog = sys.modules.get("structlog")
    return structlog if structlog is not None and structlog.is_configured() else None


def _say(level: str, event: str, facts: dict[str, Any]) -> None:
    structlog = _structlog()
    if structlog is not None:
        try:
            getattr(structlog.get_logger("loopscope"), level)(event, **facts)
        except Exception as error:
            facts = {**facts, "structlog_failed_with": type(error).__name__}
        else:
            return
    text = " ".join([f"loopscope: {event}", *(f"{name}={value}" for name, value in facts.items())])
    logging.getLogger("loopscope").log(logging.getLevelNamesMapping()[level.upper()], text)
