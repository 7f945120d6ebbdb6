"""Open waits: whose end they wait for, which resource of which library, and what time-out will end them."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio
import httpx
import pytest
import uvloop

from loopscope.records import EXECUTOR, GATHER, IO, NOT_SEEN, POOL, QUEUE, SLEEP, TASK, WRITE

LONG = 60


async def open_wait(seen, coroutine, kind=""):
    """The open wait of the task that runs `coroutine`, as soon as it was looked at."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for wait in seen.handle.snapshot().waits:
            if (
                wait.task.coroutine.endswith(coroutine)
                and wait.until >= 0
                and (not kind or wait.kind == kind)
            ):
                return wait
        await asyncio.sleep(0.02)
    raise AssertionError([(w.task.coroutine, w.kind, w.until) for w in seen.handle.snapshot().waits])


def ids_of(seen, *coroutines):
    return {
        task.id for task in seen.state.tasks.values() for name in coroutines if task.coroutine.endswith(name)
    }


async def first():
    await asyncio.sleep(LONG)


async def second():
    await asyncio.sleep(LONG)


async def by_gather():
    await asyncio.gather(first(), second())


async def by_gathers_within():
    await asyncio.gather(asyncio.gather(first()), asyncio.gather(second()))


async def by_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        group.create_task(second())


async def by_anyio_group():
    async with anyio.create_task_group() as group:
        group.start_soon(first)
        group.start_soon(second)


async def by_wait():
    await asyncio.wait([asyncio.create_task(first()), asyncio.create_task(second())])


async def by_first_to_end():
    tasks = [asyncio.create_task(first()), asyncio.create_task(second())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def by_as_completed():
    for done in asyncio.as_completed([first(), second()]):
        await done


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        (by_gather, GATHER),
        (by_gathers_within, GATHER),
        (by_group, GATHER),
        (by_anyio_group, GATHER),
        (by_wait, GATHER),
        (by_first_to_end, TASK),
        (by_as_completed, TASK),
    ],
)
def test_who_waits_for_several_tasks_names_them_all(seen, how, kind):
    """The edges of a wait-for graph; the kind says if it takes all of them or one to go on."""

    async def main():
        task = asyncio.create_task(how())
        wait = await open_wait(seen, how.__name__, kind)
        assert set(wait.awaits) == ids_of(seen, "first", "second")
        assert wait.site.function == how.__name__
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


async def by_await():
    await asyncio.create_task(first())


async def by_shield():
    await asyncio.shield(first())


async def by_its_future():
    """The future is set by a callback of the task."""
    done = asyncio.get_running_loop().create_future()
    asyncio.create_task(first()).add_done_callback(lambda _: done.set_result(None))
    await done


@pytest.mark.parametrize("how", [by_await, by_shield, by_its_future])
def test_who_waits_for_one_task_names_it(seen, how):
    """Also where only a future stands between the two."""

    async def main():
        task = asyncio.create_task(how())
        wait = await open_wait(seen, how.__name__, TASK)
        assert set(wait.awaits) == ids_of(seen, "first")
        for one in asyncio.all_tasks() - {asyncio.current_task()}:
            one.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


async def limited_by_wait_for():
    await asyncio.wait_for(asyncio.Event().wait(), LONG)


async def limited_by_timeout():
    async with asyncio.timeout(LONG):
        await asyncio.Event().wait()


async def limited_by_anyio():
    with anyio.fail_after(LONG):
        await anyio.Event().wait()


async def limited_by_wait():
    await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=LONG)


async def without_limit():
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "how", [limited_by_wait_for, limited_by_timeout, limited_by_anyio, limited_by_wait, first]
)
def test_a_wait_knows_the_time_out_that_will_end_it(seen, how):
    """Monotonic time, in the future; a sleep ends by its own timer."""

    async def main():
        task = asyncio.create_task(how())
        wait = await open_wait(seen, how.__name__)
        assert LONG - 10 < (wait.until - time.monotonic_ns()) / 1e9 <= LONG
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


def test_a_wait_without_time_out_says_so(seen):
    """0, and not the -1 of a wait that nobody has looked at."""

    async def main():
        task = asyncio.create_task(without_limit())
        assert (await open_wait(seen, "without_limit")).until == 0
        task.cancel()

    seen.run(main())


def test_a_future_of_an_executor_leads_to_its_work_item(seen):
    """Two items of one task: the wait is for the executor of the one it awaits."""

    async def submits(release):
        loop = asyncio.get_running_loop()
        hands_on = loop.run_in_executor(None, release.wait)
        await asyncio.shield(hands_on)

    async def main():
        release = threading.Event()
        task = asyncio.create_task(submits(release))
        wait = await open_wait(seen, "submits", EXECUTOR)
        assert wait.resource.kind == EXECUTOR
        release.set()
        await task

    seen.run(main())


def test_an_async_generator_does_not_hide_the_wait_inside_it(seen):
    """`async for` and `async with` over generators end in objects that have no frame of their own."""

    async def numbers():
        await asyncio.sleep(LONG)
        yield 1

    async def reads():
        async for _ in numbers():
            pass

    async def main():
        task = asyncio.create_task(reads())
        wait = await open_wait(seen, "reads", SLEEP)
        assert wait.site.function.endswith("numbers")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


def test_an_awaitable_object_does_not_hide_the_wait_inside_it(seen):
    """Many a library gives `await` an object whose `__await__` is that of a coroutine."""

    class Connecting:
        def __await__(self):
            return first().__await__()

    async def connects():
        await Connecting()

    async def main():
        task = asyncio.create_task(connects())
        wait = await open_wait(seen, "connects", SLEEP)
        assert wait.site.function == "first"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


def test_an_anyio_connection_is_a_wait_for_the_network(seen):
    """Not for the event that it is built from; reading and writing are told apart."""

    async def reads(stream):
        await stream.receive()

    async def writes(stream):
        while True:
            await stream.send(bytes(1_000_000))

    async def main():
        held = []
        server = await asyncio.start_server(lambda *both: held.append(both), "127.0.0.1", 0, limit=1)
        async with await anyio.connect_tcp(*server.sockets[0].getsockname()) as stream:
            tasks = [asyncio.create_task(reads(stream)), asyncio.create_task(writes(stream))]
            reading, writing = await open_wait(seen, "reads", IO), await open_wait(seen, "writes", WRITE)
            assert reading.site.function.endswith("reads")
            assert writing.site.function.endswith("writes")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in held:
            writer.transport.abort()
        server.close()

    seen.run(main())


def test_a_stream_that_nobody_reads_is_a_wait_to_write(seen):
    """The peer's buffers are full, so `drain` waits."""

    async def writes(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            writer.write(bytes(1_000_000))
            await writer.drain()

    async def main():
        connected = []
        server = await asyncio.start_server(
            lambda _, writer: connected.append(writer), "127.0.0.1", 0, limit=1
        )
        task = asyncio.create_task(writes(server.sockets[0].getsockname()[1]))
        wait = await open_wait(seen, "writes", WRITE)
        assert wait.site.function.endswith("writes")
        connected[0].transport.abort()
        await asyncio.gather(task, return_exceptions=True)
        server.close()

    seen.run(main())


def test_an_anyio_stream_is_a_queue_with_its_capacity(seen):
    """The event inside is a detail of the library."""

    async def sends(stream):
        await stream.send(1)
        await stream.send(2)

    async def main():
        sending, receiving = anyio.create_memory_object_stream(1)
        with sending, receiving:
            task = asyncio.create_task(sends(sending))
            wait = await open_wait(seen, "sends", QUEUE)
            assert wait.resource.capacity == 1
            assert wait.detail == "put"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    seen.run(main())


def test_a_request_that_waits_for_a_connection_is_a_wait_for_the_pool(seen):
    """Its capacity is the client's limit; the request that has the connection is a wait for its host."""

    async def asks(client, url):
        await client.get(url)

    async def main():
        connected = []
        server = await asyncio.start_server(lambda *both: connected.append(both), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1), timeout=None) as client:
            tasks = [asyncio.create_task(asks(client, url)) for _ in range(2)]
            wait = await open_wait(seen, "asks", POOL)
            assert wait.resource.capacity == 1
            assert wait.until == 0
            assert {w.kind for w in seen.handle.snapshot().waits if w.task.coroutine.endswith("asks")} == {
                "http",
                POOL,
            }
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in connected:
            writer.close()
        server.close()

    seen.run(main())


def test_a_loop_that_hides_its_timers_says_nothing_of_time_outs(observe):
    """Under uvloop a time-out may be set that nobody sees; that is not the same as none."""
    seen = observe()

    async def main():
        task = asyncio.create_task(limited_by_timeout())
        deadline = time.monotonic() + 5
        while not (found := [w for w in seen.handle.snapshot().waits if w.kind == "event" and w.until != -1]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert found[0].until == NOT_SEEN
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    seen.finish()
