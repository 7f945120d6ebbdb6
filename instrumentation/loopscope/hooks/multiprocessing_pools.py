"""multiprocessing.Pool and ThreadPool: each call or chunk that a pool hands to its workers is a work item.

The pool's own thread hands tasks over, long after the user's line asked for them; so the result object, which
is made on that line, notes who asked. A task for another process goes with a ticket, a tuple that has one
attribute more; one for a thread is run by the same cover as in `concurrent.futures`.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope.context import job_var
from loopscope.hooks import pool_workers
from loopscope.hooks.executors import Call
from loopscope.hooks.work_items import Asked, end, new_item, noting_creation
from loopscope.recorder import recorder
from loopscope.records import LOST, OK
from loopscope.tickets import ticket_of
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import WorkItem
    from loopscope.settings import Settings

ASKED = "_loopscope_asked"  # on a result
_STARS = frozenset({"mapstar", "starmapstar"})  # what chunks are run by, with the user's function inside


class _Sent(NamedTuple):
    """An item that another process runs, and where its result is missing: in the pool's cache."""

    item: WorkItem
    pool: weakref.ref[Any]
    number: int

    def verdict(self) -> str:
        """What became of it by all that this process can see; empty while it may still run."""
        pool = self.pool()
        if pool is None or self.number not in pool._cache:
            return OK
        return LOST if self.item.process and not _is_alive(self.item.process) else ""


_sent: dict[int, _Sent] = {}  # by id of the item
_doubted: set[int] = set()  # over at the last look, though no letter had come


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
            setattr(self, ASKED, Asked.here(sys._getframe(1)))
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
    _sent[item.id] = _Sent(item, weakref.ref(pool), task[0])
    return ticketed(task, ticket_of(item))


def _covered(_: Any, task: tuple[Any, ...], item: WorkItem) -> tuple[Any, ...]:
    number, index, function, arguments, options = task
    return number, index, Call(item, function, ((job_var, item.job),)), arguments, options


def look_at_items() -> None:
    """Close items whose result came without a letter, and those whose worker is gone; for the pump.

    A pool puts another worker in the place of one that died, and never tells who waits for its result. A
    letter may be on its way when the result is there or the worker is gone: hence two looks.
    """
    for id_, sent in [*_sent.items()]:
        verdict = "" if sent.item.ended else sent.verdict()
        if verdict and id_ not in _doubted:
            _doubted.add(id_)
        elif verdict or sent.item.ended:
            del _sent[id_]
            _doubted.discard(id_)
            end(sent.item, verdict)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def forget() -> None:
    """In a forked child: those items are the parent's."""
    _sent.clear()
    _doubted.clear()
