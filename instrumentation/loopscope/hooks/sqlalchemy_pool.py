"""SQLAlchemy's pools: a session has its connection until it is committed, rolled back or closed.

That of an asynchronous engine is synchronous code, too: it runs in a greenlet, and who called it stands in
the greenlet around that one. In a thread without a loop nobody is seen to wait, but who has a connection is.
The library reads its own constructors' code for the names of their arguments, so these stay as they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.context import current_task
from loopscope.hooks import connections, holding
from loopscope.hooks.afterwards import afterwards
from loopscope.recorder import recorder
from loopscope.records import ERROR, OK, Place
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource, Wait
    from loopscope.settings import Settings

MODULE, LOG = "sqlalchemy.pool.impl", "sqlalchemy.log"


def install(patches: Patches, _: Settings) -> None:
    """The asynchronous pool is a subclass that overrides nothing of this; a new pool asks for its logger."""
    pool = sys.modules[MODULE].QueuePool
    patches.replace(sys.modules[LOG], "instance_logger", afterwards("sqlalchemy", _note_creation))
    patches.replace(pool, "_do_get", _taking)
    patches.replace(pool, "_do_return_conn", _returning)


def _note_creation(made: Any, caller: FrameType) -> None:
    """Of an engine or a pool; how large it is, it does not know yet."""
    if isinstance(made, sys.modules[MODULE].QueuePool):
        connections.pool_of(made, "", caller)


def _pool_of(pool: Any) -> Resource:
    known = connections.pool_of(pool, "")
    known.capacity = pool.size() + pool._max_overflow if _is_limited(pool) else 0
    return known


def _is_limited(pool: Any) -> bool:
    return bool(pool._max_overflow >= 0)


def _taking(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def _do_get(self: Any) -> Any:
        wait = _begin_if_it_waits(self)
        try:
            connection = original(self)
        except BaseException as error:
            if wait is not None:
                holding.end(wait, ERROR)
            step_out(error)
            raise
        if wait is not None:
            holding.end(wait, OK)
        try:
            connections.lend(_pool_of(self), connection, _caller())
        except Exception:
            recorder.fault("sqlalchemy")
        return connection

    return _do_get


def _begin_if_it_waits(pool: Any) -> Wait | None:
    """It calls itself again when it was not fast enough; that is no second wait."""
    try:
        if not _is_limited(pool) or pool.checkedin() or pool.overflow() < pool._max_overflow:
            return None
        known, task = _pool_of(pool), current_task()
        if task is None or (task.wait is not None and task.wait.resource is known):
            return None
        return connections.begin_wait(known, _caller())
    except Exception:
        recorder.fault("sqlalchemy")
        return None


def _caller() -> FrameType:
    """The frame to look for the user's line from: the user's own function may run in the greenlet too."""
    frame = sys._getframe(2)
    greenlet = sys.modules.get("greenlet")
    around = greenlet.getcurrent().parent if greenlet is not None else None
    place = places.note_caller(frame)
    if around is None or around.gr_frame is None:
        return frame
    is_users = not isinstance(place, Place) and places.origin(place[0].co_filename) == places.USER
    return frame if is_users else around.gr_frame


def _returning(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def _do_return_conn(self: Any, record: Any, /) -> None:
        try:
            original(self, record)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            connections.returned(self, record)

    return _do_return_conn
