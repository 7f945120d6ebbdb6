"""httpcore's connection pool, which is httpx's: a request has its connection until its response is closed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks import connections, holding, phases
from loopscope.hooks.afterwards import afterwards
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Hold, Resource, Wait
    from loopscope.settings import Settings

MODULE = "httpcore._async.connection_pool"
UNDER_WAY = "_loopscope_under_way"  # on a request that has a connection
LIMIT = "_max_connections"


class _Under:
    """A request under way."""

    __slots__ = ("hold", "pool")

    def __init__(self, pool: Resource) -> None:
        self.pool = pool
        self.hold: Hold | None = None


_under_way: dict[int, _Under] = {}  # until its response begins, by its address


def install(patches: Patches, _: Settings) -> None:
    module = sys.modules[MODULE]
    patches.replace(module.AsyncConnectionPool, "__init__", afterwards("httpcore", _note_creation))
    patches.replace(module.AsyncConnectionPool, "handle_async_request", _handling)
    patches.replace(module.AsyncPoolRequest, "wait_for_connection", _connecting)
    patches.replace(module.PoolByteStream, "aclose", _closing)
    patches.on_restore(_under_way.clear)


def _note_creation(pool: Any, caller: FrameType) -> None:
    connections.pool_of(pool, LIMIT, caller)


def _handling(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_async_request(self: Any, request: Any) -> Any:
        _enter(self, request)
        try:
            return await original(self, request)
        except BaseException as error:
            _give_back(_under_way.get(id(request)))
            step_out(error)
            raise
        finally:
            _under_way.pop(id(request), None)

    return handle_async_request


def _enter(pool: Any, request: Any) -> None:
    try:
        _under_way[id(request)] = _Under(connections.pool_of(pool, LIMIT))
    except Exception:
        recorder.fault("httpcore")


def _connecting(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def wait_for_connection(self: Any, /, *args: Any, **options: Any) -> Any:
        wait = _begin_if_it_waits(self)
        try:
            inner = original(self, *args, **options)
            connection = await (inner if wait is None else holding.watched(inner, wait))
        except BaseException as error:
            step_out(error)
            raise
        phases.queued(wait)
        _take(self)
        return connection

    return wait_for_connection


def _begin_if_it_waits(asked: Any) -> Wait | None:
    try:
        under = _under_way.get(id(asked.request))
        if under is not None and asked.connection is None:
            return connections.begin_wait(under.pool, sys._getframe(2))
    except Exception:
        recorder.fault("httpcore")
    return None


def _take(asked: Any) -> None:
    try:
        under = _under_way.get(id(asked.request))
        if under is not None and under.hold is None:
            under.hold = connections.take(under.pool, sys._getframe(2))
            setattr(asked, UNDER_WAY, under)
    except Exception:
        recorder.fault("httpcore")


def _give_back(under: _Under | None) -> None:
    """The request failed or its response is closed: the pool has its connection back."""
    try:
        if under is not None and under.hold is not None:
            connections.give_back(under.hold)
    except Exception:
        recorder.fault("httpcore")


def _closing(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def aclose(self: Any) -> None:
        try:
            await original(self)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            _give_back(getattr(self._pool_request, UNDER_WAY, None))

    return aclose
