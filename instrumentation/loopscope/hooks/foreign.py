"""A loop that is given work by another thread without being woken: who did it, and how long it slept on.

While a loop sleeps in `select`, its own thread calls nothing but the handlers of signals, so whoever gives it
something to run then is another thread, and should have used `call_soon_threadsafe`. Every way to signal an
asyncio object ends in `_call_soon`, those written in C too, and every timer in `call_at` (see `waking`). What
the program does while the loop is awake does no harm, and is nobody's business.
"""

from __future__ import annotations

import asyncio
import functools
import math
import threading
from typing import TYPE_CHECKING, Any

from loopscope import faults, places
from loopscope.clock import SECOND
from loopscope.context import promote
from loopscope.fault_kinds import WRONG_THREAD
from loopscope.loop_clock import ATTRIBUTE, LoopClock
from loopscope.recorder import recorder

if TYPE_CHECKING:
    from types import FrameType

    from loopscope.records import Fault

THREADSAFE = "call_soon_threadsafe"  # it wakes the loop afterwards


def overhear(loop: Any, callback: Any, when: float, caller: FrameType) -> None:
    """Note a thread that gives a sleeping loop what is due at that time of the loop, s."""
    clock = getattr(loop, ATTRIBUTE, None)
    if clock.__class__ is not LoopClock or not clock.asleep or clock.thread == threading.get_ident():
        return
    if caller.f_code.co_name == THREADSAFE or not math.isfinite(when):
        return
    fault = _note(callback, places.note_caller(caller))
    fault.at = max(fault.at, int(when * SECOND))
    if fault.id in recorder.open_faults:  # of which there may be too many
        clock.on_waking.append(functools.partial(_heard, fault))


def _heard(fault: Fault) -> None:
    try:
        faults.end(fault, at_least=1)  # a timer that is not due yet has lost nothing
    except Exception:
        recorder.fault("overhear")


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
