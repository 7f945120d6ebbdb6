"""Requests are jobs whichever framework and server they come through."""

from __future__ import annotations

import pytest

from programs import run

ASK = """
    import asyncio, socket, sys, threading, time, urllib.error, urllib.request

    def ask(port, *paths):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for path in paths:
            for _ in range(200):
                try:
                    opener.open(f"http://127.0.0.1:{port}{path}", timeout=20).read()
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.05)
                else:
                    break

    def free_port():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return listener.getsockname()[1]
"""


def jobs(ran):
    """Name, outcome and exception of each request in the order they came."""
    found = sorted(ran.journal.jobs(), key=lambda job: job.started)
    return [(job.name, job.state, job.exception) for job in found if job.kind == "http"]


FLASK = """
    observe()
    from flask import Flask, abort
    from concurrent.futures import ThreadPoolExecutor
    from werkzeug.serving import make_server

    app = Flask("shop")
    app.logger.disabled = True
    pool = ThreadPoolExecutor(2)

    @app.get("/orders/<int:number>")
    def order(number):
        return str(pool.submit(time.sleep, 0.01).result())

    @app.get("/gone")
    def gone():
        abort(410)

    @app.get("/broken")
    def broken():
        raise LookupError("no such table")

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    ask(server.server_port, "/orders/7", "/orders/8", "/gone", "/broken", "/nowhere")
    server.shutdown()
"""


def test_flask_requests_are_jobs_without_any_loop(tmp_path):
    """Under a threaded server; what they give to a pool belongs to them, and their view is their place."""
    ran = run(tmp_path, ASK, FLASK)
    assert jobs(ran) == [
        ("GET /orders/<int:number>", "ok", ""),
        ("GET /orders/<int:number>", "ok", ""),
        ("GET /gone", "ok", ""),
        ("GET /broken", "error", "LookupError"),
        ("GET (unmatched)", "ok", ""),
    ]
    order = next(job for job in ran.journal.jobs() if job.name.startswith("GET /orders"))
    assert [item.function for item in ran.journal.job(order.id).items] == ["sleep"]
    assert order.place.function == "order"


AIOHTTP = """
    observe()
    from aiohttp import web

    async def order(request):
        await asyncio.sleep(0.01)
        return web.Response(text=request.match_info["number"])

    async def gone(request):
        raise web.HTTPGone

    async def broken(request):
        raise LookupError("no such table")

    async def main():
        app = web.Application()
        app.router.add_get("/orders/{number}", order)
        app.router.add_get("/gone", gone)
        app.router.add_get("/broken", broken)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        await asyncio.to_thread(ask, port, "/orders/7", "/gone", "/broken", "/nowhere")
        await runner.cleanup()

    asyncio.run(main())
"""


def test_aiohttp_requests_are_jobs(tmp_path):
    """A refusal that is raised is an answer like any other."""
    assert jobs(run(tmp_path, ASK, AIOHTTP)) == [
        ("GET /orders/{number}", "ok", ""),
        ("GET /gone", "ok", ""),
        ("GET /broken", "error", "LookupError"),
        ("GET (unmatched)", "ok", ""),
    ]


QUART = """
    observe()
    from quart import Quart

    app = Quart("shop")

    @app.get("/orders/<int:number>")
    async def order(number):
        await asyncio.sleep(0.01)
        return str(number)

    PATHS = ["/orders/7"]
"""
PLAIN = """
    observe()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    PATHS = ["/orders/7"]
"""
STARLETTE = """
    observe()
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def order(request):
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/orders/{number:int}", order)])
    PATHS = ["/orders/7"]
"""
UVICORN = """
    import uvicorn

    async def main():
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve())
        await asyncio.to_thread(ask, port, *PATHS)
        server.should_exit = True
        await serving

    asyncio.run(main())
"""
HYPERCORN = """
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    async def main():
        port, enough = free_port(), asyncio.Event()
        config = Config.from_mapping(bind=[f"127.0.0.1:{port}"], graceful_timeout=0.1)
        serving = asyncio.create_task(serve(app, config, shutdown_trigger=enough.wait))
        await asyncio.to_thread(ask, port, *PATHS)
        enough.set()
        await serving

    asyncio.run(main())
"""


@pytest.mark.parametrize("server", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
@pytest.mark.parametrize(
    ("app", "name"),
    [
        (QUART, "GET /orders/<int:number>"),
        (PLAIN, "GET app"),
        (STARLETTE, "GET /orders/{number:int}"),
    ],
    ids=["quart", "plain", "starlette"],
)
def test_asgi_requests_are_jobs_once(tmp_path, app, name, server):
    """An application of no framework lends its name; none is counted by its server and again by itself."""
    assert jobs(run(tmp_path, ASK, app, server)) == [(name, "ok", "")]
