"""httpx under observation: what a task waits for, client spans, and requests that are sent as before."""

from __future__ import annotations

import asyncio
import http.server
import threading

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import loopscope
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, ERROR, HTTP, OK


class Server(http.server.ThreadingHTTPServer):
    """Answers each request when `go` is set, and keeps the headers it got."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.headers = []
        self.arrived = threading.Event()
        self.go = threading.Event()
        self.go.set()

    @property
    def host(self):
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self):
        return f"http://{self.host}/secret/path?token=secret"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.headers.append(self.headers)
        self.server.arrived.set()
        self.server.go.wait()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.go.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def spans(monkeypatch):
    """The finished spans of a provider that is set before `instrument()`."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return memory.get_finished_spans


@pytest.fixture
def instrument():
    """`loopscope.instrument()` whose ended waits are kept for the test instead of the pump."""

    def start(**settings):
        return loopscope.instrument(journal="off", metrics_port=-1, **settings)

    yield start
    loopscope.uninstrument()


@pytest.fixture
def waits(instrument, monkeypatch):
    """The waits for hosts that have ended."""
    ended = []
    original = recorder.wait_ended

    def wait_ended(wait, outcome):
        original(wait, outcome)
        if wait.kind == HTTP:
            ended.append(wait)

    monkeypatch.setattr(recorder, "wait_ended", wait_ended)
    instrument()
    return ended


def outermost(wait):
    """The request itself, not the event inside the library that is a part of the wait for it."""
    return wait if wait.outer is None else outermost(wait.outer)


async def fetch(url):
    async with httpx.AsyncClient() as client:
        return await client.get(url)


def test_a_request_is_a_wait_for_its_host(waits, server):
    """Method, host and port; path, query and headers are not recorded."""
    asyncio.run(fetch(server.url))

    (wait,) = waits
    assert wait.detail == f"GET {server.host}"
    assert wait.resource.name == server.host
    assert wait.outcome == OK
    assert "secret" not in repr(wait)


def test_a_request_under_way_is_an_open_wait(waits, server):
    """The request that never comes back is the one somebody asks about."""
    server.go.clear()

    async def main():
        task = asyncio.create_task(fetch(server.url))
        await asyncio.to_thread(server.arrived.wait)
        seen = outermost(next(wait for wait in loopscope.snapshot().waits if wait.task.ref() is task))
        server.go.set()
        await task
        return seen

    open_wait = asyncio.run(main())

    assert open_wait.kind == HTTP
    assert open_wait.detail == f"GET {server.host}"


def test_a_request_that_fails_or_is_cancelled_ends_its_wait(waits, server):
    """The outcome says which; the exception is the program's as ever."""
    server.go.clear()

    async def cancelled():
        task = asyncio.create_task(fetch(server.url))
        await asyncio.to_thread(server.arrived.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def refused():
        with pytest.raises(httpx.UnsupportedProtocol):
            await fetch("ftp://127.0.0.1/")

    asyncio.run(cancelled())
    asyncio.run(refused())

    assert [wait.outcome for wait in waits] == [CANCELLED, ERROR]


def test_a_client_made_before_instrument_is_observed(server, instrument, spans):
    """Transports are hooked by their class."""

    async def main():
        async with httpx.AsyncClient() as client:
            instrument()
            with loopscope.job("podcast"):
                await client.get(server.url)

    asyncio.run(main())

    assert "GET" in [span.name for span in spans()]


def test_each_request_is_a_client_span_of_the_task_that_sent_it(server, instrument, spans):
    """Two tasks at a time, each with a span of its own below it."""
    instrument().exporter("spans")

    async def main():
        with loopscope.job("podcast"):
            await asyncio.gather(fetch(server.url), fetch(server.url))

    asyncio.run(main())
    loopscope.uninstrument()

    requests = [span for span in spans() if span.kind is trace.SpanKind.CLIENT]
    tasks = [span for span in spans() if span.name == fetch.__qualname__]
    assert len(requests) == 2
    assert {span.parent.span_id for span in requests} == {span.context.span_id for span in tasks}


def test_trace_headers_are_not_sent_unasked(server, instrument, spans):
    """An observer does not change what a service sends."""
    instrument()

    asyncio.run(fetch(server.url))

    assert "traceparent" not in server.headers[0]


def test_trace_headers_are_sent_when_asked_for(server, instrument, spans):
    """They name the client span, so that the other side becomes its child."""
    instrument(http_propagation=True)

    asyncio.run(fetch(server.url))

    (request,) = [span for span in spans() if span.kind is trace.SpanKind.CLIENT]
    assert f"{request.context.span_id:016x}" in server.headers[0]["traceparent"]


def test_a_program_that_instruments_httpx_first_keeps_its_instrumentation(server, instrument, spans):
    """One span a request, and the headers that it asked for; also after `uninstrument()`."""
    HTTPXClientInstrumentor().instrument()
    try:
        instrument()
        asyncio.run(fetch(server.url))
        loopscope.uninstrument()
        asyncio.run(fetch(server.url))
    finally:
        HTTPXClientInstrumentor().uninstrument()

    assert [span.name for span in spans()] == ["GET", "GET"]
    assert all("traceparent" in headers for headers in server.headers)


def test_a_program_that_instruments_httpx_later_gets_what_it_asks_for(server, instrument, spans, caplog):
    """Ours gives way: no second span, no warning, and headers as the library sends them."""
    instrument()
    HTTPXClientInstrumentor().instrument()
    try:
        asyncio.run(fetch(server.url))
    finally:
        HTTPXClientInstrumentor().uninstrument()

    assert [span.name for span in spans()] == ["GET"]
    assert "traceparent" in server.headers[0]
    assert "already instrumented" not in caplog.text


def test_uninstrument_restores_httpx(instrument, spans):
    """Nothing of ours and nothing of the library's instrumentation is left."""
    asynchronous = httpx.AsyncHTTPTransport.handle_async_request
    synchronous = httpx.HTTPTransport.handle_request

    instrument()
    assert httpx.AsyncHTTPTransport.handle_async_request is not asynchronous
    loopscope.uninstrument()

    assert httpx.AsyncHTTPTransport.handle_async_request is asynchronous
    assert httpx.HTTPTransport.handle_request is synchronous
    assert not HTTPXClientInstrumentor().is_instrumented_by_opentelemetry


def test_a_request_of_a_synchronous_client_is_no_wait_of_a_task(waits, server):
    """A synchronous client waits in its thread; the block or work item it is in tells of it."""
    httpx.get(server.url)

    assert waits == []
