"""Pools full of one sort of work, while another waits for a worker; and pools that are merely busy."""

from __future__ import annotations

import textwrap

import pytest

SERVICE = """
    import asyncio, os, threading, time
    import anyio
    from concurrent.futures import ThreadPoolExecutor

    def fetch(seconds):
        time.sleep(seconds)

    def look(number):
        return number

    def main(work, seconds=3.0):
        observe()
        threading.Timer(seconds, os._exit, (0,)).start()
        asyncio.run(work())
"""


SATURATED = {
    "name lookups behind slow calls": """
        async def work():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(3))
            slow = [loop.run_in_executor(None, fetch, 5) for _ in range(5)]
            await asyncio.sleep(0.1)
            await loop.getaddrinfo("localhost", 80)
    """,
    "quick calls behind slow ones that nobody waits for": """
        async def fill(pool):
            loop = asyncio.get_running_loop()
            slow = [loop.run_in_executor(pool, fetch, 1.3) for _ in range(4)]
            await asyncio.sleep(9)

        async def work():
            pool = ThreadPoolExecutor(2)
            filling = asyncio.create_task(fill(pool))
            await asyncio.sleep(0.1)
            print(await asyncio.wrap_future(pool.submit(look, 1)))
            await filling
    """,
    "a limiter of threads": """
        async def work():
            limiter = anyio.CapacityLimiter(2)
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(slow, limiter)
                await anyio.sleep(0.1)
                await anyio.to_thread.run_sync(look, 1, limiter=limiter)

        async def slow(limiter):
            await anyio.to_thread.run_sync(fetch, 5, limiter=limiter)
    """,
}


@pytest.mark.parametrize("case", SATURATED)
def test_work_behind_long_calls_of_another_sort(findings, line_of, case):
    """The line that hands over what fills the pool is to blame."""
    (finding,) = findings(textwrap.dedent(SATURATED[case]) + "\nmain(work)\n")
    assert finding.kind == "executor_saturated"
    assert "fetch, " in line_of(finding)
    assert finding.evidence["waited_for"] >= 1


def test_a_pool_whose_calls_no_longer_come_back(findings, line_of):
    """More of the same queues, and nothing has moved for far longer than it used to take."""
    (finding,) = findings("""
    async def work():
        loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(2)
        for _ in range(10):
            await loop.run_in_executor(pool, fetch, 0.01)
        await asyncio.gather(*(loop.run_in_executor(pool, fetch, 60) for _ in range(4)))

    main(work, 4.0)
    """)
    assert finding.kind == "executor_saturated"
    assert "fetch, 60" in line_of(finding)


HEALTHY = {
    "a batch larger than its pool": """
        async def work():
            await asyncio.gather(*(asyncio.to_thread(fetch, 0.4) for _ in range(60)))
    """,
    "two sorts of quick work": """
        async def work():
            loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(2)
            while True:
                slow = [loop.run_in_executor(pool, fetch, 0.1) for _ in range(3)]
                await asyncio.gather(*slow, loop.run_in_executor(pool, look, 1))
    """,
    "long calls with workers to spare": """
        async def work():
            loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(3)
            slow = [loop.run_in_executor(pool, fetch, 60) for _ in range(2)]
            while True:
                await loop.run_in_executor(pool, look, 1)
                await asyncio.sleep(0.1)
    """,
}


@pytest.mark.parametrize("case", HEALTHY)
def test_a_pool_that_works_as_it_should(findings, case):
    """Waiting for one's turn is no fault."""
    assert findings(textwrap.dedent(HEALTHY[case]) + "\nmain(work)\n") == []
