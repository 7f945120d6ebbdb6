"""Permits that are given back more often than they were taken."""

from __future__ import annotations

import asyncio

import pytest

from loopscope.fault_kinds import OVER_RELEASED


def test_a_release_without_an_acquire_names_the_line(seen, line_of):
    """The acquire ran into its time-out and `finally` releases all the same, while others hold permits."""

    async def search(permits, seconds):
        try:
            await asyncio.wait_for(permits.acquire(), 0.02)
            await asyncio.sleep(seconds)
        except TimeoutError:
            pass
        finally:
            permits.release()  # nobody had it

    async def main():
        permits = asyncio.Semaphore(2)
        await asyncio.gather(*(search(permits, 0.2) for _ in range(4)))

    faults = [fault for fault in seen.run(main()).faults if fault.kind == OVER_RELEASED]
    assert len(faults) == 2
    assert {fault.place.line for fault in faults} == {line_of("nobody had it")}
    assert {fault.resource.capacity for fault in faults} == {2}


def test_more_permits_free_than_there_ever_were_is_one_too_many(seen, line_of):
    """Also when the one that releases has never tried to acquire."""

    async def main():
        permits = asyncio.Semaphore(1)
        async with permits:
            pass
        permits.release()  # one too many

    seen.run(main())
    assert seen.fault(OVER_RELEASED).place.line == line_of("one too many")


def test_permits_that_are_handed_on_or_counted_are_no_fault(seen):
    """A worker releases what its boss acquired; a semaphore that begins at 0 counts what is there."""

    async def worker(permits):
        permits.release()

    async def main():
        permits, items = asyncio.Semaphore(2), asyncio.Semaphore(0)
        for _ in range(4):
            await permits.acquire()
            await asyncio.create_task(worker(permits))
            items.release()
            items.release()
            await items.acquire()

    assert seen.run(main()).faults == []


def test_who_tries_again_and_succeeds_may_release(seen):
    """A time-out that was followed by a permit leaves nothing behind."""

    async def main():
        permits = asyncio.Semaphore(1)
        await permits.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(permits.acquire(), 0.01)
        permits.release()
        await asyncio.wait_for(permits.acquire(), 1)
        permits.release()

    assert seen.run(main()).faults == []
