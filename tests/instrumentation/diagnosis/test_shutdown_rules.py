"""Ends that do not come: threads, tasks, handlers and guests that keep a program from stopping."""

import sys

import pytest

from programs import LIMITED, side_by_side

LEFT_IN_A_THREAD = """
    def convert():
        time.sleep(20)  # culprit

    async def main():
        try:
            await asyncio.wait_for(asyncio.to_thread(convert), 0.1)
        except TimeoutError:
            print("given up")

    limit(2.5)
    asyncio.run(main())
"""

LEFT_A_THREAD = """
    def poll():
        while True:
            time.sleep(0.3)  # culprit

    async def main():
        threading.Thread(target=poll).start()
        await asyncio.sleep(0.1)

    limit(2.5)
    asyncio.run(main())
"""

LATE_CLEAN_UP = """
    async def connection():
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(30)  # culprit

    async def main():
        asyncio.get_running_loop().kept = asyncio.create_task(connection())
        await asyncio.sleep(0.1)

    limit(2.5)
    asyncio.run(main())
"""

EXIT_HANDLER = """
    import atexit

    def flush():
        time.sleep(20)  # culprit

    async def main():
        await asyncio.sleep(0.1)

    atexit.register(flush)
    limit(2.5)
    asyncio.run(main())
"""

TOLD_TO_STOP = """
    import signal

    async def consume(inbox):
        while True:
            await inbox.get()  # culprit

    async def main():
        stop, inbox = asyncio.Event(), asyncio.Queue()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        consumers = [asyncio.create_task(consume(inbox)) for _ in range(2)]
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
        await stop.wait()
        await asyncio.gather(*consumers)

    limit(2.5)
    asyncio.run(main())
"""

SERVER_WITH_A_GUEST = """
    import httpx, uvicorn

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.sleep(60)  # culprit

    async def main():
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        asking = threading.Thread(
            target=lambda: httpx.get(f"http://127.0.0.1:{port}/", timeout=60, trust_env=False), daemon=True
        )
        asking.start()
        await asyncio.sleep(0.5)
        server.should_exit = True
        await serving

    limit(4.0)
    asyncio.run(main())
"""

LIFESPAN = """
    import contextlib, fastapi, uvicorn

    async def drain(inbox):
        while True:
            await inbox.get()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        draining = asyncio.create_task(drain(asyncio.Queue()))
        yield
        await draining  # culprit

    async def main():
        app = fastapi.FastAPI(lifespan=lifespan)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        asyncio.get_running_loop().call_later(0.6, setattr, server, "should_exit", True)
        await server.serve()

    limit(4.0)
    asyncio.run(main())
"""

AIOHTTP_WITH_A_GUEST = """
    import aiohttp
    from aiohttp import web

    async def handle(request):
        await asyncio.sleep(60)  # culprit

    async def main():
        app = web.Application()
        app.router.add_get("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with aiohttp.ClientSession() as session:
            guest = asyncio.create_task(session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/"))
            await asyncio.sleep(0.3)
            await runner.cleanup()
            await guest

    limit(3.5)
    asyncio.run(main())
"""

STREAMS_WITH_A_GUEST = """
    async def serve(reader, writer):
        await reader.readline()  # culprit

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(0.3)
        server.close()
        await server.wait_closed()

    limit(3.5)
    asyncio.run(main())
"""

STALLED = {
    "work left in a thread": LEFT_IN_A_THREAD,
    "a thread": LEFT_A_THREAD,
    "a late clean-up": LATE_CLEAN_UP,
    "a handler at exit": EXIT_HANDLER,
    "consumers after a signal": TOLD_TO_STOP,
    "a guest of uvicorn": SERVER_WITH_A_GUEST,
    "a guest of aiohttp": AIOHTTP_WITH_A_GUEST,
    "a lifespan": LIFESPAN,
}
if sys.version_info >= (3, 12):  # before, a server does not wait for its guests
    STALLED["a guest of a stream"] = STREAMS_WITH_A_GUEST


@pytest.fixture(scope="module")
def stalled(tmp_path_factory):
    """The programs as they run or have run, by name."""
    programs = [(LIMITED, program) for program in STALLED.values()]
    with side_by_side(tmp_path_factory.mktemp("stalled"), programs) as started:
        yield dict(zip(STALLED, started, strict=True))


@pytest.mark.parametrize("name", STALLED)
def test_what_keeps_a_program_from_stopping_is_named(stalled, name):
    """The first finding names the line at which whoever is waited for stands."""
    ran = stalled[name].result()
    found = ran.findings()[0]
    assert (found.kind, ran.line(found.culprit).endswith("# culprit")) == ("shutdown_stalled", True)
    assert found.explain.endswith(".")
    assert found.fix
