"""The metrics in the service's own hands: mounted in its ASGI app, or in its own registry."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.routing import Mount

from loopscope_exporters.prometheus import LoopscopeCollector, asgi_app


def ask(app, method="GET", path="/metrics/"):
    async def main():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path)

    return asyncio.run(main())


@pytest.fixture
def service(state):
    return Starlette(routes=[Mount("/metrics", asgi_app(state))])


def test_a_mounted_app_answers_with_the_metrics(service):
    """As the server on a port of its own would."""
    answer = ask(service)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'loopscope_blocks_total{cause="cpu"} 0.0' in answer.text


def test_head_has_headers_only(service):
    """Load balancers look with HEAD."""
    answer = ask(service, "HEAD")
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


def test_other_methods_are_refused(service):
    """Metrics are for reading."""
    answer = ask(service, "POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_text_is_made_off_the_loop(state, service):
    """Ten thousand tasks take 10 ms to count; the loop must not pay for them."""
    threads = []

    class Tasks(dict):
        def values(self):
            threads.append(threading.current_thread())
            return super().values()

    state.tasks = Tasks()
    ask(service)
    assert threads
    assert threading.main_thread() not in threads


def test_a_websocket_is_refused(state):
    """Mounted where it does not belong, it says so."""
    with pytest.raises(TypeError, match="answer http only"):
        asyncio.run(asgi_app(state)({"type": "websocket"}, None, None))


def test_the_users_own_registry_holds_both(state):
    """One endpoint for the application's metrics and ours."""
    registry = CollectorRegistry(auto_describe=True)  # as the default registry
    Gauge("articles", "Articles waiting.", registry=registry).set(3)
    registry.register(LoopscopeCollector(state))
    text = generate_latest(registry).decode()
    assert "articles 3.0" in text
    assert "loopscope_loop_lag_seconds_count 0.0" in text
