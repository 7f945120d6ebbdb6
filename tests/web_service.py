"""A service of FastAPI to ask, in the test's own process."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from starlette.responses import PlainTextResponse

from loopscope.context import current_job


async def call(app, *paths):
    """The answers of an ASGI application."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return [await client.get(path) for path in paths]


def podcast_service(told):
    """Its chunks say in which job they ran."""
    app = FastAPI()

    async def chunk():
        await asyncio.sleep(0)
        told.append(current_job().name)

    async def speak():
        await asyncio.gather(chunk(), chunk())

    @app.get("/podcasts/{number}")
    async def podcast(number: int, later: BackgroundTasks):
        later.add_task(speak)
        await asyncio.create_task(chunk(), name="of the request")
        return number

    @app.get("/fails")
    async def fails():
        raise RuntimeError

    @app.get("/busy")
    async def busy():
        return PlainTextResponse("busy", 503)

    @app.get("/streams")
    async def streams():
        async def body():
            for _ in range(3):
                await asyncio.sleep(0.01)
                yield b"x"

        return StreamingResponse(body())

    return app
