"""Requests and background tasks of FastAPI are jobs, without the user doing anything."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from web_service import call, podcast_service

from loopscope.records import ERROR, OK


def test_a_request_is_a_job_named_by_its_route(seen):
    """Not by its path: the template bounds the names."""
    batch = seen.run(call(podcast_service([]), "/podcasts/1", "/podcasts/2"))
    requests = [job for job in batch.jobs if job.kind == "http"]
    assert [job.name for job in requests] == ["GET /podcasts/{number}"] * 2
    assert [job.outcome for job in requests] == [OK] * 2
    of_requests = [task.job for task in batch.tasks if task.name == "of the request"]
    assert of_requests == requests


def test_a_route_of_an_included_router_has_its_prefix(seen):
    """Wherever the framework keeps it."""
    router, app = APIRouter(), FastAPI()

    @router.get("/items/{number}")
    async def item(number: int) -> int:
        return number

    app.include_router(router, prefix="/shop")
    batch = seen.run(call(app, "/shop/items/1"))
    assert [job.name for job in batch.jobs] == ["GET /shop/items/{number}"]
    assert batch.jobs[0].site.function.endswith("item")


def test_a_background_task_is_a_job_of_its_own_that_begins_after_the_response(seen):
    """Its work belongs to it and not to the request, whose job ended with its last byte."""
    batch = seen.run(call(podcast_service([]), "/podcasts/1"))
    (request,) = [job for job in batch.jobs if job.kind == "http"]
    (background,) = [job for job in batch.jobs if job.kind == "background"]
    assert background.name == "speak"
    assert background.parent == request.id
    assert request.ended <= background.started
    assert background.site.function.endswith("podcast")
    spoken = [task for task in batch.tasks if task.job is background]
    assert len(spoken) == 2


def test_failures_and_unknown_paths(seen):
    """An error is the job's outcome; paths nobody serves share a name."""
    batch = seen.run(call(podcast_service([]), "/fails", "/nobody/serves/this"))
    assert [(job.name, job.outcome) for job in batch.jobs] == [
        ("GET /fails", ERROR),
        ("GET (unmatched)", OK),
    ]
    assert batch.jobs[0].exception == "RuntimeError"


def test_a_streamed_response_is_one_job_until_its_last_byte(seen):
    """Not until its headers."""
    batch = seen.run(call(podcast_service([]), "/streams"))
    (job,) = batch.jobs
    assert job.ended - job.started >= 30_000_000


class ByName(Route):
    """A program's own route, which passes on by name, and looks at the wrong number of things before."""

    async def handle(self, scope, receive, send):
        with pytest.raises(TypeError, match="missing 2 required positional arguments"):
            await super().handle(scope)
        await super().handle(scope=scope, receive=receive, send=send)


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_a_route_may_be_asked_by_name(observe, compiled):
    async def index(_):
        return PlainTextResponse("there")

    seen = observe(compiled=compiled)
    app = Starlette(routes=[ByName("/chapters/{number}", index)])
    (answer,) = asyncio.run(call(app, "/chapters/7"))
    assert answer.text == "there"
    batch = seen.finish()
    assert [job.name for job in batch.jobs] == ["GET /chapters/{number}"]
