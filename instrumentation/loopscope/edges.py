"""Who can end a wait: the tasks that are awaited, the work item behind a future, a timer that is set.

Everything here is read from asyncio's own objects by the pump, once a drain and only when there is a wait
that has not been looked at; what is costly is built when it is first asked for.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import gc
from collections import defaultdict
from itertools import chain
from types import CellType
from typing import TYPE_CHECKING, Any

from loopscope import private
from loopscope.clock import SECOND
from loopscope.context import open_tasks
from loopscope.records import NOT_SEEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loopscope.records import WorkItem

MOST_AWAITED = 64  # named in a wait
MOST_CALLBACKS = 8  # looked at per task
COLLECTIONS = (set, frozenset, list, tuple, dict)
DEPTH = 4  # gatherings within gatherings


class Edges:
    """One drain's view; keep it no longer, since it holds the program's futures."""

    def __init__(self, items: Iterable[WorkItem], loops: Iterable[Any]) -> None:
        self._items = items
        self._loops = loops
        self._item_by_future: dict[int, WorkItem] | None = None
        self._timers: dict[int, int] | None = None
        self._enders: dict[int, list[int]] | None = None

    def until(self, task: Any, leaf: Any) -> int:
        """When a timer ends the wait, monotonic ns; 0 when none is set, or `NOT_SEEN`."""
        if not private.shows_timers(task.get_loop()):
            return NOT_SEEN
        if self._timers is None:
            self._timers = _timers(self._loops)
        found = [when for one in (task, leaf) if (when := self._timers.get(id(one)))]
        return min(found, default=0)

    def item_of(self, leaf: Any) -> WorkItem | None:
        """The work item whose result a future hands on."""
        if self._item_by_future is None:
            futures = ((item.future() if item.future is not None else None, item) for item in self._items)
            self._item_by_future = {id(future): item for future, item in futures if future is not None}
        for one in _mentioned_by(leaf):
            if isinstance(one, concurrent.futures.Future):
                return self._item_by_future.get(id(one))
        return None

    def awaited(self, leaf: Any) -> tuple[int, ...]:
        """Ids of the tasks that a future stands for: itself, what it gathers, or what it shields."""
        return _ids(_tasks_behind(leaf, DEPTH))

    def tasks_in(self, source: Any) -> tuple[int, ...]:
        """Ids of the unfinished tasks in a collection, or among the local variables of a library's frame."""
        return _ids(_tasks_among(source))

    def ended_by(self, leaf: Any, locals_of: Any = None) -> tuple[int, ...]:
        """Ids of open tasks whose end sets a future: one of their callbacks mentions it.

        Or a local variable of the library's frame: `as_completed` collects results in a queue.
        """
        if self._enders is None:
            self._enders = defaultdict(list)
            for record in list(open_tasks.values()):
                task = record.ref()
                for one in _mentioned_by(task):
                    self._enders[id(one)].append(record.id)
        about = [leaf, *shared_variables(locals_of)]
        found = chain.from_iterable(self._enders.get(id(one), ()) for one in about)
        return tuple(dict.fromkeys(found))[:MOST_AWAITED]


def _timers(loops: Iterable[Any]) -> dict[int, int]:
    """The earliest timer by address of the future it sets, or of the task it cancels."""
    earliest: dict[int, int] = {}
    for loop in loops:
        for handle in private.timers_of(loop):
            owner = getattr(handle._callback, "__self__", None)
            for one in chain(_interrupted_by(owner), (handle._args or ())[:1]):
                if isinstance(one, asyncio.Future):
                    when = int(handle.when() * SECOND)
                    earliest[id(one)] = min(when, earliest.get(id(one), when))
    return earliest


def _interrupted_by(timer: Any) -> Iterator[Any]:
    """The task of a time-out of asyncio's, anyio's or aiohttp's, or the future of one for a single answer."""
    for name in ("_task", "_host_task", "_waiter"):
        yield getattr(timer, name, None)
    for callback, *_ in getattr(timer, "_callbacks", None) or ():
        yield from getattr(getattr(callback, "__self__", None), "_tasks", ())


def _tasks_behind(future: Any, depth: int) -> Iterator[Any]:
    if isinstance(future, asyncio.Task):
        yield future
    elif depth:
        children = getattr(future, "_children", None) or [
            one for one in _mentioned_by(future) if isinstance(one, asyncio.Task)
        ]
        for child in children:
            yield from _tasks_behind(child, depth - 1)


def tasks_behind(future: Any) -> tuple[int, ...]:
    """Ids of the tasks whose results a future of any kind hands on."""
    return _ids(one for one in _mentioned_by(future) if isinstance(one, asyncio.Task))


def _tasks_among(source: Any) -> Iterator[Any]:
    is_collection = isinstance(source, COLLECTIONS)
    for one in source if is_collection else gc.get_referents(source):
        if isinstance(one, asyncio.Future):
            yield from _tasks_behind(one, DEPTH)
        elif isinstance(one, COLLECTIONS) and not is_collection:
            yield from _tasks_among(tuple(one))


def _mentioned_by(future: Any) -> Iterator[Any]:
    """What the callbacks of a future refer to: futures and queues among it."""
    for callback in private.callbacks_of(future)[:MOST_CALLBACKS]:
        if isinstance(callback, functools.partial):
            yield from callback.args
        else:
            yield from _contents(getattr(callback, "__closure__", None) or ())


def _contents(cells: Iterable[CellType]) -> Iterator[Any]:
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # not set yet, or deleted
            continue


def shared_variables(holder: Any) -> Iterator[Any]:
    """Those that a suspended coroutine shares with functions around it."""
    if holder is not None:
        yield from _contents(one for one in gc.get_referents(holder) if isinstance(one, CellType))


def _ids(tasks: Iterable[Any]) -> tuple[int, ...]:
    found = dict.fromkeys(
        record.id for task in tasks if not task.done() and (record := open_tasks.get(id(task))) is not None
    )
    return tuple(found)[:MOST_AWAITED]
