"""Waits and holds of anyio's locks, semaphores and capacity limiters, on its asyncio backend.

They have slots and take no attribute of ours, so their records are found by address (`loopscope.owned`).
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.clock import now
from loopscope.context import current_task
from loopscope.hooks import holding
from loopscope.hooks.afterwards import afterwards
from loopscope.hooks.anyio_tasks import BACKEND
from loopscope.owned import number_at, owned
from loopscope.recorder import recorder
from loopscope.records import LIMITER, LOCK, SEMAPHORE
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource, Wait
    from loopscope.settings import Settings

_CAPACITY = {SEMAPHORE: "_value", LIMITER: "_total_tokens"}


def install(patches: Patches, _: Settings) -> None:
    backend = sys.modules[BACKEND]
    patches.replace(backend.Event, "__init__", afterwards("anyio event", _note_event))
    for name, kind, suffix in (
        ("Lock", LOCK, ""),
        ("Semaphore", SEMAPHORE, ""),
        ("CapacityLimiter", LIMITER, "_on_behalf_of"),
    ):
        owner = getattr(backend, name, None)  # anyio < 4.5 builds locks from events, which are waits as well
        if owner is not None:
            patches.replace(owner, "__init__", afterwards("anyio primitive", partial(_note_creation, kind)))
            patches.replace(owner, f"acquire{suffix}", _acquiring(kind))
            patches.replace(
                owner, f"acquire{suffix}_nowait", afterwards("anyio acquire", partial(_take, kind))
            )
            patches.replace(owner, f"release{suffix}", afterwards("anyio release", _give_back))


def creator(frame: FrameType | None) -> Any:
    """Who asked anyio for something: the first frame that is not its own, nor a data class's, nor ours."""
    while frame is not None:
        code = frame.f_code
        generated = code.co_filename == "<string>" and code.co_name == "__init__"
        if "/anyio/" not in code.co_filename and not generated:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def _note_event(event: Any, caller: FrameType) -> None:
    setattr(event._event, holding.SITE, places.noted(creator(caller)))


def _note_creation(kind: str, primitive: Any, caller: FrameType) -> None:
    site = creator(caller)
    if site is not None and places.origin(site[0].co_filename) == places.USER:
        owned.make(primitive, kind, site, _capacity(primitive, kind))


def resource_of(primitive: Any, kind: str) -> Resource:
    """The record; one that a library made for itself, or that is older than we are, has no creation site."""
    return owned.find(primitive) or owned.make(primitive, kind, None, _capacity(primitive, kind))


def _capacity(primitive: Any, kind: str) -> int:
    return 1 if kind == LOCK else number_at(primitive, _CAPACITY[kind])


def _is_taken(primitive: Any, kind: str) -> bool:
    """Would the running task have to wait?"""
    if kind == LOCK:
        return bool(primitive.locked())
    return bool((primitive.value if kind == SEMAPHORE else primitive.available_tokens) <= 0)


def _acquiring(kind: str) -> Callable[..., Any]:
    def make(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def acquire(self: Any, /, *args: Any) -> None:
            wait, held, site = _ask(self, kind)
            try:
                inner = original(self, *args)
                await (inner if wait is None else holding.watched(inner, wait))
            except BaseException as error:
                if held:
                    _let_go(self)
                step_out(error)
                raise
            if site is not None and not held:
                holding.hold(resource_of(self, kind), current_task(), site, now())

        return acquire

    return make


def _ask(primitive: Any, kind: str) -> tuple[Wait | None, bool, Any]:
    """The wait that begins, whether the permit is ours at once, and where; no place if that went wrong.

    A free permit is taken before anyio lets others run, so its hold begins now.
    """
    try:
        task, resource = current_task(), resource_of(primitive, kind)
        site = places.note_caller(sys._getframe(2))
        if not _is_taken(primitive, kind):
            holding.hold(resource, task, site, now())
            return None, True, site
        return (holding.begin(resource, task, site) if holding.is_news(task) else None), False, site
    except Exception:
        recorder.fault("anyio acquire")
        return None, False, None


def _let_go(primitive: Any) -> None:
    """Close a hold: at a release, or when its task is cancelled before it was told of it."""
    try:
        resource = owned.find(primitive)
        if resource is not None and resource.holders:
            holding.let_go(resource)
    except Exception:
        recorder.fault("anyio acquire")


def _take(kind: str, primitive: Any, caller: FrameType) -> None:
    if not _is_acquire(caller):
        holding.hold(resource_of(primitive, kind), current_task(), places.note_caller(caller), now())


def _give_back(primitive: Any, caller: FrameType) -> None:
    resource = owned.find(primitive)
    if resource is not None and not _is_acquire(caller):
        holding.give_back(primitive, resource, caller)


def _is_acquire(frame: FrameType) -> bool:
    """Its own `acquire` tries without waiting first, and gives back what it got when it is cancelled."""
    code = frame.f_code
    return code.co_name in {"acquire", "acquire_on_behalf_of"} and "/anyio/" in code.co_filename
