"""The service's web face: a webhook accepts an article, a background task makes the episode."""

import asyncio
import multiprocessing
import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI, HTTPException
from pydantic import BaseModel, Field

from loopscope_dashboard.demo.ailments import routes
from loopscope_dashboard.demo.environment import SICK, VENDORS
from loopscope_dashboard.demo.lifeline import end_with_parent
from loopscope_dashboard.demo.podcasts import PodcastEngine
from loopscope_dashboard.demo.speech import SpeechClient

ENCODERS = 2


class Article(BaseModel):
    """What the webhook takes."""

    title: str
    text: str = Field(min_length=1)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the engine works with, and close it when the service ends."""
    speech: SpeechClient = app.state.speech
    encoders = ProcessPoolExecutor(
        ENCODERS,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=end_with_parent,
    )
    with tempfile.TemporaryDirectory(prefix="podcasts-") as folder:
        app.state.engine = PodcastEngine(speech, encoders, Path(folder))
        yield
        await speech.close()
        await asyncio.to_thread(encoders.shutdown)


def create_app() -> FastAPI:
    """The podcast engine; with the endpoints that plant ailments if it is to be sick."""
    app = FastAPI(title="podcasts", lifespan=lifespan)
    app.state.speech = SpeechClient(os.environ[VENDORS])  # here, for making the first one imports a lot

    @app.post("/webhook/create-podcast", status_code=202)
    async def create_podcast(article: Article, background: BackgroundTasks) -> dict[str, str]:
        engine: PodcastEngine = app.state.engine
        podcast_id = uuid.uuid4().hex[:8]
        await engine.accept(podcast_id)
        background.add_task(engine.produce, podcast_id, article.text)
        return {"id": podcast_id, "title": article.title}

    @app.get("/podcasts/{podcast_id}")
    async def read_podcast(podcast_id: str) -> dict[str, str]:
        engine: PodcastEngine = app.state.engine
        status = engine.status(podcast_id)
        if status is None:
            raise HTTPException(404, f"no podcast {podcast_id!r}; POST /webhook/create-podcast")
        return {"id": podcast_id, "status": status}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    if os.environ.get(SICK):
        app.include_router(routes.router(os.environ[VENDORS]))
    return app
