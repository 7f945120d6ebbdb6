"""C code of another thread that keeps the GIL: the loop's own line is innocent."""

from __future__ import annotations

import asyncio
import threading
import time


def add_up():
    sum(range(60_000_000))
    time.sleep(0.3)


def test_the_thread_that_kept_the_gil_is_named_and_its_line_is_hot(observe):
    """The loop was in the middle of a step, and could not run."""
    seen = observe(sample_interval=0.2)

    async def main():
        await asyncio.sleep(0.3)
        other = threading.Thread(target=add_up, name="adder")
        other.start()
        other.join()
        await asyncio.sleep(0.3)

    batch = seen.run(main())
    held = [block for block in batch.blocks if block.cause == "gil"]
    assert {block.holder for block in held} == {"adder"}
    assert "add_up" in {spot.place.function for spot in batch.hotspots if spot.thread == "adder"}
