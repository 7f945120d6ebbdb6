"""A real TracerProvider that keeps its spans, and the tree they form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import loopscope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan


@dataclass
class Tree:
    """Finished spans and who is whose child."""

    spans: tuple[ReadableSpan, ...]

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def path(self, name: str) -> list[str]:
        """The names from the root down to the one span of that name."""
        by_id = {span.context.span_id: span for span in self.spans}
        names, span = [], self.one(name)
        while span is not None:
            names.append(span.name)
            span = by_id[span.parent.span_id] if span.parent is not None else None
        return names[::-1]


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(memory: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(memory))
    return made


@pytest.fixture
def tracer(provider: TracerProvider) -> trace.Tracer:
    return provider.get_tracer("the program")


@pytest.fixture
def use_provider(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Sets the process's provider, which OpenTelemetry itself allows only once a process."""
    return lambda chosen: monkeypatch.setattr(trace, "_TRACER_PROVIDER", chosen)


@pytest.fixture
def instrument() -> Iterator[Callable[..., loopscope.Handle]]:
    """`loopscope.instrument()` with nothing but spans, ready to send; undone after the test."""

    def start(**settings: object) -> loopscope.Handle:
        handle = loopscope.instrument(**{"journal": "off", "metrics_port": -1, **settings})
        handle.exporter("spans")
        return handle

    yield start
    loopscope.uninstrument()


@pytest.fixture
def tree_of(
    instrument: Callable[..., loopscope.Handle],
    use_provider: Callable[[object], None],
    provider: TracerProvider,
    memory: InMemorySpanExporter,
) -> Callable[..., Tree]:
    """Runs a program under loopscope and the provider; gives the spans of it."""

    def run(program: Callable[[], object], **settings: object) -> Tree:
        use_provider(provider)
        instrument(**settings)
        program()
        loopscope.uninstrument()
        return Tree(memory.get_finished_spans())

    return run
