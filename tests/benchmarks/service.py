"""The FastAPI service under one variant: ``service.py VARIANT`` prints its port and, at the end, its cost.

A request makes five tasks behind a semaphore of three permits, so that two of them wait. uvicorn runs on
asyncio's own loop with h11, as it does when nothing else is installed, and writes no access log.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import sys
import time
from typing import Any

from variants import VARIANTS

TASKS = 5
PERMITS = 3
TRACED = ("part",)


def main(variant: str) -> None:
    contestant = VARIANTS[variant]()
    contestant.start(TRACED, ())
    import uvicorn  # noqa: PLC0415  after the variant has started, as in a service
    from fastapi import FastAPI  # noqa: PLC0415

    app = FastAPI(**_without_telemetry(FastAPI))
    spent = 0  # while it was driven, and at the end

    async def part(gate: asyncio.Semaphore) -> int:
        async with gate:
            await asyncio.sleep(0)
        return 1

    @app.get("/work")
    async def work() -> dict[str, int]:
        gate = asyncio.Semaphore(PERMITS)
        return {"done": sum(await asyncio.gather(*(asyncio.create_task(part(gate)) for _ in range(TASKS))))}

    @app.post("/begin")
    async def begin() -> None:
        """A turn: from here on it counts. What came before was warming up, or the turn of another service."""
        nonlocal spent
        spent -= time.process_time_ns()

    @app.post("/pause")
    async def pause() -> None:
        nonlocal spent
        spent += time.process_time_ns()

    @app.post("/end")
    async def end() -> None:
        """Finishing counts as well."""
        await begin()
        server.should_exit = True

    server = uvicorn.Server(uvicorn.Config(app, loop="asyncio", http="h11", log_level="warning"))
    listening = _listen()
    print(listening.getsockname()[1], flush=True)
    asyncio.run(server.serve([listening]))
    delivered = contestant.finish()
    print(json.dumps({"cpu": spent + time.process_time_ns(), **delivered}))


def _without_telemetry(framework: type) -> dict[str, Any]:
    """FastAPI 0.165 makes eight spans a request of its own once a provider is set, 350 µs that are neither
    loopscope's nor the asyncio instrumentation's.
    """
    knows = "telemetry" in inspect.signature(framework).parameters
    return {"telemetry": {"tracing": False}} if knows else {}


def _listen() -> socket.socket:
    """A free port. asyncio turns Nagle's delay off only for sockets that say they are TCP, which
    `socket.create_server` leaves open; with the delay each answer takes 40 ms.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


if __name__ == "__main__":
    main(sys.argv[1])
