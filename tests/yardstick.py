"""How slow this machine is now: limits in seconds are for a usual one, a slower one has more of them."""

from __future__ import annotations

import time

USUAL = 0.06  # s of a processor to add up a million numbers


def slowness():
    """1 for a usual machine or a faster one, 2 for one that takes twice as long."""
    began, total = time.thread_time(), 0
    for number in range(1_000_000):
        total += number
    return max(1.0, (time.thread_time() - began) / USUAL)
