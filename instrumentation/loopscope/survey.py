"""The survey: what can only be learned by looking at open work from outside, once a drain."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import TYPE_CHECKING, Any

from loopscope import awaits, naming, places, private, sampling, sent_items, sync_waits
from loopscope.dropped import Drop
from loopscope.edges import Edges, tasks_behind
from loopscope.hooks.holding import PARTNERS
from loopscope.hooks.tasks import collected
from loopscope.hooks.work_items import cancelled_unstarted
from loopscope.owned import owned
from loopscope.recorder import recorder
from loopscope.records import CONDITION, DESTROYED_PENDING, EVENT, EXECUTOR, FUTURE, NOT_LOOKED, QUEUE, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.records import Batch, Fault, Resource, Task, Wait, WorkItem
    from loopscope.state import LiveState

ACTED_ON = frozenset({QUEUE, EVENT, CONDITION})
LOOK_AFTER = 200_000_000  # ns a task is suspended before its await chain is read
MOST_CHAINS = 500  # read per drain
MOST_WORKERS = 200  # looked at per second
MOST_COLLECTED = 1000  # tasks that are gone and may still have their last word to say


def look_at_tasks(state: LiveState, moment: int) -> None:
    """Close tasks that were collected, and note what long suspended ones wait for in `state.waits`."""
    edges = Edges(list(state.items.values()), [clock.loop() for clock in list(recorder.loops)])
    found: list[Wait] = []
    looked = 0
    alive = set()
    for key, record in state.tasks.copy().items():
        alive.add(record.id)
        record.site = places.resolve(record.site)
        if moment - max(record.last_ran, record.created) < LOOK_AFTER:
            continue
        task = record.ref()
        if task is None:
            _close_collected(state, key, record, moment)
            continue
        record.name = task.get_name()
        if looked < MOST_CHAINS and _is_news(state, record):
            looked += 1
            state.looked[record.id] = record.last_ran
            wait = awaits.suspended(record, task, edges)
            if wait is not None:
                found.append(wait)
            else:
                _nothing_found(state, record, moment)
        del task
    _forget_gone(state, alive, moment)
    _put_into_words(found, list(state.items.values()))
    for wait in found:
        _remember(state, wait, moment)


def _nothing_found(state: LiveState, record: Task, moment: int) -> None:
    """It runs, or its hooked wait tells all: what an earlier look found behind that one is over."""
    state.waits.pop(record.id, None)
    if not record.steps and record.wait is None:
        record.last_ran = moment


def _forget_gone(state: LiveState, alive: set[int], moment: int) -> None:
    for wait in list(state.waits.values()):
        if wait.task.id not in alive or _is_over(wait):
            del state.waits[wait.task.id]
            if wait.task.outcome == DESTROYED_PENDING:  # noticed by the hook: its address was taken again
                _close_last_wait(wait, moment)
    for id_ in state.looked.keys() - alive:
        del state.looked[id_]


def _is_over(wait: Wait) -> bool:
    if wait.outer is not None:
        return wait.task.wait is not wait.outer
    return wait.started != wait.task.last_ran


def _is_news(state: LiveState, record: Task) -> bool:
    """Has it run since it was looked at? A hooked wait may go through several suspensions."""
    if record.wait is not None:
        moved = bool(record.steps) and state.looked.get(record.id) != record.last_ran
        return record.wait.until == NOT_LOOKED or moved
    return bool(record.first_run) and (state.looked.get(record.id) != record.last_ran or not record.steps)


def _remember(state: LiveState, wait: Wait, moment: int) -> None:
    """Where steps are not seen, a task has moved when it waits on another line than at the last look."""
    record = wait.task
    known = state.waits.get(record.id)
    if known is not None and not record.steps and wait.outer is None:
        if (known.kind, known.site) == (wait.kind, wait.site):
            return
        record.last_ran = wait.started = moment
    state.waits[record.id] = wait


def _close_collected(state: LiveState, key: int, record: Task, moment: int) -> None:
    if state.tasks.get(key) is not record:
        return
    del state.tasks[key]
    collected(record)
    wait = state.waits.pop(record.id, None)
    if len(recorder.collected) >= MOST_COLLECTED:
        recorder.collected.clear()
    recorder.collected[key] = record, wait.site if wait is not None else None
    if wait is not None:
        _close_last_wait(wait, moment)


def _close_last_wait(wait: Wait, moment: int) -> None:
    wait.ended, wait.outcome = moment, wait.task.outcome
    recorder.keep(recorder.ended_waits, wait)


def look_at_items(state: LiveState, moment: int, *, last: bool = False) -> None:
    """Count each executor's queue and busy workers; close items that were cancelled before they began."""
    sent_items.look(moment, last=last)
    executors = [r for r in list(state.resources.values()) if r.kind == EXECUTOR]
    queued = dict.fromkeys((executor.id for executor in executors), 0)
    busy = dict.fromkeys(queued, 0)
    for item in list(state.items.values()):
        if item.started:
            busy[item.executor.id] = busy.get(item.executor.id, 0) + 1
        elif not cancelled_unstarted(item):
            queued[item.executor.id] = queued.get(item.executor.id, 0) + 1
    for executor in executors:
        executor.waiting, executor.in_use = queued[executor.id], busy[executor.id]


def look_at_workers(state: LiveState, moment: int) -> None:
    """Note on which line the workers of long running items stand, and whose result they wait for."""
    long = [
        item
        for item in (*list(state.items.values()), *list(state.hosted.values()))
        if item.thread and item.started and moment - item.started > LOOK_AFTER
    ]
    if not long:
        return
    frames = sampling.other_frames()
    of_future = {id(i.future()): i.id for i in list(state.items.values()) if i.future is not None}
    for item in long[:MOST_WORKERS]:
        frame = frames.get(item.thread)
        if frame is None or item.ended:
            continue
        item.standing = places.culprit(tuple(places.stack(frame)))
        wait = sync_waits.of(frame)
        item.waits_for = wait.function if wait is not None else ""
        awaited = wait.on if wait is not None and isinstance(wait.on, Collection) else [wait and wait.on]
        item.awaits = next(
            (id_ for one in list(awaited) if (id_ := of_future.get(id(one)) or _task_of(one))), 0
        )


def _task_of(future: Any) -> int:
    """The id of the task whose result a thread waits for, as `run_coroutine_threadsafe` lets it."""
    return next(iter(tasks_behind(future)), 0)


def look_at_partners(resources: Iterable[Resource]) -> None:
    """Who acts on what can be waited for, and how much is in it."""
    owned.measure()
    for resource in resources:
        if resource.kind not in ACTED_ON or resource.ref is None:
            continue
        owner = resource.ref()
        resource.partners = getattr(owner, PARTNERS, None)
        for partner in list(resource.partners.values()) if resource.partners else ():
            partner.site, partner.caller = places.resolve(partner.site), places.resolve(partner.caller)
        if resource.kind == QUEUE and owner is not None:
            resource.in_use, resource.unfinished = private.length_of(owner), private.unfinished_of(owner)
        del owner


def put_into_words(batch: Batch, state: LiveState) -> None:
    """Resolve a batch's places, name its resources, tell waits for an executor from other futures."""
    for task in batch.tasks:
        if task.raised_at is not None:
            task.raised_at = places.resolve(task.raised_at)
        if task.cancelled is not None:
            task.cancelled = task.cancelled[0], places.resolve(task.cancelled[1])
    _resolve_sites(batch.jobs, batch.tasks, batch.holds, batch.items, batch.resources)
    for resource in batch.resources:
        resource.name = naming.name_of(resource)
    for fault in (*batch.faults, *list(state.open_faults.values())):
        _explain(fault)
    _resolve_sites(list(state.jobs.values()), list(state.items.values()))
    for resource in list(state.resources.values()):
        if resource.holders or resource.waiting:
            resource.name = naming.name_of(resource)
            for hold in list(resource.holders.values()):
                hold.site = places.resolve(hold.site)
    _put_into_words(batch.waits, (*state.items.values(), *batch.items))
    _put_into_words([task.wait for task in list(state.tasks.values()) if task.wait], ())


def _resolve_sites(*lists: Iterable[Any]) -> None:
    for record in chain.from_iterable(lists):
        if record.site.__class__ is not Place:
            record.site = places.resolve(record.site)


def _explain(fault: Fault) -> None:
    """Resolve a fault's places; of an await chain, the user's innermost line."""
    fault.site = places.resolve(fault.site)
    if isinstance(fault.place, Drop):
        fault.place = fault.place.place()
    elif isinstance(fault.place, list):
        fault.place = places.culprit(tuple(places.resolve(raw) for raw in reversed(fault.place)))
    else:
        fault.place = places.resolve(fault.place)
    if fault.resource is not None:
        fault.resource.name = naming.name_of(fault.resource)


def _put_into_words(waits: list[Wait], items: Iterable[WorkItem]) -> None:
    of_task = {item.task: item for item in items if item.task} if waits else {}
    for wait in waits:
        awaits.put_into_words(wait)
        if wait.resource is not None:
            wait.resource.name = naming.name_of(wait.resource)
        item = of_task.get(wait.task.id)
        if wait.kind in {FUTURE, EXECUTOR} and wait.resource is None and item is not None:
            wait.kind, wait.resource = EXECUTOR, item.executor
