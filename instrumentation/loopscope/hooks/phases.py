"""Phases of a request with httpcore or aiohttp: the wait for a connection, name lookup, connecting, TLS."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from loopscope import peers
from loopscope.clock import now
from loopscope.context import current_task
from loopscope.recorder import recorder
from loopscope.records import HTTP
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Wait
    from loopscope.settings import Settings

CONNECTION, CONNECTOR = "httpcore._async.connection", "aiohttp.connector"
STREAM, BACKEND = "httpcore._backends.anyio", "httpcore._backends.auto"


def install_connection(patches: Patches, _: Settings) -> None:
    time_all(patches, sys.modules[CONNECTION].AsyncHTTPConnection, {"_connect": peers.CONNECT})
    patches.replace(asyncio.BaseEventLoop, "getaddrinfo", timing(peers.LOOKUP))


def install_backend(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[BACKEND].AutoBackend, "sleep", _connecting_again)


def install_stream(patches: Patches, _: Settings) -> None:
    time_all(patches, sys.modules[STREAM].AnyIOStream, {"start_tls": peers.TLS})


def install_connector(patches: Patches, _: Settings) -> None:
    time_all(patches, sys.modules[CONNECTOR].TCPConnector, {"_create_connection": peers.CONNECT})
    patches.replace(asyncio.BaseEventLoop, "getaddrinfo", timing(peers.LOOKUP))
    patches.replace(asyncio.BaseEventLoop, "_create_connection_transport", _shaking_hands)


def queued(wait: Wait | None) -> None:
    """A wait for a connection is over; most requests need none."""
    try:
        if wait is not None and (named := host()):
            peers.phases.append((named, peers.QUEUED, now() - wait.started))
    except Exception:
        recorder.fault("phase")


def time_all(patches: Patches, owner: Any, phases: dict[str, str]) -> None:
    for name, phase in phases.items():
        patches.replace(owner, name, timing(phase))


def timing(phase: str) -> Callable[..., Any]:
    def make(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(self: Any, /, *args: Any, **options: Any) -> Any:
            began = now()
            try:
                return await original(self, *args, **options)
            except BaseException as error:
                step_out(error)
                raise
            finally:
                _note(phase, began)

        return call

    return make


def _shaking_hands(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Asyncio wraps a connected socket: what takes time then is TLS."""
    timed = timing(peers.TLS)(original)

    async def _create_connection_transport(
        self: Any, sock: Any, protocol_factory: Any, ssl: Any, /, *args: Any, **options: Any
    ) -> Any:
        call = timed if ssl else original
        try:
            return await call(self, sock, protocol_factory, ssl, *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return _create_connection_transport


def _connecting_again(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Httpcore pauses before it tries to connect once more, and at no other time."""

    async def sleep(self: Any, seconds: float, /) -> None:
        try:
            if named := host():
                peers.retried.append(named)
        except Exception:
            recorder.fault("retry")
        try:
            await original(self, seconds)
        except BaseException as error:
            step_out(error)
            raise

    return sleep


def _note(phase: str, began: int) -> None:
    """Of the request that the running task is in; what is no part of one is nobody's phase."""
    try:
        if named := host():
            peers.phases.append((named, phase, now() - began))
    except Exception:
        recorder.fault("phase")


def host() -> str:
    """The host that the running task waits for."""
    task = current_task()
    wait = task.wait if task is not None else None
    while wait is not None and wait.kind != HTTP:
        wait = wait.outer
    return wait.resource.name if wait is not None and wait.resource is not None else ""
