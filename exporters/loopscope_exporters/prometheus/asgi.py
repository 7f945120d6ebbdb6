"""The metrics as an ASGI app, for services that have one port only."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from loopscope_exporters.prometheus.collector import LoopscopeCollector

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from loopscope.state import LiveState
    from loopscope_exporters.prometheus.collector import Observed

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]
    Receive = Callable[[], Awaitable[Message]]
    App = Callable[[Message, Receive, Send], Awaitable[None]]


def asgi_app(observed: LiveState | Observed) -> App:
    """An app to mount, for example with ``app.mount("/metrics", ...)``; it answers GET with the metrics.

    Made of the handle, it gives each worker of a server that forks afterwards metrics of its own.
    """
    registry = CollectorRegistry()
    registry.register(LoopscopeCollector(observed))

    async def app(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        if scope["type"] != "http":
            raise TypeError(f"the metrics were asked over {scope['type']!r}; they answer http only")
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, [(b"allow", b"GET, HEAD")], b"")
            return
        accept = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept")
        encode, content_type = choose_encoder(accept.decode("latin-1"))
        text = await _off_the_loop(lambda: encode(registry))
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(text)).encode()),
        ]
        await _answer(send, 200, headers, text if scope["method"] == "GET" else b"")

    return app


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _off_the_loop(make: Callable[[], bytes]) -> bytes:
    """A thread of our own: the loop's executor may be full, which is what the metrics are asked about."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[bytes] = loop.create_future()

    def hand_over(result: bytes | None, error: Exception | None) -> None:
        if made.done():  # the client has left
            return
        if error is not None:
            made.set_exception(error)
        elif result is not None:
            made.set_result(result)

    def run() -> None:
        result, error = None, None
        try:
            result = make()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(hand_over, result, error)

    threading.Thread(target=run, name="loopscope-metrics", daemon=True).start()
    return await made
