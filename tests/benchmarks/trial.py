"""One workload under one variant in a process of its own: ``trial.py WORKLOAD VARIANT OPERATIONS``."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

from variants import VARIANTS
from workloads import COROUTINES, FUNCTIONS, WORKLOADS


def main(workload: str, variant: str, operations: int) -> dict[str, float]:
    """Wall and processor time an operation, ns; the latter of all threads, with the draining afterwards."""
    contestant = VARIANTS[variant]()
    contestant.start([one.__name__ for one in COROUTINES], [one.__name__ for one in FUNCTIONS])
    run = WORKLOADS[workload].run

    async def timed() -> tuple[int, int]:
        await run(operations // 10, contestant.batch)  # caches and threads are warm from here on
        gc.collect()
        processor = time.process_time_ns()
        started = time.perf_counter_ns()
        await run(operations, contestant.batch)
        return time.perf_counter_ns() - started, processor

    wall, processor = asyncio.run(timed())
    delivered = contestant.finish()
    spent = time.process_time_ns() - processor
    return {"wall": wall / operations, "cpu": spent / operations, **delivered}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
