"""The metrics server: a listening socket and threads of its own, none of them the loop's."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any

from prometheus_client import MetricsHandler

from loopscope.recorder import recorder

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

KNOCK_WITHIN = 1.0  # s
PATIENCE = 10.0  # s a client may take to send its request

# Strong references: after a fork the child has dropped everything else that leads to the parent's socket,
# while the frame of the thread that served it keeps the socket itself open.
_serving: set[MetricsServer] = set()


class _Handler(MetricsHandler):
    timeout = PATIENCE


class _Listener(ThreadingMixIn, TCPServer):
    """Not `http.server.HTTPServer`, which asks the name service for the host's name as it binds."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  socketserver's signature
        """Clients may leave as they like; anything else is ours."""
        if not isinstance(sys.exception(), OSError):
            recorder.fault("metrics server")


class MetricsServer:
    """Serves a registry from the moment it is made until `close`. Raises OSError when it cannot listen."""

    def __init__(self, registry: Collector, host: str, port: int) -> None:
        self._host = host
        self._listener = _Listener(host, port, _Handler.factory(registry))
        self.port: int = self._listener.server_address[1]
        self._open = True
        self._thread = threading.Thread(target=self._serve, name="loopscope-metrics", daemon=True)
        self._thread.start()
        _serving.add(self)

    def __repr__(self) -> str:
        return f"<MetricsServer on {self._listener.server_address}>"

    def _serve(self) -> None:
        """Not `serve_forever`, which looks ten times a second whether it is to stop.

        Each time it would want the GIL, and might get it in the watchdog's stead, just when C code that kept
        it has returned and the line is still to be seen.
        """
        while self._open:
            self._listener.handle_request()

    def close(self) -> None:
        self._open = False
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self._host, self.port), timeout=KNOCK_WITHIN),
        ):
            self._thread.join()
        self._listener.server_close()
        _serving.discard(self)

    def close_inherited(self) -> None:
        """In a forked child: let go of the parent's socket, or it stays open when the parent has ended."""
        self._listener.socket.close()


def _close_inherited() -> None:
    for server in _serving:
        server.close_inherited()
    _serving.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)
