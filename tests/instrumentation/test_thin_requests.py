"""Requests under load are counted, not kept; by compiled hooks and by those in Python alike."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref

import pytest
from web_service import call, podcast_service

import loopscope
from loopscope import context
from loopscope.hooks import compiled, web
from loopscope.recorder import recorder


def run(program):
    """In a task that is thin: the one that `asyncio.run` makes has a context of its own, and a record."""

    async def main():
        return await asyncio.create_task(program)

    return asyncio.run(main())


def test_what_becomes_of_them(under_load):
    """The same names, outcomes, lengths and work of their own."""
    told = []
    paths = ("/podcasts/1", "/podcasts/2", "/fails", "/busy", "/streams", "/nobody/serves/this")
    answers = run(call(podcast_service(told), *paths))
    assert [answer.status_code for answer in answers] == [200, 200, 500, 503, 200, 404]
    assert told == ["GET /podcasts/{number}", "speak", "speak"] * 2
    assert recorder.jobs == {}
    batch = under_load.finish()
    assert [(job.name, job.outcome, job.exception) for job in batch.jobs] == [
        ("GET /fails", "error", "RuntimeError"),
        ("GET /busy", "error", "HTTP 503"),
    ]
    assert under_load.state.jobs_finished == {
        ("GET /podcasts/{number}", "ok"): 2,
        ("speak", "ok"): 2,
        ("GET /fails", "error"): 1,
        ("GET /busy", "error"): 1,
        ("GET /streams", "ok"): 1,
        ("GET (unmatched)", "ok"): 1,
    }
    assert under_load.state.job_durations["GET /streams"].total >= 30_000_000
    assert context.thin_tasks == {}


async def application(answer, scope, receive, send):
    """Of a framework that we know: it answers as it is told."""
    await answer(scope, receive, send)


async def ask(answer, scope, send):
    await web.serving(application)(answer, scope, None, send)


async def served(answer):
    """What the server was sent for one request to an application that answers like this."""
    sent = []

    async def send(message):
        await asyncio.sleep(0)
        sent.append(message)

    await ask(answer, {"type": "http", "method": "GET"}, send)
    return sent


START = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body", "body": b"x"}


def test_a_job_ends_with_the_last_byte(under_load):
    """Not before, not with what the application does after it, and only once."""
    open_jobs = []

    async def answer(_scope, _receive, send):
        for message in (START, {**BODY, "more_body": True}, BODY):
            open_jobs.append(len(recorder.jobs))
            await send(message)
        open_jobs.append(len(recorder.jobs))

    async def main():
        assert await served(answer) == [START, {**BODY, "more_body": True}, BODY]
        assert context.job_var.get() is None

    run(main())
    assert open_jobs == [1, 1, 1, 0]
    under_load.finish()
    assert under_load.state.jobs_finished == {("GET (unmatched)", "ok"): 1}


def test_the_job_of_a_request_is_not_looked_at(under_load):
    """By the collector: it leads to nothing, and timers that were called off keep it for long."""

    async def answer(scope, _receive, send):
        assert gc.is_tracked(scope[web.JOB]) != recorder.settings.compiled
        await send(BODY)

    run(served(answer))
    under_load.finish()


def test_messages_are_the_servers_business(under_load):
    """By whatever name, of whatever kind, and also when the application is through."""
    kept = []

    async def answer(_scope, _receive, send):
        kept.append(send)
        await send(message=START)
        await send({"type": "http.response.trailers"})
        await send({})
        await send(BODY)

    async def main():
        sent = await served(answer)
        await kept[0](BODY)
        await kept[0]({"type": "http.response.start", "status": 500})
        return sent

    sent = run(main())
    assert sent[0] == START
    assert len(sent) == 6
    loopscope.uninstrument()
    assert under_load.state.faults == {"response": 1}  # a message must have a type
    assert under_load.state.jobs_finished == {("GET (unmatched)", "ok"): 1}


def test_what_sends_is_a_coroutine_function(under_load):
    """To whoever asks; and it can be referred to weakly."""
    asked = []

    async def answer(_scope, _receive, send):
        asked.append((asyncio.iscoroutinefunction(send), weakref.ref(send)() is send))
        await send(message={"type": "http.response.start", "status": 500})

    run(served(answer))
    assert asked == [(True, True)]
    batch = under_load.finish()
    assert [job.exception for job in batch.jobs] == ["HTTP 500"]


def test_a_job_that_no_with_takes_over_is_not_open(under_load):
    """A signal's handler may raise in between."""

    async def answer(_scope, _receive, send):
        await send(BODY)

    opened = compiled.requests(recorder.settings, (web._NO_ROUTE, web.JOB, web.close, web._sending, 500))

    async def main():
        opening = opened({"type": "http", "method": "GET"}, None)
        assert (opening is not None) == recorder.settings.compiled
        assert context.job_var.get() is None
        await served(answer)

    run(main())
    assert recorder.jobs == {}
    under_load.finish()


def test_an_exception_leaves_as_it_came(under_load):
    """Without a frame of ours, whoever raises it, and the job has failed."""

    async def answer(_scope, _receive, send):
        await send(START)
        raise LookupError

    async def main():
        try:
            await served(answer)
        except LookupError as error:
            return error.__traceback__

    traceback, frames = run(main()), []
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert frames == ["main", "served", "ask", "application", "answer"]
    assert recorder.jobs == {}
    batch = under_load.finish()
    assert [(job.outcome, job.exception) for job in batch.jobs] == [("error", "LookupError")]


def test_a_request_inside_another_is_no_job(under_load):
    """What an application passes on to another one is the same request."""

    async def outer(scope, _receive, send):
        await ask(inner, scope, send)

    async def inner(_scope, _receive, send):
        await send(START)
        await send(BODY)

    assert run(served(outer)) == [START, BODY]
    under_load.finish()
    assert under_load.state.jobs_finished == {("GET (unmatched)", "ok"): 1}


def test_a_request_is_left_in_another_context(under_load):
    """As a generator does that is closed by somebody else: the job ends all the same."""

    async def answer(_scope, _receive, send):
        await asyncio.sleep(0)
        await send(BODY)

    serving = served(answer)
    contextvars.copy_context().run(serving.send, None)
    with pytest.raises(GeneratorExit):
        contextvars.copy_context().run(serving.throw, GeneratorExit())
    assert recorder.jobs == {}
    loopscope.uninstrument()
    assert sum(under_load.state.jobs_finished.values()) == 1


@pytest.mark.parametrize("under_load", ["on"], indirect=True)
def test_the_compiled_way_is_the_one_taken(under_load, monkeypatch):
    """Else nothing would be gained, and nobody would notice."""
    monkeypatch.delattr(web, "_Request")

    async def answer(_scope, _receive, send):
        await send(START)
        await send(BODY)

    assert run(served(answer)) == [START, BODY]
    under_load.finish()


def test_others_are_kept_when_there_is_room(under_load):
    """With budget left, or as part of a job that is kept, a request is a record."""

    async def answer(_scope, _receive, send):
        await send(BODY)

    async def main():
        recorder.detail.left = 1000.0
        await served(answer)
        with loopscope.job("tests itself"):
            recorder.detail.left = -1000.0
            await asyncio.create_task(served(answer))

    run(main())
    batch = under_load.finish()
    requests = [job for job in batch.jobs if job.kind == "http"]
    (around,) = [job for job in batch.jobs if job.kind == "job"]
    assert [job.parent for job in requests] == [0, around.id]
