"""Small programs that wait long for somebody outside, as they were made to."""

import asyncio
import contextlib
import itertools
import sys

import aiohttp
import httpx

FOREVER = 60
KEPT = []  # what must not be collected
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def serve(answer):
    """The port of a server that runs `answer(reader, writer, number)` for each connection."""
    count = itertools.count()

    async def one(reader, writer):
        KEPT.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer, next(count))

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    KEPT.append(server)
    return server.sockets[0].getsockname()[1]


async def long_polls():
    """Most clients wait for news without a time-out; the server answers some of them all the time."""

    async def news(reader, writer, number):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.3 if number < 2 else FOREVER)
            writer.write(OK)

    url = f"http://127.0.0.1:{await serve(news)}/"

    async def poll(client):
        while True:
            await client.get(url)

    async with httpx.AsyncClient(timeout=None) as client:
        await asyncio.gather(*(poll(client) for _ in range(6)))


async def patient_requests():
    """An answer takes its time, and a time-out stands by."""

    async def slow(reader, *_):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(FOREVER)

    url = f"http://127.0.0.1:{await serve(slow)}/"
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(session.get(url), session.get(url))


async def subscribers():
    """Readers wait for lines that come now and then, or not at all today."""

    async def publish(_, writer, number):
        while True:
            await asyncio.sleep(0.2 if number == 0 else FOREVER)
            writer.write(b"tick\n")

    port = await serve(publish)

    async def subscribe():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        KEPT.append(writer)
        writer.write(b"subscribe\n")
        async for _ in reader:
            pass

    await asyncio.gather(*(subscribe() for _ in range(3)))


async def idle_connections():
    """A server's handlers wait for clients that have nothing to ask."""

    async def handle(reader, writer, _):
        while line := await reader.readline():
            writer.write(line)

    port = await serve(handle)
    KEPT.extend([await asyncio.open_connection("127.0.0.1", port) for _ in range(3)])
    await asyncio.sleep(FOREVER)


async def small_pool():
    """Many requests share two connections, which go round."""

    async def answer(reader, writer, _):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.1)
            writer.write(OK)

    url = f"http://127.0.0.1:{await serve(answer)}/"

    async def ask(client):
        while True:
            await client.get(url)

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=2), timeout=None) as client:
        await asyncio.gather(*(ask(client) for _ in range(30)))


async def slow_reader():
    """A writer is held up all the time, by a peer that reads as fast as it can."""

    async def read(reader, *_):
        for _ in range(1_000):
            await reader.read(200_000)
            await asyncio.sleep(0.1)

    _, writer = await asyncio.open_connection("127.0.0.1", await serve(read))
    while True:
        writer.write(bytes(1_000_000))
        await writer.drain()


async def quiet_child():
    """A child runs for long and says little."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import time; print('ready', flush=True); time.sleep(30)",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # who reads ours waits until the last one has closed it
    )
    KEPT.append(child)
    await child.wait()


async def pool_of_its_own():
    """Connections are lent out of a queue, and used for long."""
    free = asyncio.Queue()
    for number in range(2):
        free.put_nowait(number)

    async def use(seconds):
        connection = await free.get()
        try:
            await asyncio.sleep(seconds)
        finally:
            free.put_nowait(connection)

    await asyncio.gather(*(use(0.02) for _ in range(8)))
    await asyncio.gather(*(use(FOREVER) for _ in range(4)))


async def messages_tried_again():
    """Workers put back what failed; at the end nothing is left to do, for now."""
    inbox = asyncio.Queue()
    for number in range(9):
        inbox.put_nowait((number, 0))

    async def work():
        while True:
            number, tried = await inbox.get()
            await asyncio.sleep(0.01)
            if number % 3 == 0 and tried < 2:
                inbox.put_nowait((number, tried + 1))

    KEPT.extend([asyncio.create_task(work()) for _ in range(3)])
    await asyncio.sleep(FOREVER)


PROGRAMS = (
    pool_of_its_own,
    messages_tried_again,
    long_polls,
    patient_requests,
    subscribers,
    idle_connections,
    small_pool,
    slow_reader,
    quiet_child,
)
