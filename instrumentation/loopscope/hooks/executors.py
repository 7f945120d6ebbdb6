"""Executors: how long work items queue, which worker runs them, for how long, and for whom."""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections import deque
from concurrent.futures import process, thread
from contextvars import ContextVar, Token, copy_context
from typing import TYPE_CHECKING, Any

from loopscope import places, private, tracing
from loopscope.clock import now
from loopscope.context import current_item, current_task, job_var, worker
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, ERROR, EXECUTOR, OK, WorkItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource
    from loopscope.settings import Settings

SITE = "_loopscope_site"
RESOURCE = "_loopscope_resource"
MODEL = "_loopscope_model"
_UNSET = object()


def install(patches: Patches, _: Settings) -> None:
    for owner in (thread.ThreadPoolExecutor, process.ProcessPoolExecutor):
        patches.replace(owner, "__init__", _noting_creation)
    patches.replace(thread.ThreadPoolExecutor, "submit", _submitting_to_threads)
    patches.replace(process.ProcessPoolExecutor, "submit", _submitting_to_processes)


def _noting_creation(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        original(self, *args, **options)
        try:
            setattr(self, SITE, places.note_caller(sys._getframe(1)))
        except Exception:
            recorder.fault("executor")

    return __init__


def _resource_of(executor: Any) -> Resource:
    known: Resource | None = getattr(executor, RESOURCE, None)
    if known is not None:
        return known
    workers = private.workers_of(executor)
    record = recorder.resource(EXECUTOR, executor, getattr(executor, SITE, None), workers)
    if getattr(executor, "_thread_name_prefix", "") == "asyncio":
        record.name = "default"  # the loop's own, made by `run_in_executor(None, …)` and `to_thread`
    setattr(executor, RESOURCE, record)
    return record


def _new_item(executor: Any, function: Any, depth: int) -> WorkItem:
    task, outer = current_task(), current_item()
    item = WorkItem(
        recorder.new_id(),
        task.id if task is not None else outer.task if outer is not None else 0,
        job_var.get(),
        _resource_of(executor),
        _name_of(function),
        places.note_caller(sys._getframe(2)),
        now(),
        depth,
    )
    if tracing.enabled:
        tracing.adopt_item(item)
    recorder.items[item.id] = item
    return item


def _name_of(function: Any) -> str:
    """The user's function inside `functools.partial` and `Context.run`, which `to_thread` wraps around it."""
    while isinstance(function, functools.partial):
        inner = function.func
        is_context_run = getattr(inner, "__name__", "") == "run" and not hasattr(inner, "__code__")
        function = function.args[0] if is_context_run and function.args else inner
    return getattr(function, "__qualname__", "") or type(function).__qualname__


def _end(item: WorkItem, outcome: str, error: BaseException | None = None, moment: int | None = None) -> None:
    if recorder.items.pop(item.id, None) is None:
        return
    item.ended = moment or now()
    item.future = None
    item.outcome = outcome
    item.exception = type(error).__qualname__ if error is not None else ""
    recorder.keep(recorder.ended_items, item)


def cancelled_unstarted(item: WorkItem) -> bool:
    """Close an item that will never start: its future was cancelled, or is gone with its executor."""
    if item.future is None or item.started:
        return False
    future = item.future()
    if future is None or future.cancelled():
        _end(item, CANCELLED)
        return True
    return False


class _Call:
    """The user's function on its way to a worker thread, with its work item and context."""

    __slots__ = ("function", "item", "variables")

    def __init__(self, item: WorkItem, function: Callable[..., Any]) -> None:
        self.item = item
        self.function = function
        if recorder.settings.propagate_context:
            self.variables = tuple(copy_context().items())
        else:
            self.variables = ((job_var, item.job),)

    def __call__(self, /, *args: Any, **options: Any) -> Any:
        item = self.item
        item.started = now()
        item.worker = threading.current_thread().name
        outer, worker.item = worker.item, item
        outcome, error = OK, None
        try:
            carried = _carry(self.variables)
            try:
                return self.function(*args, **options)
            finally:
                for token in carried:
                    token.var.reset(token)
        except BaseException as raised:
            outcome, error = ERROR, raised
            raise
        finally:
            worker.item = outer
            _end(item, outcome, error)
            del error


def _carry(variables: tuple[tuple[ContextVar[Any], Any], ...]) -> list[Token[Any]]:
    """Set the submitter's variables in the worker's context; what the thread has set itself stays."""
    return [var.set(value) for var, value in variables if var is job_var or var.get(_UNSET) is _UNSET]


def _submitting_to_threads(original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    def submit(self: Any, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        try:
            item = _new_item(self, fn, private.queue_depth_of(self))
            call = _Call(item, tracing.inside_item(fn) if item.parent_span is not None else fn)
        except Exception:
            recorder.fault("submit")
            return original(self, fn, *args, **options)
        try:
            future = original(self, call, *args, **options)
        except BaseException:
            recorder.items.pop(item.id, None)
            raise
        item.future = weakref.ref(future)
        return future

    return submit


class _PoolModel:
    """When a process pool's items start, told by its parent: first come, first served, by `workers` at once.

    Nothing is wrapped around what is sent to the child, so that it pickles as it would without us. Submission
    and completion happen on two threads, hence the lock; both cost far more than it does.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers or 1
        self.lock = threading.Lock()
        self.queued: deque[WorkItem] = deque()
        self.running = 0

    def submitted(self, item: WorkItem) -> None:
        with self.lock:
            if self.running < self.workers:
                self.running += 1
                item.started = item.submitted
            else:
                self.queued.append(item)

    def done(self, item: WorkItem, future: Future[Any]) -> None:
        moment = now()
        with self.lock:
            if item.started:
                self._hand_on(moment)
            else:
                self.queued.remove(item)
        if future.cancelled():
            _end(item, CANCELLED)
        else:
            error = future.exception()
            _end(item, OK if error is None else ERROR, error, moment)

    def _hand_on(self, moment: int) -> None:
        if self.queued:
            self.queued.popleft().started = moment
        else:
            self.running -= 1


def _submitting_to_processes(original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    def submit(self: Any, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        try:
            model = getattr(self, MODEL, None)
            if model is None:
                model = _PoolModel(private.workers_of(self))
                setattr(self, MODEL, model)
            item = _new_item(self, fn, len(model.queued))
        except Exception:
            recorder.fault("submit")
            return original(self, fn, *args, **options)
        try:
            future = original(self, fn, *args, **options)
        except BaseException:
            recorder.items.pop(item.id, None)
            raise
        model.submitted(item)
        future.add_done_callback(functools.partial(model.done, item))
        return future

    return submit
