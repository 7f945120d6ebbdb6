"""redis.asyncio's pools: a command has its connection until it is answered, a transaction longer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks import connections
from loopscope.hooks.afterwards import afterwards
from loopscope.hooks.lending import Lender
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource
    from loopscope.settings import Settings

MODULE = "redis.asyncio.connection"
LIMIT = "max_connections"


def install(patches: Patches, _: Settings) -> None:
    """The blocking pool's `release` ends in the other's."""
    module = sys.modules[MODULE]
    lender = Lender("redis", _pool_of, _waits, _itself)
    patches.replace(module.ConnectionPool, "__init__", afterwards("redis", _pool_of))
    patches.replace(module.ConnectionPool, "get_connection", lender.lending)
    patches.replace(module.BlockingConnectionPool, "get_connection", lender.lending)
    patches.replace(module.ConnectionPool, "release", _releasing)


def _pool_of(pool: Any, caller: FrameType | None = None) -> Resource:
    return connections.pool_of(pool, LIMIT, caller)


def _waits(pool: Any) -> bool:
    """Only the blocking pool does; the other one raises."""
    return hasattr(pool, "timeout") and not pool.can_get_connection()


def _itself(connection: Any) -> Any:
    return connection


def _releasing(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def release(self: Any, connection: Any, /) -> None:
        try:
            await original(self, connection)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            connections.returned(self, connection)

    return release
