"""What each task was doing at each moment: records of a job in, segments per lane out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.records import EXECUTOR
from loopscope_dashboard.explorer.names import ELSEWHERE, short_function
from loopscope_dashboard.explorer.sweep import Segment, Stroke, paint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loopscope_dashboard.explorer.lanes import Lane
    from loopscope_exporters.journal.model import ItemInfo, JobHistory, WaitInfo

BLOCKED, WORKER, QUEUED = "blocked", "worker", "queued"
RUNNING, ACTIVE, READY, SUSPENDED = "running", "active", "ready", "suspended"

# What shows when several things are true at once. A wait for an executor says less than its work
# item, and whatever nothing was recorded about is the small change of steps and short waits.
_BLOCK, _WORKING, _QUEUED, _WAIT, _SLICE, _EXECUTOR, _REST = range(7)


def strokes_by_lane(history: JobHistory, names: Mapping[int, str]) -> dict[int, list[Stroke]]:
    """Everything recorded about each lane, by its id. ``names`` are the tasks' names by id."""
    strokes: dict[int, list[Stroke]] = defaultdict(list)
    for block in history.blocks:
        where = (
            f"{short_function(block.culprit.function)} line {block.culprit.line}"
            if block.culprit.line
            else block.cause
        )
        strokes[block.task].append(Stroke(_BLOCK, block.started, block.ended, BLOCKED, where))
    for item in history.items:
        strokes[item.task if item.task in names else item.id] += _item_strokes(item)
    for wait in history.waits:
        rank = _EXECUTOR if wait.kind == EXECUTOR else _WAIT
        label = wait_label(wait, names)
        strokes[wait.task].append(Stroke(rank, wait.started, wait.ended, wait.kind, label))
    for step in history.slices:
        strokes[step.task].append(Stroke(_SLICE, step.started, step.ended, RUNNING))
    return strokes


def segments_of(lane: Lane, strokes: Sequence[Stroke]) -> list[Segment]:
    """One lane from its start to its end, without a gap.

    After its last step a task no longer ran, whatever else was recorded; it waited for something.
    """
    first_run = lane.first_run or lane.end
    last_ran = max(lane.last_ran, first_run) if lane.last_ran else lane.end
    rest = [
        Stroke(_REST, lane.start, first_run, READY),
        Stroke(_REST, first_run, last_ran, ACTIVE),
        Stroke(_REST, last_ran, lane.end, SUSPENDED),
    ]
    return paint([*strokes, *rest], lane.start, lane.end)


def _item_strokes(item: ItemInfo) -> list[Stroke]:
    started = item.started or item.ended
    pool = item.executor.name if item.executor else ""
    queued = f"{item.function}, {item.depth} ahead in {pool}" if pool else item.function
    strokes = [Stroke(_QUEUED, item.submitted, started, QUEUED, queued)]
    if item.started:
        strokes.append(Stroke(_WORKING, item.started, item.ended, WORKER, item.function))
    return strokes


def wait_label(wait: WaitInfo, names: Mapping[int, str]) -> str:
    """Which one it is and who has it: "speech, held by chunk-1, chunk-2 and 3 more"."""
    label = wait.resource.name if wait.resource and wait.resource.name else wait.detail
    holders = [names.get(task, ELSEWHERE) for task in wait.held_by]
    if not holders:
        return label
    shown = ", ".join(holders[:2]) + (f" and {len(holders) - 2} more" if len(holders) > 2 else "")
    return f"{label}, held by {shown}" if label else f"held by {shown}"
