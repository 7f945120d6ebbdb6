"""Garbage collections: full ones that took long and that nobody had asked for, with both ends."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from loopscope.causes import Pause
from loopscope.clock import now
from loopscope.recorder import recorder

if TYPE_CHECKING:
    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

FULL = 2  # the generation of a full collection
FLOOR = 5_000_000  # ns; shorter ones block nobody
LAST = 100  # remembered


def pauses() -> tuple[Pause, ...]:
    """The last long collections."""
    return _watch.pauses


def install(patches: Patches, _: Settings) -> None:
    _watch.pauses = ()
    gc.callbacks.append(_watch)
    patches.on_restore(lambda: gc.callbacks.remove(_watch) if _watch in gc.callbacks else None)


class _Watch:
    """Called by the collector at both ends of each collection.

    A collection can begin while somebody reads `pauses`, in the middle of it: hence a new tuple each time.
    """

    def __init__(self) -> None:
        self.pauses: tuple[Pause, ...] = ()
        self._began = self._ran = 0

    def __call__(self, phase: str, facts: dict[str, int], /) -> None:
        if facts["generation"] < FULL:
            return
        try:
            if phase == "start":
                self._began = now() if _by_itself() else 0
                self._ran = time.thread_time_ns()
            elif self._began and (ended := now()) - self._began > FLOOR:
                pause = Pause(self._began, ended, time.thread_time_ns() - self._ran)
                self.pauses = (*self.pauses[1 - LAST :], pause)
        except Exception:
            recorder.fault("garbage collection")


def _by_itself() -> bool:
    """Was the collector due, or did somebody call `gc.collect`?"""
    return gc.get_count()[FULL] > gc.get_threshold()[FULL]


_watch = _Watch()
