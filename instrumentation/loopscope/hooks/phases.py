"""Phases of a request with httpcore or aiohttp: name lookup, connecting, sending, waiting for an answer."""

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
    from loopscope.settings import Settings

CONNECTION, HTTP11 = "httpcore._async.connection", "httpcore._async.http11"
CONNECTOR, RESPONSE = "aiohttp.connector", "aiohttp.client_reqrep"


def install_connection(patches: Patches, _: Settings) -> None:
    _time(patches, sys.modules[CONNECTION].AsyncHTTPConnection, {"_connect": peers.CONNECT})
    patches.replace(asyncio.BaseEventLoop, "getaddrinfo", _timing(peers.LOOKUP))


def install_http11(patches: Patches, _: Settings) -> None:
    sends = {"_send_request_headers": peers.SEND, "_send_request_body": peers.SEND}
    answers = {"_receive_response_headers": peers.FIRST_BYTE}
    _time(patches, sys.modules[HTTP11].AsyncHTTP11Connection, sends | answers)


def install_connector(patches: Patches, _: Settings) -> None:
    _time(patches, sys.modules[CONNECTOR].TCPConnector, {"_create_connection": peers.CONNECT})
    patches.replace(asyncio.BaseEventLoop, "getaddrinfo", _timing(peers.LOOKUP))


def install_response(patches: Patches, _: Settings) -> None:
    _time(patches, sys.modules[RESPONSE].ClientResponse, {"start": peers.FIRST_BYTE})


def _time(patches: Patches, owner: Any, phases: dict[str, str]) -> None:
    for name, phase in phases.items():
        patches.replace(owner, name, _timing(phase))


def _timing(phase: str) -> Callable[..., Any]:
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


def _note(phase: str, began: int) -> None:
    """Of the request that the running task is in; what is no part of one is nobody's phase."""
    try:
        task = current_task()
        wait = task.wait if task is not None else None
        while wait is not None and wait.kind != HTTP:
            wait = wait.outer
        if wait is not None and wait.resource is not None:
            peers.phases.append((wait.resource.name, phase, now() - began))
    except Exception:
        recorder.fault("phase")
