"""Serving one app on 127.0.0.1 and telling whoever started us where."""

from __future__ import annotations

import json
import os
import signal
from argparse import ArgumentParser
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from loopscope_dashboard.demo.lifeline import end_with_parent
from loopscope_dashboard.demo.ports import HOST
from loopscope_dashboard.listening import listen

if TYPE_CHECKING:
    from argparse import Namespace

SHUTDOWN_SECONDS = 1  # stuck work is cancelled then


def read_arguments(description: str | None) -> Namespace:
    parser = ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0, the default, is any free port")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="end when the starting process is gone"
    )
    arguments = parser.parse_args()
    if arguments.end_with_parent:
        end_with_parent()
    return arguments


def serve(factory: str, port: int, **addresses: str) -> None:
    """Serve the app that ``factory`` (module:function) makes, until SIGINT or SIGTERM.

    First prints one JSON line: pid, address, and the further ``addresses``. The socket already listens then,
    so that a reader may connect at once. Raises SystemExit with a sentence when the port is taken.
    """
    try:
        listening = listen(HOST, port)
    except OSError as taken:
        reason = os.strerror(taken.errno or 0)
        raise SystemExit(
            f"cannot listen on {HOST} port {port} ({reason}); choose another --port, or 0 for any"
        ) from None
    address = f"http://{HOST}:{listening.getsockname()[1]}"
    print(json.dumps({"pid": os.getpid(), "address": address, **addresses}), flush=True)  # noqa: T201  # the ready line
    config = uvicorn.Config(
        factory,
        factory=True,
        loop="asyncio",  # uvloop hides the steps of tasks
        log_level="critical",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    config.load()  # before the loop runs: importing the app would block it
    # When it has shut down, uvicorn raises the signal again: SIGTERM would end us before anything is closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
