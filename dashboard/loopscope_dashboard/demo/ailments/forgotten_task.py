"""Incident 4: show notes that stay "pending" for ever, though everything was approved.

The work is started with ``create_task`` and nobody keeps the task; it waits for an approval that is itself
only referenced weakly. The next garbage collection destroys both. Cure: keep the task until it is done.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from weakref import WeakValueDictionary

import loopscope

NAME = "sick-4-forgotten-task"
EPISODE = "notes of episode 4"
logger = logging.getLogger(__name__)


class Approvals:
    """Whoever asked may go away, so open questions are referenced weakly."""

    def __init__(self) -> None:
        self._open: WeakValueDictionary[str, asyncio.Future[None]] = WeakValueDictionary()

    async def obtain(self, subject: str) -> None:
        approval: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open[subject] = approval
        await approval

    def grant_all(self) -> None:
        for approval in list(self._open.values()):
            approval.set_result(None)


async def request_notes(_vendors: str) -> None:
    """Ask for notes, and look some time later what became of them."""
    approvals = Approvals()
    status = {EPISODE: "pending"}
    with loopscope.job(NAME, key=EPISODE):
        asyncio.create_task(_write_notes(approvals, status), name="write notes")  # noqa: RUF006  # the ailment
        await asyncio.sleep(1.0)
        gc.collect()  # after each upload, to keep the container small
        await asyncio.sleep(0.5)
        approvals.grant_all()
        await asyncio.sleep(0.5)
        logger.warning("%s: approved, and yet the notes are %r", NAME, status[EPISODE])


async def _write_notes(approvals: Approvals, status: dict[str, str]) -> None:
    await approvals.obtain(EPISODE)
    status[EPISODE] = "ready"
