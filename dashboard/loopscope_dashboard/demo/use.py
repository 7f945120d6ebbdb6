"""What happens to the service while the demo runs: articles all the time, and ailments one after another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from loopscope_dashboard.demo.ailments import AILMENTS
from loopscope_dashboard.demo.children import DemoError
from loopscope_dashboard.demo.load import Load
from loopscope_dashboard.demo.report import say

if TYPE_CHECKING:
    from loopscope_dashboard.demo.children import Child

AILMENT_EVERY = 8.0
FIRST_AILMENT_AFTER = 2.0


async def use(service: Child, stop: asyncio.Event, seconds: float | None, *, sick: bool) -> None:
    """Until the seconds are over or `stop` is set. Raises DemoError when the service fails meanwhile."""
    async with httpx.AsyncClient(base_url=service.ready["address"], timeout=30, trust_env=False) as client:
        ended = asyncio.create_task(service.ended())
        stopped = asyncio.create_task(stop.wait())
        work = asyncio.create_task(_work(client, seconds, sick=sick))
        tasks = (ended, stopped, work)
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            _check(ended, work)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _check(ended: asyncio.Task[int], work: asyncio.Task[None]) -> None:
    if ended.done():
        raise DemoError(
            f"the service ended with exit code {ended.result()} in the middle of its work; `loopscope jobs` "
            "shows what it was doing"
        )
    if work.done() and (failure := work.exception()) is not None:
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise DemoError(f"the service does not answer as it should: {failure!r}") from failure


async def _work(client: httpx.AsyncClient, seconds: float | None, *, sick: bool) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(Load(client).run(), name="load")
        if sick:
            group.create_task(_plant_all(client, _pace(seconds)), name="ailments")


def _pace(seconds: float | None) -> float:
    """Seconds between two ailments: all five are planted, and the last is given time to show."""
    if seconds is None:
        return AILMENT_EVERY
    return min(AILMENT_EVERY, max(0.0, seconds - FIRST_AILMENT_AFTER) / (len(AILMENTS) + 1))


async def _plant_all(client: httpx.AsyncClient, pace: float) -> None:
    await asyncio.sleep(FIRST_AILMENT_AFTER)
    for ailment in AILMENTS:
        response = await client.post(f"/ailments/{ailment.name}")
        response.raise_for_status()
        say(f"planted {ailment.name}: {ailment.look}")
        await asyncio.sleep(pace)
