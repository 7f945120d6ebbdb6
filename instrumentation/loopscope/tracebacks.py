"""What passes through a hook as an exception: it leaves without our frame, and names the outcome."""

from __future__ import annotations

import asyncio
from typing import Any

from loopscope.records import CANCELLED, ERROR


def step_out(error: BaseException) -> None:
    """Take the frame that caught an exception off its traceback.

    To be followed by a bare ``raise``, which does not put it on again. The setter of `BaseException` is used,
    since an exception may be a frozen dataclass.
    """
    traceback = error.__traceback__
    if traceback is not None:
        BaseException.with_traceback(error, traceback.tb_next)


def made_by_caller(made: Any, frames: int = 1) -> None:
    """In debug mode a task or a timer remembers who made it, the innermost frame last: these are ours."""
    remembered = getattr(made, "_source_traceback", None)
    if remembered and isinstance(remembered, list):
        del remembered[-frames:]


def outcome_of(error: BaseException) -> str:
    """How what ended with it ended."""
    return CANCELLED if isinstance(error, asyncio.CancelledError) else ERROR
