"""The spans exporter: finds the provider, hands it what ended, and marks what stays open."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any

from loopscope import tracing
from loopscope.exporter import ExporterError
from loopscope.logs import logger
from loopscope_exporters.spans import providers

if TYPE_CHECKING:
    from loopscope.records import Batch
    from loopscope.settings import Settings
    from loopscope.state import LiveState
    from loopscope_exporters.spans.output import SpanOutput

MODES = ("auto", "on", "off")


class SpansExporter:
    """Spans through the program's TracerProvider, else through one made from ``OTEL_*``, else none.

    The program may set its provider after `instrument()`: each drain looks for it. Until there is one,
    nothing of OpenTelemetry is imported. Tasks that belong to no job have no spans.
    """

    def __init__(self, state: LiveState, settings: Settings) -> None:
        self._state = state
        self._settings = settings
        self._own: Any = None
        self._provider: Any = None
        self._output: SpanOutput | None = None
        self._complaint = ""

    def __repr__(self) -> str:
        return f"<SpansExporter to {type(self._provider).__name__ if self._output else 'nowhere'}>"

    def start(self) -> None:
        if self._settings.spans not in MODES:
            raise ExporterError(
                f"the setting spans is {self._settings.spans!r}; expected one of {', '.join(MODES)}"
            )
        if self._settings.spans == "off":
            return
        self._look()
        if self._provider is None:
            self._make_own()
            self._look()

    def drain(self, batch: Batch) -> None:
        if self._settings.spans == "off":
            return
        try:
            self._look()
            if self._output is not None:
                self._output.send(batch)
        except Exception:
            tracing.disable()  # the user's spans must not become children of spans that nobody sends
            raise
        if self._output is None and self._complaint and (batch.jobs or self._state.jobs):
            logger().warning(self._complaint)
            self._complaint = ""

    def stop(self) -> None:
        atexit.unregister(self._finish)
        tracing.disable()
        if self._own is not None:
            self._own.shutdown()

    def _make_own(self) -> None:
        """What is missing is said when there is a first job: the program may still set its provider."""
        try:
            self._own = providers.from_environment(self._settings.service)
        except ExporterError as error:
            self._complaint = str(error)
        else:
            if self._own is None and self._settings.spans == "on":
                self._complaint = providers.NOTHING_TO_SEND_TO

    def _look(self) -> None:
        """Take up the program's provider as soon as it is set."""
        provider = tracing.application_provider() or self._own
        if provider is not None and provider is not self._provider:
            self._take_up(provider)

    def _take_up(self, provider: Any) -> None:
        self._provider = provider
        self._output = None
        if missing := providers.missing(provider):
            self._complaint = (
                "spans need the OpenTelemetry SDK's TracerProvider; the program set a "
                f"{type(provider).__qualname__} without {missing}. Jobs and tasks are not sent "
                "as spans; all else works"
            )
            tracing.disable()
            return
        from loopscope_exporters.spans.output import SpanOutput  # noqa: PLC0415  # imports the SDK

        self._output = SpanOutput(self._state, self._settings, provider)
        tracing.enable(provider)
        atexit.unregister(self._finish)
        atexit.register(self._finish)  # now, so that it runs before the provider's own, which closes it

    def _finish(self) -> None:
        """Send what ended last, while the provider still takes it."""
        from loopscope.runtime import uninstrument  # noqa: PLC0415  # it has loaded us

        uninstrument()
