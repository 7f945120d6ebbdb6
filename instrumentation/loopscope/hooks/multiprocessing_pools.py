"""multiprocessing.Pool and ThreadPool: each call or chunk that a pool hands to its workers is a work item.

The pool's own thread hands tasks over, long after the user's line asked for them; so the result object, which
is made on that line, notes who asked. A task for another process goes with a ticket, a tuple that has one
attribute more; one for a thread is run by the same cover as in `concurrent.futures`.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from loopscope.context import current_task, job_var
from loopscope.hooks import pool_workers
from loopscope.hooks.executors import Call
from loopscope.hooks.work_items import Asked, new_item, noting_creation
from loopscope.recorder import recorder
from loopscope.sent_items import Sent, sent
from loopscope.tickets import ticket_of
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import WorkItem
    from loopscope.settings import Settings

ASKED = "_loopscope_asked"  # on a result
_STARS = frozenset({"mapstar", "starmapstar"})  # what chunks are run by, with the user's function inside


def install(patches: Patches, _: Settings) -> None:
    module = sys.modules["multiprocessing.pool"]
    patches.replace(module.Pool, "__init__", noting_creation)
    patches.replace(module.Pool, "_setup_queues", lambda original: _with_tickets(original, _ticketed))
    patches.replace(module.ThreadPool, "_setup_queues", lambda original: _with_tickets(original, _covered))
    for result in (module.ApplyResult, module.IMapIterator):
        patches.replace(result, "__init__", _noting_who_asks)
    pool_workers.install(patches, module, "worker", pool_workers.outcome_of_pool)


class Ticketed(tuple[Any, ...]):  # noqa: SLOT001  a tuple cannot have a slot beside its elements
    """A task, as the pool's workers take it apart, with the ticket of its item."""

    loopscope_ticket: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return ticketed, (tuple(self), self.loopscope_ticket)


def ticketed(task: tuple[Any, ...], ticket: Any) -> Ticketed:
    made = Ticketed(task)
    made.loopscope_ticket = ticket
    return made


def _noting_who_asks(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            setattr(self, ASKED, Asked.here(sys._getframe(1), current_task()))
        except Exception:
            recorder.fault("pool")
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return __init__


def _with_tickets(original: Callable[[Any], None], dress: Callable[..., Any]) -> Callable[[Any], None]:
    def _setup_queues(self: Any) -> None:
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise
        pool, send = weakref.ref(self), self._quick_put

        def put(task: Any) -> None:
            try:
                task = _recorded(pool(), task, dress)
            except Exception:
                recorder.fault("pool")
            try:
                send(task)
            except BaseException as error:
                step_out(error)
                raise

        self._quick_put = put

    return _setup_queues


def _recorded(pool: Any, task: Any, dress: Callable[..., Any]) -> Any:
    """The task as it is sent; None, which is the order to end, goes as it is."""
    asked = getattr(pool._cache.get(task[0]), ASKED, None) if task is not None and pool is not None else None
    if asked is None:
        return task
    _, _, function, arguments, _ = task
    if getattr(function, "__name__", "") in _STARS and arguments:
        function = arguments[0][0]
    item = new_item(pool, function, pool._taskqueue.qsize(), asked)
    return dress(pool, task, item)


def _ticketed(pool: Any, task: tuple[Any, ...], item: WorkItem) -> Ticketed:
    sent[item.id] = Sent(item, weakref.ref(pool), task[0])
    return ticketed(task, ticket_of(item))


def _covered(_: Any, task: tuple[Any, ...], item: WorkItem) -> tuple[Any, ...]:
    number, index, function, arguments, options = task
    return number, index, Call(item, function, ((job_var, item.job),)), arguments, options
