"""The await tree: every open task under the one that waits for it, with what it waits for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.case import job_label, label
from loopscope.records import GATHER, SLEEP, TASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Task, Wait, WorkItem

MOST_HOLDERS = 3  # named of a resource


class AwaitTree:
    """The open work of one case as lines of text.

    A task stands under the one that awaits it, else under the one that created it, and only once: of a
    circle the first task met is the root, and where it comes round again is said.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._said: set[int] = set()
        self._below: dict[int, list[int]] = {}
        placed: set[int] = set()
        for wait in case.waits.values():
            own = [id_ for id_ in wait.awaits if id_ in case.tasks]
            self._below[wait.task.id] = own
            placed.update(own)
        for task in case.tasks.values():
            if task.id not in placed and task.parent in case.tasks:
                self._below.setdefault(task.parent, []).append(task.id)
                placed.add(task.id)
        self._roots = [id_ for id_ in case.tasks if id_ not in placed]

    def lines(self) -> Iterator[str]:
        """The whole tree, a line a task or work item; tasks of circles come last."""
        for id_ in (*self._roots, *self._case.tasks):
            if id_ not in self._said:
                yield from self._branch(id_)

    def _branch(self, root: int) -> Iterator[str]:
        """Without recursion: chains of awaits may be long."""
        work: list[tuple[int, str, str]] = [(root, "", "")]
        while work:
            id_, first, rest = work.pop()
            task = self._case.tasks[id_]
            if id_ in self._said:
                yield f"{first}{label(task)} (above)"
                continue
            self._said.add(id_)
            yield first + self._describe(task)
            items = [item for item in self._case.snapshot.items if item.task == id_]
            below = self._below.get(id_, [])
            for number, item in enumerate(items):
                is_last = number == len(items) - 1 and not below
                yield f"{rest}{'└─ ' if is_last else '├─ '}{self._describe_item(item)}"
            ends = [False] * (len(below) - 1) + [True] * bool(below)
            branches = [
                (child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
                for child, last in zip(below, ends, strict=True)
            ]
            work.extend(reversed(branches))

    def _describe(self, task: Task) -> str:
        name = label(task)
        coroutine = f" {task.coroutine}" if name != task.coroutine else ""
        job = f" [{job_label(task.job)}]" if task.job is not None and task.job.root_task == task.id else ""
        return f"{name}{coroutine}{job}: {self._doing(task)}"

    def _doing(self, task: Task) -> str:
        wait = self._case.waits.get(task.id)
        if wait is not None:
            lasted = prose.seconds(self._case.since(wait.started))
            return f"waits {lasted} for {self._awaited(wait)} at {prose.where(wait.site)}"
        if not task.first_run:
            return f"has not begun, {prose.seconds(self._case.since(task.created))} after it was created"
        return f"runs, or waited for less than a moment {prose.seconds(self._case.since(task.last_ran))} ago"

    def _awaited(self, wait: Wait) -> str:
        if wait.resource is None:
            number = len([id_ for id_ in wait.awaits if id_ in self._case.tasks])
            if number:
                return prose.counted(number, "task")
            words = {GATHER: "tasks", TASK: "a task", SLEEP: "time to pass"}
            return words.get(wait.kind, wait.detail or wait.kind)
        holders = [self._case.holder(hold) for hold in self._case.holds.get(wait.resource.id, ())]
        names = self._case.names(task for task in holders[:MOST_HOLDERS] if task is not None)
        held = f", held by {', '.join(names)}" if names else ""
        more = f" and {len(holders) - MOST_HOLDERS} more" if len(holders) > MOST_HOLDERS else ""
        return f"{prose.resource(wait.resource)}{held}{more}"

    def _describe_item(self, item: WorkItem) -> str:
        since = prose.seconds(self._case.since(item.started or item.submitted))
        if not item.started:
            return f"{item.function}: queued {since} for {prose.resource(item.executor)}"
        standing = f" at {prose.where(item.standing)}" if item.standing.line else ""
        return f"{item.function}: runs {since} in {item.worker or prose.resource(item.executor)}{standing}"
