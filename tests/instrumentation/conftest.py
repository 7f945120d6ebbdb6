"""Observing a program and looking at its records, in one step."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

import loopscope
from loopscope.recorder import recorder
from loopscope.records import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator


class Seen:
    """An exporter that keeps all batches, and the way to run a program under it."""

    def __init__(self, handle: loopscope.Handle) -> None:
        self.handle = handle
        self.state = handle.state
        self.batch = Batch(0)
        handle.exporter("wait for the start")
        handle.exporters["seen"] = self

    def drain(self, batch: Batch) -> None:
        for field in dataclasses.fields(Batch):
            if isinstance(records := getattr(batch, field.name), list):
                getattr(self.batch, field.name).extend(records)

    def stop(self) -> None:
        """Nothing to close."""

    def run(self, program: Coroutine[Any, Any, Any]) -> Batch:
        """Run to the end, take loopscope off, and give everything that was recorded."""
        asyncio.run(program)
        return self.finish()

    def finish(self) -> Batch:
        loopscope.uninstrument()
        assert not self.state.faults, self.state.faults
        assert not self.state.dropped, self.state.dropped
        return self.batch

    def fault(self, kind: str) -> Any:
        (found,) = [fault for fault in self.batch.faults if fault.kind == kind]
        return found

    def task(self, coroutine: str) -> Any:
        (found,) = [t for t in self.batch.tasks if t.coroutine.endswith(coroutine)]
        return found


@pytest.fixture
def observe() -> Iterator[Callable[..., Seen]]:
    """Instrument with settings for a test; taken off again whatever happens."""

    def start(**settings: Any) -> Seen:
        quiet = {"journal": "off", "metrics_port": -1, "spans": "off"}
        return Seen(loopscope.instrument(**quiet | settings))

    yield start
    loopscope.uninstrument()


@pytest.fixture
def seen(observe: Callable[..., Seen]) -> Seen:
    return observe()


@pytest.fixture(params=["on", "off"])
def under_load(request: pytest.FixtureRequest, observe: Callable[..., Seen]) -> Seen:
    """A service whose budget is used up, under compiled hooks and under those in Python."""
    seen = observe(
        detail_rate=1, detail_burst=0, detail_over=60.0, drain_interval=60.0, compiled=request.param == "on"
    )
    recorder.detail.left = -1000.0
    return seen


@pytest.fixture
def line_of(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """The line of the test's module that ends with a comment of that name."""
    lines = request.path.read_text().splitlines()

    def find(mark: str) -> int:
        (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
        return number

    return find
