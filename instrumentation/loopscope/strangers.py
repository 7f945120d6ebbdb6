"""Strangers: tasks made by calling `asyncio.Task` and not through their loop, as the server of aiohttp does.

No hook sees them begin. The pump finds them among all tasks of a loop, once a second, and takes on those that
it has met before: one that is new may be in the middle of `create_task`.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from loopscope.context import open_tasks, thin_tasks
from loopscope.hooks.tasks import adopt
from loopscope.recorder import recorder

MOST = 5_000  # open tasks up to which looking for more is cheap


class Strangers:
    """Those met at the last look, by address."""

    def __init__(self) -> None:
        self._met: dict[int, weakref.ref[Any]] = {}

    def __repr__(self) -> str:
        return f"<Strangers: {len(self._met)}>"

    def look(self, moment: int) -> None:
        met, self._met = self._met, {}
        if len(open_tasks) > MOST:
            return
        for clock in list(recorder.loops):
            loop = clock.loop()
            if not isinstance(loop, asyncio.BaseEventLoop):  # elsewhere the end of a task would not be seen
                continue
            for task in asyncio.all_tasks(loop):
                key = id(task)
                if key in open_tasks or key in thin_tasks:
                    continue
                if key in met and met[key]() is task:
                    adopt(task, moment)
                else:
                    self._met[key] = weakref.ref(task)
