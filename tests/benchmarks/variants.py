"""The contestants: each starts what it measures with, opens its batches, and finishes what it deferred."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

QUEUE = 1 << 20  # spans; so large that none is dropped, which would be a saving


class Variant(Protocol):
    """A way to run asyncio. `finish` returns what was delivered, as numbers for the report."""

    def start(self, coroutines: Iterable[str], functions: Iterable[str]) -> None: ...
    def batch(self) -> AbstractContextManager[object]: ...
    def finish(self) -> dict[str, int]: ...


class Bare:
    """asyncio as it comes: the measure of the others."""

    def start(self, coroutines: Iterable[str], functions: Iterable[str]) -> None:
        pass

    def batch(self) -> AbstractContextManager[object]:
        return nullcontext()

    def finish(self) -> dict[str, int]:
        return {}


class Loopscope:
    """One line in the service: journal and metrics, no spans."""

    spans = "off"

    def start(self, coroutines: Iterable[str], functions: Iterable[str]) -> None:
        import loopscope  # noqa: PLC0415  a variant loads only its own

        self._loopscope = loopscope
        self._journal = tempfile.TemporaryDirectory(prefix="loopscope-bench-")
        self._handle = loopscope.instrument(journal=self._journal.name, metrics_port=0, spans=self.spans)
        expected = {"journal", "prometheus", "spans"}
        self._handle.exporter("journal")
        if absent := expected - set(self._handle.exporters):
            raise RuntimeError(f"exporters that did not start: {absent}; nothing honest can be measured")

    def batch(self) -> AbstractContextManager[object]:
        return self._loopscope.job("batch")

    def finish(self) -> dict[str, int]:
        self._loopscope.uninstrument()
        state = self._handle.state
        self._journal.cleanup()
        return {
            "tasks": sum(state.tasks_finished.values()),
            "dropped": sum(state.dropped.values()),
            "faults": sum(state.faults.values()),
        }


class LoopscopeSpans(Loopscope):
    """The same, and its tasks, waits and work items as spans through the application's provider."""

    spans = "on"

    def start(self, coroutines: Iterable[str], functions: Iterable[str]) -> None:
        self._tracing = Tracing()
        super().start(coroutines, functions)

    def finish(self) -> dict[str, int]:
        return {**super().finish(), "spans": self._tracing.finish()}


class Contrib:
    """opentelemetry-instrumentation-asyncio with a span for each coroutine and each function of the workload.

    Its metrics have no provider here and cost next to nothing, which is in its favour.
    """

    def start(self, coroutines: Iterable[str], functions: Iterable[str]) -> None:
        os.environ["OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE"] = ",".join(coroutines)
        os.environ["OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE"] = ",".join(functions)
        self._tracing = Tracing()
        from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor  # noqa: PLC0415  likewise

        AsyncioInstrumentor().instrument()

    def batch(self) -> AbstractContextManager[object]:
        return nullcontext()

    def finish(self) -> dict[str, int]:
        return {"spans": self._tracing.finish()}


class Tracing:
    """The application's TracerProvider: batches on a thread, an exporter that counts and lets go."""

    def __init__(self) -> None:
        from opentelemetry import trace  # noqa: PLC0415  likewise
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        self._counted = _Counter()
        exporter: Any = self._counted  # shaped like a SpanExporter; to inherit would import the SDK for all
        self._provider = TracerProvider()
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
        trace.set_tracer_provider(self._provider)

    def finish(self) -> int:
        """How many spans arrived."""
        self._provider.shutdown()
        return self._counted.spans


class _Counter:
    """A span exporter that keeps nothing but a number."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Any) -> Any:
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415

        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


VARIANTS: dict[str, type[Variant]] = {
    "bare": Bare,
    "loopscope": Loopscope,
    "loopscope_spans": LoopscopeSpans,
    "contrib": Contrib,
}
