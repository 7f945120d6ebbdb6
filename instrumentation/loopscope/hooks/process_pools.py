"""Process pools: what the parent hands over, and what its children say became of it.

What is sent to a child is CPython's own call item with one attribute more, the ticket; the user's function
and arguments pickle as they would without us. The child's letters tell when an item began and ended
(`tickets`, `mailbox`), the future tells its end too (`sent_items`).
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from concurrent.futures import process
from typing import TYPE_CHECKING, Any

from loopscope import private, sent_items
from loopscope.clock import now
from loopscope.context import current_task
from loopscope.hooks import pool_workers
from loopscope.hooks.work_items import Asked, end, new_item, noting_creation
from loopscope.mailbox import mailbox
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, ERROR, OK
from loopscope.tickets import ticket_of
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from loopscope.hooks.patching import Patches
    from loopscope.records import WorkItem
    from loopscope.settings import Settings

ITEM = "_loopscope_item"  # on a future


class _Submitting(threading.local):
    item: WorkItem | None = None


submitting = _Submitting()


def install(patches: Patches, _: Settings) -> None:
    install_on(patches, process)
    patches.on_restore(mailbox.close)


def install_on(patches: Patches, module: Any) -> None:
    """Hook `concurrent.futures.process`, or a module made after its model."""
    patches.replace(module.ProcessPoolExecutor, "__init__", noting_creation)
    patches.replace(module.ProcessPoolExecutor, "submit", _submitting_to_processes)
    patches.replace(module._WorkItem, "__init__", _noting_item)
    patches.replace(module._CallItem, "__init__", _adding_ticket)
    pool_workers.install(patches, module, "_process_worker", pool_workers.outcome_of_future)


def _submitting_to_processes(original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    def submit(self: Any, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        item = None
        try:
            item = new_item(self, fn, private.pending_of(self), Asked.here(sys._getframe(1), current_task()))
        except Exception:
            recorder.fault("submit")
        outer, submitting.item = submitting.item, item
        try:
            future = original(self, fn, *args, **options)
        except BaseException as error:
            if item is not None:
                end(item, ERROR, error)
            step_out(error)
            raise
        finally:
            submitting.item = outer
        if item is not None:
            item.future = weakref.ref(future)
            future.add_done_callback(functools.partial(_done, item))
        return future

    return submit


def _noting_item(original: Callable[..., None]) -> Callable[..., None]:
    """Made inside `submit`, before another thread can send it off."""

    def __init__(self: Any, future: Any, /, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, future, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        if submitting.item is not None:
            setattr(future, ITEM, submitting.item)

    return __init__


def _adding_ticket(original: Callable[..., None]) -> Callable[..., None]:
    """Made on the pool's own thread when a place in the queue to the children is free."""

    def __init__(self: Any, work_id: int, /, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, work_id, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            item = getattr(private.pending_future(threading.current_thread(), work_id), ITEM, None)
            if item is not None:
                setattr(self, pool_workers.TICKET, ticket_of(item))
        except Exception:
            recorder.fault("ticket")

    return __init__


def _done(item: WorkItem, future: Future[Any]) -> None:
    if recorder.items.pop(item.id, None) is None:
        return
    item.ended = now()
    if future.cancelled():
        item.outcome = CANCELLED
    else:
        error = future.exception()
        item.outcome = OK if error is None else ERROR
        item.exception = type(error).__qualname__ if error is not None else ""
    sent_items.done[item.id] = item
