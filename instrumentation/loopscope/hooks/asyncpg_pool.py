"""asyncpg's pool: who waits for a connection, and who has one, from `acquire` until it is released.

A pool takes no attribute and no weak reference of ours; its queue of free connections does.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks import connections
from loopscope.hooks.lending import Lender
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource
    from loopscope.settings import Settings

MODULE = "asyncpg.pool"


def install(patches: Patches, _: Settings) -> None:
    module = sys.modules[MODULE]
    patches.replace(module.Pool, "_initialize", _initializing)
    patches.replace(module.Pool, "_acquire", Lender("asyncpg", _pool_of, _waits, _place_of).lending)
    patches.replace(module.PoolConnectionHolder, "_release", _releasing)


def _pool_of(pool: Any, caller: FrameType | None = None) -> Resource:
    known = connections.pool_of(pool._queue, "", caller)
    known.capacity = pool._maxsize
    return known


def _waits(pool: Any) -> bool:
    """With a free connection `acquire` waits for the database at most."""
    return pool._queue is not None and pool._queue.empty()


def _place_of(connection: Any) -> Any:
    """A connection is lent as a proxy of its own; its place in the pool stays."""
    return connection._holder


def _initializing(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def _initialize(self: Any, /, *args: Any, **options: Any) -> Any:
        try:
            done = await original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            _pool_of(self, sys._getframe(1))
        except Exception:
            recorder.fault("asyncpg")
        return done

    return _initialize


def _releasing(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Also when the connection is closed or lost."""

    def _release(self: Any) -> None:
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            connections.returned(getattr(getattr(self, "_pool", None), "_queue", None), self)

    return _release
