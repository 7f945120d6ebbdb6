"""Small programs that wait for somebody outside, each ill in one way; marked as in `sick.py`."""

import asyncio
import contextlib
import sys

import aiohttp
import httpx

FOREVER = 60
PAGE = bytes(1_000_000)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
KEPT = []  # what must not be collected: servers, responses


async def serve(answer):
    """The port of a server that runs `answer(reader, writer, number)` for each connection."""
    count = iter(range(1_000))

    async def one(reader, writer):
        KEPT.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer, next(count))

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    KEPT.append(server)
    return server.sockets[0].getsockname()[1]


async def pages(reader, writer, _):
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD % len(PAGE) + PAGE)


async def responses_left_open():
    """Each response is looked at and put aside; the pool of two is used up by the second."""
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=2), timeout=None)
    url = f"http://127.0.0.1:{await serve(pages)}/"

    async def look():
        request = client.build_request("GET", url)
        KEPT.append(await client.send(request, stream=True))  # responses_left_open

    await asyncio.gather(*(look() for _ in range(4)))


async def response_kept_by_sleeper():
    """Who has the only connection sleeps on it."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
    KEPT.append(session)
    url = f"http://127.0.0.1:{await serve(pages)}/"

    async def look():
        async with session.get(url):  # response_kept_by_sleeper
            await asyncio.sleep(FOREVER)

    await asyncio.gather(*(look() for _ in range(3)))


async def answers_until_it_does_not(reader, writer, number):
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.02)
    if number < 3:
        writer.write(HEAD % 2 + b"ok")
        await writer.drain()
        writer.close()
    else:
        await asyncio.sleep(FOREVER)


async def rates(client, url):
    return await client.get(url)  # silent_service


async def silent_service():
    """A server answers three times and never again."""
    url = f"http://127.0.0.1:{await serve(answers_until_it_does_not)}/"
    async with httpx.AsyncClient(timeout=None) as client:
        for _ in range(5):
            await asyncio.gather(rates(client, url))


async def silent_protocol():
    """A question on a bare stream is never answered."""

    async def mute(reader, *_):
        await reader.readline()
        await asyncio.sleep(FOREVER)

    async def ask(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"rate EUR\n")
        return await reader.readline()  # silent_protocol

    port = await serve(mute)
    await asyncio.gather(*(ask(port) for _ in range(2)))


async def reader_that_sleeps():
    """A peer does not read; nobody limits the wait."""

    async def deaf(*_):
        await asyncio.sleep(FOREVER)

    async def feed(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            writer.write(PAGE)
            await writer.drain()  # reader_that_sleeps

    port = await serve(deaf)
    await asyncio.gather(feed(port))


async def child_that_talks():
    """A child writes more than a pipe takes, and its end is waited for before anybody reads."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print('x' * 10_000_000)", stdout=asyncio.subprocess.PIPE
    )
    KEPT.append(child)
    await child.wait()  # child_that_talks


async def pool_of_its_own():
    """Connections are lent out of a queue; some users fail before they give theirs back."""
    free = asyncio.Queue()
    for number in range(2):
        free.put_nowait(number)

    async def lend():
        return await free.get()

    async def use(number):
        connection = await lend()  # pool_of_its_own
        await asyncio.sleep(0.02)
        if number % 4 == 3:
            raise ValueError(number)
        free.put_nowait(connection)

    async def work(numbers):
        for number in numbers:
            with contextlib.suppress(ValueError):
                await use(number)

    await asyncio.gather(*(work(range(10)) for _ in range(3)))


PROGRAMS = {
    pool_of_its_own: "connection_pool_exhausted",
    responses_left_open: "connection_pool_exhausted",
    response_kept_by_sleeper: "connection_pool_exhausted",
    silent_service: "upstream_stalled",
    silent_protocol: "upstream_stalled",
    reader_that_sleeps: "backpressure_stalled",
    child_that_talks: "backpressure_stalled",
}
