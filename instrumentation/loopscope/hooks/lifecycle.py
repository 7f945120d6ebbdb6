"""What asyncio and the interpreter only say at the end of an object's life: dropped tasks and coroutines.

Both speak through a Python function when a finalizer finds something wrong, on whatever thread and in the
middle of whatever runs there. The hooks look, keep no reference, and let the original speak as ever.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings
from collections import deque
from types import CoroutineType, FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from loopscope import awaits, faults
from loopscope.context import open_tasks, promote
from loopscope.dropped import Drop
from loopscope.fault_kinds import COLLECTED, NEVER_AWAITED, UNRETRIEVED
from loopscope.hooks.tasks import collected, innermost
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

PENDING, NEVER_RETRIEVED = "was destroyed but it is pending", "exception was never retrieved"
_with_their_task: deque[int] = deque(maxlen=64)  # addresses of coroutines that die unstarted with their task


def install(patches: Patches, _: Settings) -> None:
    patches.replace(asyncio.BaseEventLoop, "call_exception_handler", hearing)
    if isinstance(getattr(warnings, "_warn_unawaited_coroutine", None), FunctionType):
        patches.replace(warnings, "_warn_unawaited_coroutine", _warning)


def hearing(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap a loop's `call_exception_handler`, through which tasks and futures complain when they die."""

    def call_exception_handler(self: Any, context: dict[str, Any]) -> None:
        try:
            message = context.get("message") or ""
            if PENDING in message and not self.is_closed():  # one closed under it has been noted then
                _note_collected(context["task"])
            elif NEVER_RETRIEVED in message:
                _note_unretrieved(context["future"], context["exception"])
        except Exception:
            recorder.fault("call_exception_handler")
        try:
            original(self, context)
        except BaseException as error:
            step_out(error)
            raise

    return call_exception_handler


def _note_collected(task: Any) -> None:
    record = promote(task)
    place: Any = None
    if record is None:  # the pump has seen before us that it is gone: weak references die first
        record, place = recorder.collected.pop(id(task), (None, None))
    else:
        open_tasks.pop(id(task), None)
        collected(record)
        place = record.wait.site if record.wait is not None else None
    coroutine = task.get_coro()
    if isinstance(coroutine, CoroutineType) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        _with_their_task.append(id(coroutine))
    site = record.site if record is not None else None
    # The garbage collector may have closed the coroutine already, then no chain is left of it.
    faults.note(COLLECTED, name_of(coroutine), site, awaits.walk(coroutine) or place, task=record, by=0)


def _note_unretrieved(future: Any, error: BaseException) -> None:
    failed = recorder.failed.pop(id(future), None)
    if failed is None:
        raised_at = innermost(error.__traceback__)
        faults.note(
            UNRETRIEVED, type(future).__name__, None, raised_at, exception=type(error).__qualname__, by=0
        )
    elif failed.fault is not None:
        faults.end(failed.fault)
    else:
        failed.note()


def _warning(original: FunctionType) -> Callable[[Any], None]:
    """The warning blames the caller of the caller of `warn`: so ours calls it, with the original's words."""

    def _warn_unawaited_coroutine(coro: Any) -> None:
        try:
            _note_never_awaited(coro, sys._getframe(1))
            words = _words_of(original, coro)
        except Exception:
            recorder.fault("_warn_unawaited_coroutine")
            words = None
        try:
            if words is None:
                original(coro)
            else:
                warnings.warn(*words[0], **words[1])
        except BaseException as error:
            step_out(error)
            raise

    return _warn_unawaited_coroutine


def _words_of(original: FunctionType, coroutine: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the original gives to `warn`."""
    said: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def hear(*words: Any, **options: Any) -> None:
        said.append((words, options))

    # From 3.14 on the original asks the module for its `warn`.
    world = {**original.__globals__, "warn": hear, "_wm": SimpleNamespace(warn=hear)}
    FunctionType(original.__code__, world)(coroutine)
    return said[0]


def _note_never_awaited(coroutine: Any, frame: FrameType | None) -> None:
    if id(coroutine) in _with_their_task:
        _with_their_task.remove(id(coroutine))
        return
    faults.note(NEVER_AWAITED, name_of(coroutine), None, Drop(coroutine, frame))


def name_of(coroutine: Any) -> str:
    return getattr(coroutine, "__qualname__", "") or type(coroutine).__qualname__
