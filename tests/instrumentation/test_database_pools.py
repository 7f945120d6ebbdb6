"""Connection pools of databases: capacity, who waits, and which line has the connections that are gone."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
import redis.asyncio
import sqlalchemy.exc
from postgres_server import postgres_server
from redis_server import redis_server
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from loopscope.records import ERROR, OK, POOL

BRIEF = 0.02


class Redis:
    """A blocking pool; a connection is taken by hand, as a transaction does."""

    capacity = 2

    def __init__(self, url):
        self.url = url

    def make(self):
        pool = redis.asyncio.BlockingConnectionPool.from_url(self.url, max_connections=2, timeout=BRIEF)
        return pool  # noqa: RET504  # the name is what is tested

    async def ask(self, pool):
        async with redis.asyncio.Redis(connection_pool=pool) as client:
            return await client.ping()

    async def take(self, pool):
        return await pool.get_connection()

    async def give_back(self, pool, connection):
        await pool.release(connection)

    async def close(self, pool):
        await pool.aclose()

    too_late = redis.exceptions.ConnectionError


class SqlAlchemy:
    """One connection kept and one of overflow, to a file of SQLite."""

    capacity = 2

    def __init__(self, url):
        self.url = url

    def make(self):
        pool = create_async_engine(self.url, pool_size=1, max_overflow=1, pool_timeout=BRIEF)
        return pool  # noqa: RET504

    async def ask(self, engine):
        async with engine.connect() as connection:
            return (await connection.execute(text("SELECT 1"))).scalar()

    async def take(self, engine):
        return await engine.connect()

    async def give_back(self, _, connection):
        await connection.close()

    async def close(self, engine):
        await engine.dispose()

    too_late = sqlalchemy.exc.TimeoutError


class Asyncpg:
    """Two connections to a real PostgreSQL."""

    capacity = 2

    def __init__(self, url):
        self.url = url

    async def make(self):
        pool = await asyncpg.create_pool(self.url, min_size=1, max_size=2)
        return pool  # noqa: RET504

    async def ask(self, pool):
        return await pool.fetchval("SELECT 1")

    async def take(self, pool):
        return await pool.acquire(timeout=BRIEF)

    async def give_back(self, pool, connection):
        await pool.release(connection)

    async def close(self, pool):
        await pool.close()

    too_late = TimeoutError


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    file = tmp_path_factory.mktemp("sqlite") / "data"
    with redis_server() as of_redis, postgres_server() as of_postgres:
        yield {Redis: of_redis, SqlAlchemy: f"sqlite+aiosqlite:///{file}", Asyncpg: of_postgres}


@pytest.fixture(params=[Redis, SqlAlchemy, Asyncpg])
def library(request, addresses):
    return request.param(addresses[request.param])


async def made(library):
    pool = library.make()
    return await pool if asyncio.iscoroutine(pool) else pool


def pool_holds(seen):
    return [hold for hold in seen.handle.snapshot().holds if hold.resource.kind == POOL]


def test_a_pool_knows_who_has_its_connections_and_who_waits(seen, library):
    """Also when the task that took one has ended: the hold names its line, the waiter the holders."""

    async def wait_in_vain(pool):
        with pytest.raises(library.too_late):
            await library.take(pool)

    async def main():
        pool = await made(library)
        taken = [await asyncio.create_task(library.take(pool)) for _ in range(library.capacity)]
        waiter = asyncio.create_task(wait_in_vain(pool))
        while not (waits := [wait for wait in seen.handle.snapshot().waits if wait.kind == POOL]):
            await asyncio.sleep(0)
        holds = pool_holds(seen)
        assert len(holds) == library.capacity
        assert all(hold.task.ended and hold.site.function.endswith(".take") for hold in holds)
        assert {wait.resource for wait in waits} == {hold.resource for hold in holds}
        assert waits[0].resource.waiting == 1
        assert set(waits[0].held_by) == {hold.task.id for hold in holds}
        await waiter
        for connection in taken:
            await library.give_back(pool, connection)
        assert not pool_holds(seen)
        await library.close(pool)

    batch = seen.run(main())
    (wait,) = [wait for wait in batch.waits if wait.kind == POOL]
    assert wait.outcome == ERROR
    assert wait.site.function.endswith(".take")
    assert wait.resource.capacity == library.capacity
    assert wait.resource.name == "pool"
    assert wait.resource.site.function.endswith(".make")
    assert wait.resource.in_use == wait.resource.waiting == 0


def test_a_connection_that_is_handed_on_ends_the_wait_for_it(seen, library):
    """The waiter has it next."""

    async def main():
        pool = await made(library)
        first, second = [await library.take(pool) for _ in range(library.capacity)]
        waiter = asyncio.create_task(library.take(pool))
        while not (waits := [wait for wait in seen.handle.snapshot().waits if wait.kind == POOL]):
            await asyncio.sleep(0)
        await library.give_back(pool, first)
        third = await waiter
        assert waits[0].task in {hold.task for hold in pool_holds(seen)}
        for connection in (second, third):
            await library.give_back(pool, connection)
        await library.close(pool)
        return waits[0]

    wait = asyncio.run(main())
    seen.finish()
    assert wait.outcome == OK


def test_work_in_the_ordinary_way_leaves_nothing_behind(seen, library):
    """Half of those who wait for a connection are cancelled."""

    async def main():
        pool = await made(library)
        assert await library.ask(pool)
        asking = [asyncio.create_task(library.ask(pool)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in asking[library.capacity :: 2]:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert not pool_holds(seen)
        await library.close(pool)

    seen.run(main())


def test_threads_with_a_synchronous_engine_are_known_by_their_lines(seen, tmp_path):
    """A connection has no task then, but the line that took it."""
    engine = create_engine(f"sqlite:///{tmp_path}/data", pool_size=1, max_overflow=1)

    async def main():
        connection = await asyncio.to_thread(engine.connect)
        (hold,) = pool_holds(seen)
        assert hold.resource.name == "engine"
        assert (hold.resource.capacity, hold.resource.in_use) == (2, 1)
        connection.close()
        assert not pool_holds(seen)
        engine.dispose()

    seen.run(main())
