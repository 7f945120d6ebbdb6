"""Who puts into a queue, who takes from it and reports it done, and who gives the signal others wait for."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.clock import now
from loopscope.context import recorded_task
from loopscope.hooks.holding import PARTNERS
from loopscope.recorder import recorder
from loopscope.records import PUT, REPORT, SIGNAL, TAKE, LeftBehind, Partner
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

MOST = 64  # of one primitive: enough to tell a worker that is gone from one that is still to come


class Partners(LeftBehind, dict[tuple[int, str], Partner]):
    """By task and role; the survey hands them to the record of what they stand on."""


ACTS = {
    (asyncio.Queue, "put_nowait"): PUT,  # `put` ends in it
    (asyncio.Queue, "get_nowait"): TAKE,  # and `get` in this one
    (asyncio.Queue, "task_done"): REPORT,
    (asyncio.Event, "set"): SIGNAL,
    (asyncio.Condition, "notify"): SIGNAL,  # `notify_all` calls it
}


def install(patches: Patches, _: Settings) -> None:
    for (primitive, act), role in ACTS.items():
        patches.replace(primitive, act, _noting(role))


def _noting(role: str) -> Callable[..., Any]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def act(self: Any, /, *args: Any, **options: Any) -> Any:
            try:
                result = original(self, *args, **options)
            except BaseException as error:
                step_out(error)
                raise
            try:
                note(self, role, sys._getframe(1))
            except Exception:
                recorder.fault("partner")
            return result

        return act

    return make


def note(primitive: Any, role: str, caller: FrameType) -> None:
    """Count an act of the running task on an object that takes attributes; a thin task's is not noted."""
    task = recorded_task()
    if task is None:
        return
    partners = vars(primitive).get(PARTNERS)
    if partners is None:
        partners = vars(primitive)[PARTNERS] = Partners()
    partner = partners.get((task.id, role))
    if partner is None:
        if len(partners) >= MOST:
            return
        site, outer = places.note_caller(caller), places.note_outer(caller)
        partner = partners[task.id, role] = Partner(task, role, site, caller=outer)
    partner.count += 1
    partner.last = now()
