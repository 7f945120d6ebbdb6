"""A loop that is given work by another thread without being woken: who did it, and how long it slept on.

While a loop sleeps in `select`, its own thread calls nothing, so whoever calls its `call_soon` then is
another thread, and should have used `call_soon_threadsafe`. Every way to signal an asyncio object ends in
`call_soon`, those written in C too, and every timer in `call_at`. So a guard stands on these names of that
one loop, while it sleeps and at no other time: a loop that has work to do pays nothing, and what the program
does while the loop is awake, which does no harm, is nobody's business.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any

from loopscope import faults, places
from loopscope.clock import SECOND, now
from loopscope.context import promote
from loopscope.fault_kinds import WRONG_THREAD
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from types import FrameType

    from loopscope.loop_clock import LoopClock
    from loopscope.records import Fault

SOON, AT = "call_soon", "call_at"


class Guard:
    """Of one loop. `stand` and `step_aside` are called by the loop around its sleep."""

    __slots__ = ("_clock", "_loop", "_unheard")

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self._loop: Any = None  # while it sleeps
        self._unheard: list[Fault] = []  # signals since it fell asleep

    def __repr__(self) -> str:
        return f"<guard of {self._clock!r}>"

    def stand(self) -> None:
        try:
            loop = self._clock.loop()
            if loop is not None and SOON not in vars(loop) and AT not in vars(loop):
                self._loop = loop
                setattr(loop, SOON, self._call_soon)
                setattr(loop, AT, self._call_at)
        except Exception:
            recorder.fault("guard")

    def step_aside(self) -> None:
        loop, self._loop = self._loop, None
        try:
            if loop is not None:
                vars(loop).pop(SOON, None)
                vars(loop).pop(AT, None)
            if self._unheard:
                unheard, self._unheard = self._unheard, []
                for fault in unheard:
                    faults.end(fault, at_least=1)  # a timer that is not due yet has lost nothing
        except Exception:
            recorder.fault("guard")

    def _call_soon(self, callback: Any, /, *args: Any, **options: Any) -> Any:
        loop: Any = self._clock.loop()
        try:
            handle = type(loop).call_soon(loop, callback, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        self._overhear(callback, now(), sys._getframe(1))
        return handle

    def _call_at(self, when: float, callback: Any, /, *args: Any, **options: Any) -> Any:
        loop: Any = self._clock.loop()
        try:
            handle = type(loop).call_at(loop, when, callback, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        self._overhear(callback, int(when * SECOND), sys._getframe(1))
        return handle

    def _overhear(self, callback: Any, due: int, caller: FrameType) -> None:
        try:
            if threading.get_ident() != self._clock.thread:  # a signal's handler runs in the loop's own
                fault = self._note(callback, places.note_caller(caller))
                fault.at = max(fault.at, due)
                self._unheard.append(fault)
        except Exception:
            recorder.fault("guard")

    @staticmethod
    def _note(callback: Any, place: Any) -> Fault:
        woken = getattr(callback, "__self__", None)
        task = promote(woken) if isinstance(woken, asyncio.Task) else None
        wait = task.wait if task is not None else None
        return faults.begin(
            WRONG_THREAD,
            task.coroutine if task is not None else getattr(callback, "__qualname__", ""),
            task.site if task is not None else None,
            place,
            task=task,
            resource=wait.resource if wait is not None else None,
            detail=threading.current_thread().name,
        )
