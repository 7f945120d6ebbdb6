"""The simplest hook: call what is there, then note that it was called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def afterwards(place: str, note: Callable[[Any, FrameType], object]) -> Callable[..., Any]:
    """Wrap a method so that ``note(self, caller)`` follows each call that did not raise."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, /, *args: Any, **options: Any) -> Any:
            try:
                result = original(self, *args, **options)
            except BaseException as error:
                step_out(error)
                raise
            try:
                note(self, sys._getframe(1))
            except Exception:
                recorder.fault(place)
            return result

        return call

    return make
