"""Loops and executors that are closed with work in them: what is pending then will never be done."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import process, thread
from typing import TYPE_CHECKING, Any

from loopscope import faults, places
from loopscope.context import open_tasks, promote
from loopscope.fault_kinds import CLOSED_UNDER
from loopscope.hooks.holding import RESOURCE
from loopscope.hooks.tasks import collected
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Place, RawPlace
    from loopscope.settings import Settings


def install(patches: Patches, _: Settings) -> None:
    patches.replace(asyncio.BaseEventLoop, "close", _closing)
    for executor in (thread.ThreadPoolExecutor, process.ProcessPoolExecutor):
        patches.replace(executor, "shutdown", _shutting_down)


def _closing(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def close(self: Any) -> None:
        try:
            if not self.is_closed() and not self.is_running():
                _note_tasks(self, places.note_caller(sys._getframe(1)))
        except Exception:
            recorder.fault("close")
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise

    return close


def _note_tasks(loop: Any, place: Place | RawPlace) -> None:
    for task in asyncio.all_tasks(loop):
        record = promote(task)
        if record is not None:
            open_tasks.pop(id(task), None)
            collected(record)
            faults.note(CLOSED_UNDER, record.coroutine, record.site, place, task=record, detail="loop", by=0)


def _shutting_down(original: Callable[..., None]) -> Callable[..., None]:
    """What is queued is worked off all the same, unless it is asked to be cancelled."""

    def shutdown(self: Any, /, *args: Any, **options: Any) -> None:
        try:
            if options.get("cancel_futures"):
                _note_items(self, places.note_caller(sys._getframe(1)))
        except Exception:
            recorder.fault("shutdown")
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return shutdown


def _note_items(executor: Any, place: Place | RawPlace) -> None:
    resource = getattr(executor, RESOURCE, None)
    for item in list(recorder.items.values()):
        if item.executor is resource and not item.started:
            faults.note(CLOSED_UNDER, item.function, item.site, place, resource=resource, detail="executor")
