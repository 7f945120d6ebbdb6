"""Pools, for the rules about them: which items wait for which, and who suffers when a pool stands still."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.case import Case
    from loopscope.records import WorkItem


def hosted(case: Case) -> list[WorkItem]:
    """The items of another process's pool that this process was running."""
    return [item for item in case.snapshot.items if item.process == case.process.pid]


def for_ever(case: Case) -> list[WorkItem]:
    """Open items that can never end, as the ones they wait for are among them.

    A queued item can go on when its pool has a free worker or one of the running items can; a running one
    when it does not wait, or for something that is no item of this process, or for an item that can.
    """
    needs = {item.id: _needs(case, item) for item in case.snapshot.items}
    above: dict[int, list[int]] = defaultdict(list)
    for id_, needed in needs.items():
        for other in needed:
            above[other].append(id_)
    able = deque(id_ for id_, needed in needs.items() if not needed)
    free = set(able)
    while able:
        fresh = [id_ for id_ in above.get(able.popleft(), ()) if id_ not in free]
        free.update(fresh)
        able.extend(fresh)
    return [item for item in case.snapshot.items if item.id not in free]


def _needs(case: Case, item: WorkItem) -> list[int]:
    """The items of which one has to go on before this one can; empty when it needs none."""
    if not item.started:
        running = [other.id for other in case.items[item.executor.id] if other.started]
        return running if 0 < item.executor.capacity <= len(running) else []
    if item.awaits in case.open_items:
        return [item.awaits]
    if not item.waits_for:
        return []
    return [other.id for other in case.inner_items.get(item.id, ()) if not other.started]


def waits_since(case: Case, item: WorkItem) -> int:
    """When a running item that waits for others can have begun to: no earlier than the last was submitted."""
    inner = case.inner_items.get(item.id, ())
    return max(item.started, *(other.submitted for other in inner), 0)


def asked_for(case: Case, items: Iterable[WorkItem]) -> tuple[str, ...]:
    """Who waits for these items: names of tasks, else of the functions."""
    tasks = [case.task(item.task) for item in items]
    names = case.names(task for task in tasks if task is not None)
    return names or tuple(dict.fromkeys(item.function for item in items))
