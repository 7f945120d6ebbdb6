"""The ailments: five incidents that cost real teams days, one a file, in the order they are planted.

Each is a coroutine function that takes the vendors' address and falls ill. It brings its own semaphores,
pools and files, so that the podcasts beside it go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from loopscope_dashboard.demo.ailments import (
    blocking_upload,
    double_semaphore,
    forgotten_task,
    gathered_reads,
    nested_pools,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Ailment(NamedTuple):
    """What can be planted. ``name`` is the name of its job, ``look`` says what the timeline shows."""

    name: str
    catch: Callable[[str], Awaitable[None]]
    look: str


AILMENTS = (
    Ailment(
        blocking_upload.NAME,
        blocking_upload.illustrate,
        "three uploads that should overlap; the loop is blocked during each, and so is every podcast",
    ),
    Ailment(
        double_semaphore.NAME,
        double_semaphore.speak_podcast,
        "chunks that hold a permit and wait for a second one; not one request leaves, for ever",
    ),
    Ailment(
        gathered_reads.NAME,
        gathered_reads.assess_covers,
        "four gathered tasks like a staircase: each reads and decodes on the loop",
    ),
    Ailment(
        forgotten_task.NAME,
        forgotten_task.request_notes,
        "a background task that is destroyed while it waits; its request stays pending",
    ),
    Ailment(
        nested_pools.NAME,
        nested_pools.calibrate,
        "two voices are measured, then both workers stay busy for ever and the other voices queued",
    ),
)
