"""Phases of a request with httpcore or aiohttp: sending, the first byte, the body of the answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope import peers
from loopscope.clock import now
from loopscope.hooks import phases
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

HTTP11, RESPONSE = "httpcore._async.http11", "aiohttp.client_reqrep"
ANSWERED = "_loopscope_answered"  # on what reads an answer's body: for which host, and since when


def install_http11(patches: Patches, _: Settings) -> None:
    connection = sys.modules[HTTP11].AsyncHTTP11Connection
    sends = {"_send_request_headers": peers.SEND, "_send_request_body": peers.SEND}
    phases.time_all(patches, connection, sends)
    patches.replace(connection, "_receive_response_headers", _answering)
    patches.replace(connection, "_response_closed", _ending_later)


def install_response(patches: Patches, _: Settings) -> None:
    response = sys.modules[RESPONSE].ClientResponse
    patches.replace(response, "start", _answering)
    for name in ("_response_eof", "close", "release"):
        patches.replace(response, name, _ending)


def _answering(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The first byte ends the wait for an answer, and its body begins."""
    timed = phases.timing(peers.FIRST_BYTE)(original)

    async def answer(self: Any, /, *args: Any, **options: Any) -> Any:
        try:
            answered = await timed(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            setattr(self, ANSWERED, (phases.host(), now()))
        except Exception:
            recorder.fault("phase")
        return answered

    return answer


def _ending(original: Callable[..., Any]) -> Callable[..., Any]:
    """The body is read, or nobody wants it any more; said several times, counted once."""

    def end(self: Any, /) -> Any:
        _note_body(self)
        try:
            return original(self)
        except BaseException as error:
            step_out(error)
            raise

    return end


def _ending_later(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def end(self: Any, /) -> None:
        _note_body(self)
        try:
            await original(self)
        except BaseException as error:
            step_out(error)
            raise

    return end


def _note_body(reader: Any) -> None:
    try:
        host, began = vars(reader).pop(ANSWERED, ("", 0))
        if host:
            peers.phases.append((host, peers.BODY, now() - began))
    except Exception:
        recorder.fault("phase")
