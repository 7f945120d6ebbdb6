"""Everything known about one task or one block, as the panel beside the timeline shows it."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from loopscope.records import OK
from loopscope_dashboard.explorer.lanes import OPEN, OPEN_JOBS, orphans
from loopscope_dashboard.explorer.names import ELSEWHERE, short_function, task_names
from loopscope_dashboard.words import clock, counted, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loopscope.records import Place
    from loopscope_exporters.journal.model import (
        BlockInfo,
        ItemInfo,
        JobHistory,
        TaskInfo,
        WaitInfo,
    )

MOST_ROWS = 50

Facts = list[tuple[str, str]]


def task_details(history: JobHistory, lane: int) -> dict[str, Any] | None:
    """Of the task or the work item that has this lane; None when the job has no such lane."""
    task = next((task for task in history.tasks if task.id == lane), None)
    if task is not None:
        return _of_task(history, task)
    item = next((item for item in orphans(history) if item.id == lane), None)
    return _of_item(history, item) if item is not None else None


def block_details(history: JobHistory, identity: int) -> dict[str, Any] | None:
    block = next((block for block in history.blocks if block.id == identity), None)
    return _of_block(history, block) if block is not None else None


def _details(
    title: str,
    subtitle: str,
    facts: Facts,
    sections: Iterable[dict[str, Any] | None] = (),
    stack: Sequence[Place] = (),
) -> dict[str, Any]:
    return {
        "title": title,
        "subtitle": subtitle,
        "facts": [(name, value) for name, value in facts if value],
        "sections": [section for section in sections if section is not None],
        "stack": [str(place) for place in stack],
    }


def _of_task(history: JobHistory, task: TaskInfo) -> dict[str, Any]:
    names = task_names(history)
    still = task.open and history.job.state in OPEN_JOBS
    facts = [
        ("state", OPEN if still else task.outcome or OK),
        ("created at", place(task.place)),
        ("coroutine", task.coroutine),
        ("parent", names.get(task.parent, "")),
        ("exception", task.exception),
        ("raised at", place(task.raised_at)),
        ("cancelled by", names.get(task.cancelled_by, ELSEWHERE) if task.cancelled_by else ""),
        ("cancelled at", place(task.cancelled_at)),
        ("created", _moment(history, task.created)),
        ("first run after", span(task.first_run - task.created) if task.first_run else "never ran"),
        ("lived", span(task.ended - task.created)),
        ("on the loop", f"{span(task.running)} in {counted(task.steps, 'step')}"),
        ("last ran", _moment(history, task.last_ran) if task.last_ran else ""),
    ]
    sections = [
        _waits(history, [wait for wait in history.waits if wait.task == task.id], names),
        _holds(history, task.id),
        _items([item for item in history.items if item.task == task.id]),
        _blocks([block for block in history.blocks if block.task == task.id]),
        _children(history, task.id, names),
    ]
    return _details(names[task.id], f"task {task.name}" if task.name else "task", facts, sections)


def _of_item(history: JobHistory, item: ItemInfo) -> dict[str, Any]:
    facts = [
        ("state", OPEN if item.open else item.outcome or OK),
        ("submitted at", place(item.place)),
        ("executor", item.executor.name if item.executor else ""),
        ("worker", item.worker),
        ("exception", item.exception),
        ("submitted", _moment(history, item.submitted)),
        ("queued", span((item.started or item.ended) - item.submitted)),
        ("ran", span(item.ended - item.started) if item.started else "never started"),
        ("ahead in the queue", str(item.depth)),
    ]
    return _details(item.function, "work item submitted outside of this job's tasks", facts)


def _of_block(history: JobHistory, block: BlockInfo) -> dict[str, Any]:
    facts = [
        ("culprit", place(block.culprit)),
        ("call", block.call),
        ("task", task_names(history).get(block.task, ELSEWHERE) if block.task else ""),
        ("cause", block.cause.replace("_", " ")),
        ("began", _moment(history, block.started)),
        ("processor time", span(block.cpu)),
        ("thread", block.thread),
    ]
    title = f"Loop blocked {span(block.ended - block.started)}"
    return _details(title, "nothing else on this loop could run meanwhile", facts, (), block.stack)


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any] | None:
    if not rows:
        return None
    hidden = len(rows) - MOST_ROWS
    note = f"the longest {MOST_ROWS} of {len(rows)}" if hidden > 0 else ""
    return {"title": title, "note": note, "columns": columns, "rows": rows[:MOST_ROWS]}


def _waits(history: JobHistory, waits: list[WaitInfo], names: dict[int, str]) -> dict[str, Any] | None:
    waits.sort(key=lambda wait: wait.started - wait.ended)
    rows = [
        (
            what_for(wait),
            span(wait.ended - wait.started) + (" so far" if wait.open else ""),
            holders(history, wait, names),
            short(wait.place),
        )
        for wait in waits
    ]
    return _section("Waits", ("for", "how long", "held by", "at"), rows)


def _holds(history: JobHistory, task: int) -> dict[str, Any] | None:
    holds = sorted((h for h in history.holds if h.task == task), key=lambda h: h.acquired - h.released)
    rows = [
        (
            hold.resource.name or hold.resource.kind if hold.resource else "",
            span(hold.released - hold.acquired) + (" so far" if hold.open else ""),
            short(hold.place),
        )
        for hold in holds
    ]
    return _section("Held", ("what", "how long", "acquired at"), rows)


def _items(items: list[ItemInfo]) -> dict[str, Any] | None:
    items.sort(key=lambda item: item.submitted - item.ended)
    rows = [
        (
            item.function,
            span(item.ended - item.started) if item.started else "never started",
            span((item.started or item.ended) - item.submitted),
            item.worker or (item.executor.name if item.executor else ""),
            item.outcome if item.outcome != OK else "",
        )
        for item in items
    ]
    return _section("Work items", ("function", "ran", "queued for", "in", "outcome"), rows)


def _blocks(blocks: list[BlockInfo]) -> dict[str, Any] | None:
    rows = [
        (short(block.culprit), span(block.ended - block.started), block.call)
        for block in sorted(blocks, key=lambda block: block.started - block.ended)
    ]
    return _section("Blocked the loop", ("culprit", "how long", "call"), rows)


def _children(history: JobHistory, parent: int, names: dict[int, str]) -> dict[str, Any] | None:
    rows = [
        (names[task.id], task.outcome or OPEN, span(task.ended - task.created))
        for task in history.tasks
        if task.parent == parent and task.id != parent
    ]
    return _section("Children", ("task", "outcome", "lived"), rows)


def _moment(history: JobHistory, wall: int) -> str:
    return f"{clock(wall)}, {span(max(wall - history.job.started, 0))} into the job"


def place(where: Place) -> str:
    return str(where) if where.line else ""


def short(where: Place) -> str:
    """For tables: the file without its folders."""
    return (
        f"{PurePath(where.file).name}:{where.line} in {short_function(where.function)}" if where.line else ""
    )


def what_for(wait: WaitInfo) -> str:
    """What a task waits for, in words: "semaphore speech", "http 127.0.0.1:8080"."""
    name = wait.resource.name if wait.resource and wait.resource.name else wait.detail
    return f"{wait.kind} {name if name != wait.kind else ''}".strip()


def holders(history: JobHistory, wait: WaitInfo, names: dict[int, str]) -> str:
    """Who held the resource when the wait began, each with the line it was acquired at."""
    if wait.resource is None:
        return ""
    acquired = {h.task: h.place for h in history.holds if h.resource and h.resource.id == wait.resource.id}
    said = []
    for task in wait.held_by[:5]:
        name = names.get(task, ELSEWHERE)
        where = acquired.get(task)
        said.append(f"{name} (line {where.line})" if where and where.line else name)
    more = len(wait.held_by) - len(said)
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")
