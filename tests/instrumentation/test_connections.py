"""Connection pools of httpx and aiohttp: who waits for a connection, and who took the ones that are gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time

import aiohttp
import httpx
import pytest
import trustme

from loopscope.records import CANCELLED, ERROR, HTTP, OK, POOL, TIMED_OUT
from loopscope_exporters.prometheus.remote import peers

BRIEF = 0.02
LENGTH = 1_000_000  # more than a client reads before it is asked to
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LENGTH + bytes(LENGTH)


@pytest.fixture(scope="module")
def tls():
    """What a server and a client need that trust one authority."""
    authority = trustme.CA()
    of_server, of_client = (ssl.SSLContext(p) for p in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    authority.issue_cert("127.0.0.1").configure_cert(of_server)
    authority.configure_trust(of_client)
    return of_server, of_client


@pytest.fixture
def unused_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.asynccontextmanager
async def server(answer, **options):
    """The address of a server that runs `answer(reader, writer)` for each connection."""
    writers = []

    async def serve(reader, writer):
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    scheme = "https" if options else "http"
    try:
        yield f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        for writer in writers:
            writer.transport.abort()
        listening.close()
        await asyncio.sleep(0)


async def answers(reader, writer):
    while True:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(BRIEF)
        writer.write(ANSWER)


class Httpx:
    """One connection; a response keeps it until it is closed."""

    def client(self, ssl=True):
        return httpx.AsyncClient(limits=httpx.Limits(max_connections=1), timeout=None, verify=ssl)

    async def get(self, client, url):
        await client.get(url)

    async def leak(self, client, url):
        return await client.send(client.build_request("GET", url), stream=True)

    async def close(self, response):
        await response.aclose()


class Aiohttp:
    """The same for aiohttp."""

    def client(self, ssl=True):
        connector = aiohttp.TCPConnector(limit=1, ssl=ssl)
        return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))

    async def get(self, client, url):
        async with client.get(url) as response:
            await response.read()

    async def leak(self, client, url):
        return await client.get(url)

    async def close(self, response):
        response.close()


LIBRARIES = pytest.mark.parametrize("library", [Httpx(), Aiohttp()], ids=["httpx", "aiohttp"])


@LIBRARIES
def test_a_pool_knows_its_waiters_and_who_has_its_connections(seen, library):
    """The second request waits for the first one's connection; both lines are the user's."""

    async def main():
        async with server(answers) as url, library.client() as client:
            await asyncio.gather(library.get(client, url), library.get(client, url))

    batch = seen.run(main())
    (wait,) = [wait for wait in batch.waits if wait.kind == POOL]
    assert wait.resource.capacity == 1
    assert wait.site.function.endswith(".get")
    assert wait.outcome == OK
    first, second = (hold for hold in batch.holds if hold.resource is wait.resource)
    assert wait.task is second.task
    assert wait.held_by == (first.task.id,)
    assert first.site.function.endswith(".get")
    assert first.released <= second.acquired + 1_000_000
    assert wait.resource.in_use == wait.resource.waiting == 0


@LIBRARIES
def test_a_connection_that_is_not_given_back_stays_held(seen, library):
    """Also when the task that took it has ended: the hold names its line."""

    async def main():
        async with server(answers) as url, library.client() as client:
            response = await asyncio.create_task(library.leak(client, url))
            task = asyncio.create_task(library.get(client, url))
            await asyncio.sleep(BRIEF)
            snapshot = seen.handle.snapshot()
            (hold,) = [hold for hold in snapshot.holds if hold.resource.kind == POOL]
            assert hold.site.function.endswith(".leak")
            assert hold.task.ended
            (wait,) = [wait for wait in snapshot.waits if wait.kind == POOL]
            assert wait.resource is hold.resource
            assert wait.outer.kind == HTTP
            await library.close(response)
            await task
            assert not [hold for hold in seen.handle.snapshot().holds if hold.resource.kind == POOL]

    seen.run(main())


@LIBRARIES
def test_a_request_that_is_given_up_gives_its_connection_back(seen, library):
    """Cancelled in the middle, and refused before it began."""

    async def main():
        async with server(answers) as url, library.client() as client:
            task = asyncio.create_task(library.get(client, url))
            await asyncio.sleep(BRIEF / 2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with pytest.raises((httpx.ConnectError, aiohttp.ClientError)):
                await library.get(client, "http://127.0.0.1:1/")
            assert not [hold for hold in seen.handle.snapshot().holds if hold.resource.kind == POOL]

    batch = seen.run(main())
    assert CANCELLED in {wait.outcome for wait in batch.waits if wait.kind == HTTP}


@LIBRARIES
def test_a_pool_is_named_by_the_variable_of_its_client(seen, library):
    """Or of its connector, where the user makes one."""

    async def main():
        async with library.client():
            names = {r.kind: r.name for r in seen.state.resources.values()}
            assert POOL in names

    seen.run(main())
    (pool,) = [resource for resource in seen.batch.resources if resource.kind == POOL]
    assert pool.site.function.endswith(".client")


def test_an_aiohttp_request_is_a_wait_for_its_host(seen):
    """Method, host and port; path and query are not recorded."""

    async def main():
        async with server(answers) as url, aiohttp.ClientSession() as session:
            response = await session.get(url + "secret?token=secret")
            await response.read()

    (wait,) = [wait for wait in seen.run(main()).waits if wait.kind == HTTP and wait.resource]
    assert wait.detail.startswith("GET 127.0.0.1:")
    assert wait.resource.name == wait.detail.removeprefix("GET ")
    assert "secret" not in repr(wait)


def test_an_aiohttp_request_that_cannot_be_sent_fails_as_ever(seen):
    """The exception is the client's own."""

    async def main():
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.InvalidURL):
                await session.get("no address")

    seen.run(main())


@pytest.mark.parametrize(("seconds", "limited"), [(None, False), (30, True)])
@LIBRARIES
def test_a_request_knows_whether_a_time_out_will_end_it(seen, library, seconds, limited):
    """Read from the timers that the client has set for the part of the request that it is in."""

    async def never(reader, _):
        await reader.read()

    def client():
        if isinstance(library, Httpx):
            return httpx.AsyncClient(timeout=seconds)
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds))

    async def main():
        async with server(never) as url, client() as made:
            task = asyncio.create_task(library.get(made, url))
            deadline = time.monotonic() + 5
            while not (found := [w for w in seen.handle.snapshot().waits if w.kind == HTTP and w.until >= 0]):
                assert time.monotonic() < deadline
                await asyncio.sleep(BRIEF)
            assert (found[0].until > time.monotonic_ns()) is limited
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


@LIBRARIES
def test_a_host_is_known_by_its_requests_and_their_phases(seen, library):
    """How many ended how, how long connecting and the first byte took, what is under way."""

    async def main():
        async with server(answers) as url, library.client() as client:
            host = url.removeprefix("http://").rstrip("/")
            await library.get(client, url)
            task = asyncio.create_task(library.get(client, url))
            await asyncio.sleep(BRIEF / 2)
            assert numbers(seen)["loopscope_peer_requests_under_way", host] == 1
            await task
            with pytest.raises((httpx.ConnectError, aiohttp.ClientError)):
                await library.get(client, "http://127.0.0.1:1/")
        return host

    host = asyncio.run(main())
    seen.finish()
    metrics = numbers(seen)
    assert metrics["loopscope_peer_requests_total", host, OK] == 2
    assert metrics["loopscope_peer_requests_total", "127.0.0.1:1", ERROR] == 1
    assert metrics["loopscope_peer_requests_under_way", host] == 0
    for phase in ("connect", "first_byte"):
        assert metrics["loopscope_peer_phase_seconds_count", host, phase] >= 1
    assert metrics["loopscope_peer_phase_seconds_sum", host, "first_byte"] >= BRIEF * 0.9


def numbers(seen):
    """The metrics of all remote parties, by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in peers(seen.state, 0)
        for sample in family.samples
    }


@LIBRARIES
def test_tls_body_and_the_wait_for_a_connection_are_phases_of_their_own(seen, library, tls):
    """Two requests on one connection: one handshake, one wait, two bodies."""
    of_server, of_client = tls

    async def main():
        async with server(answers, ssl=of_server) as url, library.client(ssl=of_client) as client:
            await asyncio.gather(library.get(client, url), library.get(client, url))
            return url.removeprefix("https://").rstrip("/")

    host = asyncio.run(main())
    seen.finish()
    count = "loopscope_peer_phase_seconds_count"
    counted = {phase: numbers(seen).get((count, host, phase), 0) for phase in ("tls", "pool", "body")}
    assert counted == {"tls": 1, "pool": 1, "body": 2}
    assert numbers(seen)["loopscope_peer_phase_seconds_sum", host, "pool"] >= BRIEF * 0.9


@LIBRARIES
def test_the_same_address_asked_again_after_it_failed_is_a_retry(seen, library):
    """Not another address, and not once it has answered well."""
    asked = []

    async def unwilling(reader, writer):
        while True:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            status = b"503 Busy" if len(asked) <= 2 else b"200 OK"
            writer.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)

    async def main():
        async with server(unwilling) as url, library.client() as client:
            for path in ("one", "one", "one", "one", "two"):
                await library.get(client, url + path)
            return url.removeprefix("http://").rstrip("/")

    host = asyncio.run(main())
    seen.finish()
    assert numbers(seen)["loopscope_peer_retries_total", host] == 2


def test_a_connection_that_httpx_makes_again_is_a_retry(seen, unused_port):
    """By its own setting: it pauses before each."""

    async def main():
        transport = httpx.AsyncHTTPTransport(retries=1)
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{unused_port}/")

    asyncio.run(main())
    seen.finish()
    assert numbers(seen)["loopscope_peer_retries_total", f"127.0.0.1:{unused_port}"] == 1


def test_a_request_that_times_out_says_so(seen):
    """It is told from other errors, in the wait and in the metrics."""

    async def never(reader, _):
        await reader.read()

    async def main():
        async with server(never) as url, httpx.AsyncClient(timeout=BRIEF) as client:
            with pytest.raises(httpx.TimeoutException):
                await client.get(url)
        async with server(never) as url:
            limit = aiohttp.ClientTimeout(total=BRIEF)
            async with aiohttp.ClientSession(timeout=limit) as session:
                with pytest.raises(TimeoutError):
                    await session.get(url)

    batch = seen.run(main())
    assert [wait.outcome for wait in batch.waits if wait.kind == HTTP and wait.resource] == [TIMED_OUT] * 2
