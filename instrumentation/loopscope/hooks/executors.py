"""Thread pools: how long work items queue, which thread runs them, for how long, and for whom."""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from concurrent.futures import thread
from contextvars import Context, ContextVar, Token, copy_context
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any

from loopscope import private, tracing
from loopscope.clock import now
from loopscope.context import job_var, recorded_task, worker, worker_name
from loopscope.hooks import compiled
from loopscope.hooks.work_items import Asked, end, new_item, noting_creation
from loopscope.recorder import recorder
from loopscope.records import ERROR, OK
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from loopscope.hooks.patching import Patches
    from loopscope.records import WorkItem
    from loopscope.settings import Settings

Variables = tuple[tuple[ContextVar[Any], Any], ...]
_UNSET = object()


def install(patches: Patches, settings: Settings) -> None:
    submitting = functools.partial(_submitting, errand=compiled.errands(settings) or _without_context)
    patches.replace(thread.ThreadPoolExecutor, "__init__", noting_creation)
    patches.replace(thread.ThreadPoolExecutor, "submit", submitting)


class Call:
    """The user's function on its way to a worker thread, with its work item and context."""

    __slots__ = ("function", "item", "variables")

    def __init__(self, item: WorkItem, function: Callable[..., Any], variables: Variables) -> None:
        self.item = item
        self.function = function
        self.variables = variables

    def __call__(self, /, *args: Any, **options: Any) -> Any:
        outer, carried, error = worker.item, self._begin(), None
        try:
            return self.function(*args, **options)
        except BaseException as raised:
            error = raised
            step_out(raised)
            raise
        finally:
            worker.item = outer
            self._end(carried, error)
            del self, args, options, error  # the function's traceback leads to this frame

    def _begin(self) -> list[Token[Any]]:
        try:
            self.item.started = now()
            self.item.worker, self.item.thread = worker_name(), threading.get_ident()
            worker.item = self.item
            return _carry(self.variables)
        except Exception:
            recorder.fault("work item")
            return []

    def _end(self, carried: list[Token[Any]], error: BaseException | None) -> None:
        try:
            for token in carried:
                token.var.reset(token)
            end(self.item, OK if error is None else ERROR, error)
        except Exception:
            recorder.fault("work item")


def _variables(item: WorkItem) -> Variables:
    """What travels with an item: all of the submitter's variables, or its job alone."""
    return tuple(copy_context().items()) if recorder.settings.propagate_context else ((job_var, item.job),)


def _has_own_context(function: Any) -> bool:
    """Is it what `asyncio.to_thread` gives a pool, `Context.run` of the submitter's variables?"""
    run = function.func if type(function) is functools.partial else None
    return type(run) is BuiltinMethodType and isinstance(run.__self__, Context)


def _carry(variables: Variables) -> list[Token[Any]]:
    """Set the submitter's variables in the worker's context; what the thread has set itself stays."""
    return [var.set(value) for var, value in variables if var is job_var or var.get(_UNSET) is _UNSET]


def _without_context(item: WorkItem, function: Callable[..., Any]) -> Call:
    return Call(item, function, ())


def _submitting(
    original: Callable[..., Future[Any]], errand: Callable[[WorkItem, Any], Callable[..., Any]]
) -> Callable[..., Future[Any]]:
    def submit(self: Any, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        item, call = None, fn
        try:
            if not private.is_of_interpreters(self):
                item = new_item(
                    self, fn, private.queue_depth_of(self), Asked.here(sys._getframe(1), recorded_task())
                )
                run = tracing.inside_item(fn) if item.parent_span is not None else fn
                call = errand(item, run) if _has_own_context(run) else Call(item, run, _variables(item))
        except Exception:
            recorder.fault("submit")
            if item is not None:
                recorder.items.pop(item.id, None)
                item = None
        try:
            future = original(self, call, *args, **options)
        except BaseException as error:
            if item is not None:
                end(item, ERROR, error)
            step_out(error)
            raise
        if item is not None:
            item.future = weakref.ref(future)
        return future

    return submit
