"""Who cancelled a task: the task that did so, and the line.

`Task.cancel` is written in C and takes no hook. But it cancels the future that its task waits for, and this
has the task woken, at once, by the loop's `call_soon`: whoever cancels is on the stack then. So is who
cancels what a task awaits without meaning the task. What is not seen: a task that is cancelled before its
first step or between two, for it waits for nothing then, unless a task group does so; and a loop whose
`call_soon` is not asyncio's own.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from loopscope import places, private
from loopscope.context import current_task, open_tasks, promote
from loopscope.recorder import recorder
from loopscope.records import NOWHERE
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Place, RawPlace
    from loopscope.settings import Settings

SOON = frozenset({"call_soon", "_call_soon", "call_soon_threadsafe"})
SIGNAL = "_on_sigint"  # of a runner: it interrupts whatever runs


def install(patches: Patches, _: Settings) -> None:
    patches.replace(asyncio.tasks._GatheringFuture, "cancel", _naming(_waiting_for))  # type: ignore[attr-defined]
    patches.replace(asyncio.TaskGroup, "_abort", _naming(private.members_of))


def _naming(victims: Callable[[Any], Iterable[Any]]) -> Callable[..., Any]:
    """Wrap what asyncio itself cancels tasks with: whose tasks these are, it knows before they are told."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def cancel(self: Any, /, *args: Any, **options: Any) -> Any:
            try:
                for victim in victims(self):
                    _note(victim, _canceller(sys._getframe(1)))
            except Exception:
                recorder.fault("cancel")
            try:
                return original(self, *args, **options)
            except BaseException as error:
                step_out(error)
                raise

        return cancel

    return make


def _waiting_for(gathering: Any) -> Iterable[Any]:
    """The tasks that wait for what `gather` returned, which ends by an exception of its own."""
    return (getattr(callback, "__self__", None) for callback in private.callbacks_of(gathering))


def woken(victim: Any, future: Any, caller: FrameType) -> None:
    """A task that is woken by another one's cancellation was cancelled by the same."""
    if isinstance(future, asyncio.Task):
        inner = open_tasks.get(id(future))
        _note(victim, inner.cancelled if inner is not None else None)
    else:
        _note(victim, _canceller(caller))


def _note(victim: Any, author: tuple[int, Place | RawPlace] | None) -> None:
    """Whoever else waits for a future, a callback for example, is not cancelled by it."""
    record = promote(victim) if isinstance(victim, asyncio.Task) else None
    if record is not None:
        record.cancelled = author


def _canceller(frame: FrameType | None) -> tuple[int, Place | RawPlace]:
    """The task that runs and the user's line in it; a library's line where a timer or a callback did it."""
    while frame is not None and frame.f_code.co_name in SOON:
        frame = frame.f_back
    if frame is None:
        return 0, NOWHERE
    place = places.note_caller(frame)
    running = current_task() if frame.f_code.co_name != SIGNAL else None
    if running is not None:
        return running.id, place
    failed = _failed_before(frame) if place is NOWHERE else None
    if failed is not None:
        return failed.id, failed.raised_at or place
    return 0, (frame.f_code, frame.f_lasti) if place is NOWHERE else place


def _failed_before(frame: FrameType | None) -> Any:
    """The record of the task whose failure the running callback was given, as that of a task group is."""
    inside = list(places.frames(frame))
    given = inside[-1].f_locals.values() if inside else ()
    known = next((found for one in given if (found := recorder.failed.get(id(one)))), None)
    return known.task if known is not None else None
