"""Pools, for the rules about them: which items wait for which, and who suffers when a pool stands still."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from loopscope.diagnosis.graph import ENDS
from loopscope.records import EXECUTOR

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
    when it does not wait, or for nothing that is known here, or for an item or a task that can.
    """
    needs: dict[int, list[int]] = {}
    todo = [item.id for item in case.snapshot.items]
    while todo:
        id_ = todo.pop()
        if id_ not in needs:
            item = case.open_items.get(id_)
            needs[id_] = _needs(case, item) if item is not None else _needs_of_task(case, id_)
            todo += needs[id_]
    free = _who_can_go_on(needs)
    return [item for item in case.snapshot.items if item.id not in free]


def _who_can_go_on(needs: dict[int, list[int]]) -> set[int]:
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
    return free


def _needs(case: Case, item: WorkItem) -> list[int]:
    """The items and tasks of which one has to go on before this item can; empty when it needs none."""
    if not item.started:
        running = [other.id for other in case.items[item.executor.id] if other.started]
        return running if 0 < item.executor.capacity <= len(running) else []
    if item.awaits in case.open_items or item.awaits in case.tasks:
        return [item.awaits]
    if not item.waits_for:
        return []
    return [other.id for other in case.inner_items.get(item.id, ()) if not other.started]


def _needs_of_task(case: Case, id_: int) -> list[int]:
    """Likewise for a task that an item waits for: what it has in an executor, or the tasks it waits for."""
    wait = case.waits.get(id_)
    if wait is None:
        return []
    if wait.kind == EXECUTOR and wait.resource is not None:
        return [item.id for item in case.items.get(wait.resource.id, ()) if item.task == id_]
    return [other for other in wait.awaits if other in case.tasks] if wait.kind in ENDS else []


def waits_since(case: Case, item: WorkItem) -> int:
    """When a running item that waits for others can have begun to: no earlier than the last was submitted."""
    inner = case.inner_items.get(item.id, ())
    return max(item.started, *(other.submitted for other in inner), 0)


def asked_for(case: Case, items: Iterable[WorkItem]) -> tuple[str, ...]:
    """Who waits for these items: names of tasks, else of the functions."""
    tasks = [case.task(item.task) for item in items]
    names = case.names(task for task in tasks if task is not None)
    return names or tuple(dict.fromkeys(item.function for item in items))
