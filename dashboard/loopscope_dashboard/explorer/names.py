"""What the tasks of a job are called on the page: short, and no two alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopscope_exporters.journal.model import JobHistory, TaskInfo

ELSEWHERE = "a task of another job"


def task_names(history: JobHistory) -> dict[int, str]:
    """By id. Twelve tasks of one coroutine are "speak #1" to "speak #12", as they were created."""
    tasks = sorted(history.tasks, key=lambda task: (task.created, task.id))
    shared = Counter(_own_name(task) for task in tasks)
    seen: Counter[str] = Counter()
    names = {}
    for task in tasks:
        name = _own_name(task)
        seen[name] += 1
        names[task.id] = f"{name} #{seen[name]}" if shared[name] > 1 else name
    return names


def _own_name(task: TaskInfo) -> str:
    """The name its author gave it; for asyncio's own Task-7 the coroutine says more."""
    generic = task.name.startswith("Task-") and task.name[5:].isdigit()
    return short_function(task.coroutine) if generic or not task.name else task.name


def short_function(qualified: str) -> str:
    """The last two parts: "anyio.connect_tcp.<locals>.attempt" is "connect_tcp.attempt"."""
    return ".".join(qualified.replace(".<locals>", "").split(".")[-2:])
