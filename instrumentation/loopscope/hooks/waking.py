"""What a loop is given to run: `_call_soon`, which each wake-up of a task passes, and `call_at` for timers.

The first tells who cancels a task, see `cancelling`; both tell of a thread that forgets to wake the loop, see
`foreign`. The original of `_call_soon` is four lines, which are done here rather than called.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import events
from typing import TYPE_CHECKING, Any

from loopscope import private
from loopscope.hooks import cancelling, foreign
from loopscope.recorder import recorder
from loopscope.tracebacks import made_by_caller, step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


def install(patches: Patches, _: Settings) -> None:
    if private.soon_is_known():
        patches.replace(asyncio.BaseEventLoop, "_call_soon", _calling_soon)
    patches.replace(asyncio.BaseEventLoop, "call_at", _calling_at)


def _calling_soon(_: Callable[..., Any]) -> Callable[..., Any]:
    future, task = asyncio.Future, asyncio.Task

    def _call_soon(self: Any, callback: Any, args: Any, context: Any) -> Any:
        handle: Any = events.Handle(callback, args, self, context)
        if handle._source_traceback:
            del handle._source_traceback[-1]
        self._ready.append(handle)
        try:
            if args and ((kind := type(args[0])) is future or kind is task) and args[0]._state == "CANCELLED":
                cancelling.woken(getattr(callback, "__self__", None), args[0], sys._getframe(1))
            foreign.overhear(self, callback, 0.0, sys._getframe(1))
        except Exception:
            recorder.fault("call_soon")
        return handle

    return _call_soon


def _calling_at(original: Callable[..., Any]) -> Callable[..., Any]:
    def call_at(self: Any, when: Any, callback: Any, *args: Any, **options: Any) -> Any:
        try:
            timer = original(self, when, callback, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            made_by_caller(timer)
            foreign.overhear(self, callback, when, sys._getframe(1))
        except Exception:
            recorder.fault("call_at")
        return timer

    return call_at
