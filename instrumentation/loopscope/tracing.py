"""The switch between hooks and spans: off, it costs a look at `enabled`, and no import."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.recorder import recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext

    from loopscope.records import Job, WorkItem

enabled = False
provider: TracerProvider | None = None

_NO_PROVIDERS = {"ProxyTracerProvider", "NoOpTracerProvider"}  # what OpenTelemetry gives when none is set
_spans: Any = None  # the module loopscope.running_span, once it is needed
_when_enabled: list[Callable[[], None]] = []


def application_provider() -> Any:
    """The TracerProvider the program has set, else None. It may not be the SDK's. Imports nothing."""
    api = sys.modules.get("opentelemetry.trace")
    find = getattr(api, "get_tracer_provider", None)  # missing while another thread imports it
    found = find() if find is not None else None
    return None if type(found).__name__ in _NO_PROVIDERS else found


def begin(mode: str) -> None:
    """Go on at once where the program has set its provider already, so that its first job is complete."""
    found = application_provider() if mode in {"auto", "on"} else None
    if found is not None and hasattr(found, "sampler") and hasattr(found, "id_generator"):
        enable(found)


def enable(chosen: TracerProvider) -> None:
    """Have jobs carry spans of this provider, which may change later. Jobs already open get a trace, too."""
    global enabled, provider, _spans
    from loopscope import running_span  # noqa: PLC0415  # OpenTelemetry costs 50 ms to import

    if chosen is provider:
        return
    running_span.sampler, running_span.id_generator = chosen.sampler, chosen.id_generator
    provider, _spans = chosen, running_span
    for job in list(recorder.jobs.values()):
        running_span.adopt_open(job, recorder.jobs.get(job.parent))
    enabled = running_span.active = True
    for call in _when_enabled.copy():
        _notify(call)


def disable() -> None:
    """The twin of `enable`; jobs still open lead to no more spans."""
    global enabled, provider
    enabled, provider = False, None
    if _spans is not None:
        _spans.active = False


def when_enabled(call: Callable[[], None]) -> Callable[[], None]:
    """Have `call` called when spans go on or change their provider, at once if they are on.

    Returns what takes that back.
    """
    _when_enabled.append(call)
    if enabled:
        _notify(call)
    return lambda: _when_enabled.remove(call)


def _notify(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:
        recorder.fault("tracing")


def enter_job(job: Job) -> Any:
    """Give a job its trace and make it current for OpenTelemetry.

    Call it while the job is not yet that of the running task and context. Returns what `leave_job`
    takes; None when there is nothing to leave.
    """
    try:
        return _spans.enter_job(job) if _spans is not None else None
    except Exception:
        recorder.fault("tracing")
        return None


def leave_job(token: Any) -> None:
    """Make current for OpenTelemetry again what was before `enter_job`."""
    if _spans is not None:
        _spans.leave_job(token)


def enter_task(options: dict[str, Any]) -> SpanContext | None:
    """Call it in the creator's context, with the options of `create_task`, before the task is made.

    Returns the user's span that the task is created under, if any; then the options get a context
    in which spans opened inside the task become children of the task's span.
    """
    try:
        return _spans.enter_task(options) if _spans is not None else None
    except Exception:
        recorder.fault("tracing")
        return None


def adopt_item(item: WorkItem) -> None:
    """Note the user's span that a work item is submitted under; call it where it is submitted."""
    try:
        if _spans is not None:
            item.parent_span = _spans.user_span(item.job)
    except Exception:
        recorder.fault("tracing")


def inside_item(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of an item whose `parent_span` is set, as it is to be run.

    Spans opened inside become children of the item's span.
    """
    return _spans.inside_item(function) if _spans is not None else function
