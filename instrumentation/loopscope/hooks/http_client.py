"""httpx: which task waits for which host, and a client span for each request where spans are on."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from loopscope import peers, tracing
from loopscope.hooks import retries
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, ERROR, HTTP, OK, TIMED_OUT
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource, Wait
    from loopscope.settings import Settings

HOSTS = "_loopscope_hosts"  # on a transport: its hosts as resources
MOST_HOSTS = 100  # per transport
_PORTS = {"http": 80, "https": 443}


def install(patches: Patches, settings: Settings) -> None:
    httpx = sys.modules["httpx"]
    patches.replace(httpx.AsyncHTTPTransport, "handle_async_request", _requesting)
    spans = _ClientSpans(patches, propagate=settings.http_propagation)
    patches.on_restore(spans.end)
    patches.on_restore(tracing.when_enabled(spans.begin))


def _requesting(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_async_request(self: Any, request: Any) -> Any:
        wait = _begin(self, request)
        retries.begun(wait, request.method, request.url)
        try:
            answer = await original(self, request)
        except BaseException as error:
            end(wait, error)
            retries.ended(wait, request.method, request.url)
            step_out(error)
            raise
        end(wait)
        retries.ended(wait, request.method, request.url, answer.status_code)
        return answer

    return handle_async_request


def _outcome_of(error: BaseException | None) -> str:
    """What became of a request. Time-outs of a library's own make say so by their name."""
    if error is None:
        return OK
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    timed_out = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
    return TIMED_OUT if timed_out else ERROR


def end(wait: Wait | None, error: BaseException | None = None) -> None:
    """Close the wait for a request, and count it for its host."""
    if wait is None:
        return
    try:
        outcome = _outcome_of(error)
        recorder.wait_ended(wait, outcome)
        if wait.resource is not None:
            peers.ended.append((wait.resource.name, outcome))
    except Exception:
        recorder.fault("request")


def _begin(transport: Any, request: Any) -> Wait | None:
    """Method, host and port are recorded; path, query, headers and body are nobody's business."""
    try:
        host = host_of(request.url)
        return recorder.wait_started(HTTP, resource_of(transport, host), f"{request.method} {host}")
    except Exception:
        recorder.fault("httpx")
        return None


def host_of(url: Any) -> str:
    """Host and port, of httpx's and of aiohttp's addresses."""
    return f"{url.host}:{url.port or _PORTS.get(url.scheme, 0)}"


def resource_of(transport: Any, host: str) -> Resource | None:
    """The host as a resource of the transport or connector that it is reached by."""
    hosts: dict[str, Resource] | None = getattr(transport, HOSTS, None)
    if hosts is None:
        hosts = {}
        setattr(transport, HOSTS, hosts)
    record = hosts.get(host)
    if record is None and len(hosts) < MOST_HOSTS:
        record = hosts[host] = recorder.resource(HTTP, transport, None)
        record.name = host
    return record


class _ClientSpans:
    """OpenTelemetry's own instrumentation of httpx, held for as long as nobody else wants it.

    It is one per process. If the program has switched it on, it is the program's; if the program does so
    later, ours gives way first, so that the program gets what it asked for. Trace headers change what a
    service sends: ours adds them only when told to.
    """

    def __init__(self, patches: Patches, *, propagate: bool) -> None:
        self._patches = patches
        self._propagate = propagate
        self._instrumentor: Any = None  # while it is ours

    def __repr__(self) -> str:
        return f"<client spans of httpx, {'ours' if self._instrumentor else 'not ours'}>"

    def begin(self) -> None:
        """Start, or go over to the provider that is now in use."""
        from opentelemetry.instrumentation import httpx as library  # noqa: PLC0415  # 100 ms

        self.end()
        instrumentor = library.HTTPXClientInstrumentor()
        if instrumentor.is_instrumented_by_opentelemetry:
            return
        instrumentor.instrument(tracer_provider=tracing.provider)
        self._instrumentor = instrumentor
        self._patches.replace(library, "inject", self._adding_headers)
        self._patches.replace(library.HTTPXClientInstrumentor, "instrument", self._giving_way)

    def end(self) -> None:
        if self._instrumentor is not None:
            instrumentor, self._instrumentor = self._instrumentor, None
            instrumentor.uninstrument()

    def _adding_headers(self, original: Callable[..., None]) -> Callable[..., None]:
        def inject(*args: Any, **options: Any) -> None:
            try:
                if self._propagate or self._instrumentor is None:
                    original(*args, **options)
            except BaseException as error:
                step_out(error)
                raise

        return inject

    def _giving_way(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def instrument(instrumentor: Any, /, **options: Any) -> Any:
            if instrumentor is self._instrumentor:
                self.end()
            try:
                return original(instrumentor, **options)
            except BaseException as error:
                step_out(error)
                raise

        return instrument
