"""What an exporter is: found through the entry points ``loopscope.exporters``, fed by the pump thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loopscope.records import Batch
    from loopscope.settings import Settings
    from loopscope.state import LiveState


class Exporter(Protocol):
    """Where records go. Every method runs on the pump thread, never on a loop.

    An exporter that raises is logged once, counted in ``state.faults`` and left out from then on.
    """

    def __init__(self, state: LiveState, settings: Settings) -> None: ...

    def start(self) -> None:
        """Open files, bind ports. Raise `ExporterError` with a sentence when that cannot be done."""

    def drain(self, batch: Batch) -> None:
        """Take what ended since the last call; what is open stands in the state."""

    def stop(self) -> None:
        """Flush and close; called once, after the last drain."""


class ExporterError(RuntimeError):
    """An exporter cannot work here; the text says what was found, what was expected and what to do."""
