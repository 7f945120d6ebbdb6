"""aiohttp's client: which task waits for which host, and who has which of the connector's connections."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks import connections, holding, phases, retries
from loopscope.hooks.afterwards import afterwards
from loopscope.hooks.http_client import end, host_of, resource_of
from loopscope.recorder import recorder
from loopscope.records import HTTP
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Hold, Wait
    from loopscope.settings import Settings

CLIENT, CONNECTOR = "aiohttp.client", "aiohttp.connector"
HOLDS = "_loopscope_holds"  # on a connector: by the address of a connection's protocol
LIMIT = "_limit"


def install_client(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[CLIENT].ClientSession, "_request", _requesting)


def install_connector(patches: Patches, _: Settings) -> None:
    connector = sys.modules[CONNECTOR].BaseConnector
    patches.replace(connector, "__init__", afterwards("aiohttp", _note_creation))
    patches.replace(connector, "_wait_for_available_connection", _queueing)
    patches.replace(connector, "connect", _connecting)
    patches.replace(connector, "_release_acquired", _releasing)


def _requesting(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def _request(self: Any, method: Any, url: Any, /, *args: Any, **options: Any) -> Any:
        wait = _begin(self, method, url)
        retries.begun(wait, method, url)
        try:
            answer = await original(self, method, url, *args, **options)
        except BaseException as error:
            end(wait, error)
            retries.ended(wait, method, url)
            step_out(error)
            raise
        end(wait)
        retries.ended(wait, method, url, answer.status)
        return answer

    return _request


def _begin(session: Any, method: Any, url: Any) -> Wait | None:
    try:
        host = host_of(session._build_url(url))
        return recorder.wait_started(HTTP, resource_of(session._connector, host), f"{method} {host}")
    except ValueError:  # no address: the client will say so
        return None
    except Exception:
        recorder.fault("aiohttp")
        return None


def _note_creation(connector: Any, caller: FrameType) -> None:
    connections.pool_of(connector, LIMIT, caller)


def _queueing(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def _wait_for_available_connection(self: Any, /, *args: Any, **options: Any) -> None:
        wait = _begin_queueing(self)
        try:
            inner = original(self, *args, **options)
            await (inner if wait is None else holding.watched(inner, wait))
        except BaseException as error:
            step_out(error)
            raise
        phases.queued(wait)

    return _wait_for_available_connection


def _begin_queueing(connector: Any) -> Wait | None:
    try:
        return connections.begin_wait(connections.pool_of(connector, LIMIT), sys._getframe(2))
    except Exception:
        recorder.fault("aiohttp")
        return None


def _connecting(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def connect(self: Any, req: Any, /, *args: Any, **options: Any) -> Any:
        hold = _take_if_free(self, req)
        try:
            connection = await original(self, req, *args, **options)
        except BaseException as error:
            if hold is not None:
                connections.give_back(hold)
            step_out(error)
            raise
        _keep(self, connection, hold)
        return connection

    return connect


def _take_if_free(connector: Any, request: Any) -> Hold | None:
    """A free place in the pool is taken before the connection is made."""
    try:
        if connector._available_connections(request.connection_key) > 0:
            return connections.take(connections.pool_of(connector, LIMIT), sys._getframe(2))
    except Exception:
        recorder.fault("aiohttp")
    return None


def _keep(connector: Any, connection: Any, hold: Hold | None) -> None:
    try:
        if hold is None:
            hold = connections.take(connections.pool_of(connector, LIMIT), sys._getframe(2))
        vars(connector).setdefault(HOLDS, {})[id(connection.protocol)] = hold
    except Exception:
        recorder.fault("aiohttp")


def _releasing(original: Callable[..., None]) -> Callable[..., None]:
    def _release_acquired(self: Any, key: Any, proto: Any, /) -> None:
        try:
            original(self, key, proto)
        except BaseException as error:
            step_out(error)
            raise
        try:
            hold = vars(self).get(HOLDS, {}).pop(id(proto), None)
            if hold is not None:
                connections.give_back(hold)
        except Exception:
            recorder.fault("aiohttp")

    return _release_acquired
