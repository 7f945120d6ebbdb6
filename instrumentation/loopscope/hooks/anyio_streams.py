"""anyio's memory object streams: queues, with who waits to send or to receive and who did so last."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.context import current_task
from loopscope.hooks import holding
from loopscope.hooks.afterwards import afterwards
from loopscope.hooks.anyio_sync import creator
from loopscope.hooks.partners import note
from loopscope.owned import number_at
from loopscope.recorder import recorder
from loopscope.records import PUT, QUEUE, TAKE
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.records import Resource, Wait
    from loopscope.settings import Settings

STREAMS = "anyio.streams.memory"
WAIT_FOR = {TAKE: "get", PUT: "put"}  # as asyncio's queues call it


def install(patches: Patches, _: Settings) -> None:
    streams = sys.modules[STREAMS]
    noting = afterwards("anyio stream", _note_creation)
    patches.replace(streams._MemoryObjectStreamState, "__init__", noting)
    for owner, name, role in (
        (streams.MemoryObjectReceiveStream, "receive", TAKE),
        (streams.MemoryObjectSendStream, "send", PUT),
    ):
        patches.replace(owner, name, _waiting(role))
        patches.replace(owner, f"{name}_nowait", afterwards("anyio stream", partial(_note, role)))


def _note_creation(state: Any, caller: FrameType) -> None:
    setattr(state, holding.SITE, places.noted(creator(caller)))


def _note(role: str, stream: Any, caller: FrameType) -> None:
    note(stream._state, role, caller)


def _resource_of(state: Any) -> Resource:
    """Of the state that all clones of both ends share. Capacity 0 is unbounded, or hand-over."""
    known: Resource | None = getattr(state, holding.RESOURCE, None)
    if known is None:
        capacity = number_at(state, "max_buffer_size")
        known = recorder.resource(QUEUE, state, getattr(state, holding.SITE, None), capacity)
        setattr(state, holding.RESOURCE, known)
    return known


def _would_wait(state: Any, role: str) -> bool:
    if role == TAKE:
        return not state.buffer and not state.waiting_senders and state.open_send_channels > 0
    return not state.waiting_receivers and len(state.buffer) >= state.max_buffer_size


def _waiting(role: str) -> Callable[..., Any]:
    def make(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wait(self: Any, /, *args: Any, **options: Any) -> Any:
            begun = _begin_if_it_waits(self, role)
            try:
                inner = original(self, *args, **options)
                result = await (inner if begun is None else holding.watched(inner, begun))
            except BaseException as error:
                step_out(error)
                raise
            if begun is not None:
                _handed_over(self, role)
            return result

        return wait

    return make


def _begin_if_it_waits(stream: Any, role: str) -> Wait | None:
    try:
        task = current_task()
        if not holding.is_news(task) or not _would_wait(stream._state, role):
            return None
        wait = holding.begin(_resource_of(stream._state), task, places.note_caller(sys._getframe(2)))
        wait.detail = WAIT_FOR[role]
    except Exception:
        recorder.fault("anyio stream")
        return None
    return wait


def _handed_over(stream: Any, role: str) -> None:
    """Who waited gets the message from its partner's hands, not by `receive_nowait`."""
    try:
        note(stream._state, role, sys._getframe(2))
    except Exception:
        recorder.fault("anyio stream")
