"""anyio's tasks: each runs inside a coroutine of the library; its record names the user's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.context import open_tasks
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

BACKEND = "anyio._backends._asyncio"
_AROUND = frozenset({"TaskHandle._run_coro", "TaskGroup._run_wrapped_task"})  # by anyio's version


def install(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[BACKEND].TaskGroup, "_spawn", _spawning)


def _spawning(original: Callable[..., Any]) -> Callable[..., Any]:
    def _spawn(self: Any, work: Any, /, *args: Any, **options: Any) -> Any:
        try:
            spawned = original(self, work, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            _name_newest(work)
        except Exception:
            recorder.fault("anyio task")
        return spawned

    return _spawn


def _name_newest(work: Any) -> None:
    """Name the task that was just made, unless it has ended. `work` is a function or its coroutine."""
    record = next(reversed(open_tasks.values()), None)
    if record is not None and record.coroutine in _AROUND:
        function = getattr(work, "func", work)  # of a `functools.partial`
        record.coroutine = getattr(function, "__qualname__", "") or type(function).__qualname__
