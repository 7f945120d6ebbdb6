"""A small instrumented program that does everything there is a metric for, until its standard input closes.

Prints one JSON line first: the port of its metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time

import loopscope


async def chunk(permits: asyncio.Semaphore, ready: asyncio.Queue[int], number: int) -> None:
    async with permits:
        await asyncio.to_thread(time.sleep, 0.02)
        await ready.put(number)


@loopscope.job("podcast")
async def podcast(number: int) -> None:
    permits = asyncio.Semaphore(2)
    ready: asyncio.Queue[int] = asyncio.Queue(maxsize=2)
    chunks = [asyncio.create_task(chunk(permits, ready, n)) for n in range(4)]
    for _ in chunks:
        await ready.get()
    await asyncio.gather(*chunks)
    time.sleep(0.12)  # the block that the metrics are to show
    if number % 2:
        raise ValueError(number)


async def produce() -> None:
    for number in range(1_000_000):
        with contextlib.suppress(ValueError):
            await podcast(number)


async def forget() -> None:
    with loopscope.job("forgotten"):
        await asyncio.Event().wait()


async def main() -> None:
    handle = loopscope.instrument(
        service="observed", metrics_port=0, journal="off", spans="off", stuck_after=0.5
    )
    print(json.dumps({"port": handle.exporter("prometheus").port}), flush=True)
    work = [asyncio.create_task(produce()), asyncio.create_task(forget())]
    await asyncio.to_thread(sys.stdin.read)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
