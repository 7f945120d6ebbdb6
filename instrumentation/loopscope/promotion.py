"""Promotion: thin tasks that stay open get a record, with the permits they hold and what they wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from loopscope.context import name_asker, promote, thin_tasks
from loopscope.hooks import thin
from loopscope.hooks.tasks import thin_collected
from loopscope.recorder import recorder

if TYPE_CHECKING:
    from loopscope.state import LiveState

LOOK_AFTER = 200_000_000  # ns a thin task is open before it gets a record
MOST = 2_000  # of them, per drain

_missing: set[tuple[int, int]] = set()  # thin tasks that their loop did not know at the last look


def look_at_thin_tasks(state: LiveState, moment: int, age: int = LOOK_AFTER) -> None:
    """Give thin tasks that have been open for `age` ns a record, with what they hold and wait for.

    One that its loop does not know any more was collected, or is just ending: the next look decides.
    """
    oldest = list(thin_tasks)[:MOST]
    due = [(key, at) for key in oldest if (at := thin_tasks.get(key, moment)) <= moment - age]
    behind = [
        w for t in list(state.tasks.values()) if (w := t.wait) is not None and moment - w.started >= age
    ]
    behind = [wait for wait in behind if thin.has_holders(wait.resource)]
    if not due and not behind:
        return
    missing: set[tuple[int, int]] = set()
    tasks = {id(task): task for clock in list(recorder.loops) for task in _tasks_of(clock.loop())}
    for key, created in due:
        task = tasks.get(key)
        if task is not None:
            record = promote(task)
            if record is not None and record.wait is None:
                thin.adopt_wait(record, task, tasks)
        elif (key, created) not in _missing:
            missing.add((key, created))
        elif thin_tasks.pop(key, 0):
            thin_collected(created)
    _missing.clear()
    _missing.update(missing)
    for wait in behind:
        thin.name_holders(wait, tasks)
    for item in list(state.items.values()):
        if item.asker:
            name_asker(item)


def _tasks_of(loop: Any) -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks(loop) if loop is not None else set()
