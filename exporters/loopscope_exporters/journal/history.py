"""The history of one job: every row of every process that worked for it, places and resources resolved."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from loopscope_exporters.journal.history_rows import read_rows
from loopscope_exporters.journal.model import JobHistory
from loopscope_exporters.journal.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from typing import Any

    from loopscope_exporters.journal.listing import JobRow
    from loopscope_exporters.journal.model import ItemInfo, WaitInfo
    from loopscope_exporters.journal.source import Source


def read_history(job: JobRow, source: Source) -> JobHistory:
    """Read the job from every segment that reaches beyond its start."""
    found = [
        (part.process, rows)
        for part, rows in source.each(lambda part, reading: read_rows(part, reading, job), since=job.started)
    ]
    workers = {job.process.id} | {
        process.id for process, rows in found if rows.tasks or rows.items or rows.waits
    }
    every = [rows for _, rows in found]
    here = [rows for process, rows in found if process.id in workers]
    waits = _unique((row for rows in every for row in rows.waits), _WAIT, "started")
    items = _unique((row for rows in every for row in rows.items), _ID, "submitted")
    return JobHistory(
        job=summarize([job], source)[0],
        process=job.process,
        now=job.process.now,
        tasks=_unique((row for rows in every for row in rows.tasks), _ID, "created", "id"),
        waits=tuple(_clip_wait(wait, job) for wait in waits),
        holds=_unique((row for rows in every for row in rows.holds), _ID, "acquired"),
        items=tuple(_clip_item(item, job) for item in items),
        slices=tuple(sorted((row for rows in every for row in rows.slices), key=attrgetter("started"))),
        blocks=_unique((row for rows in here for row in rows.blocks), _ID, "started"),
        faults=_unique((row for rows in here for row in rows.faults), _ID, "at"),
        samples=tuple(sorted((row for rows in here for row in rows.samples), key=attrgetter("at"))),
    )


_ID = attrgetter("id")
_WAIT = attrgetter("task", "kind", "started")


def _unique(rows: Iterable[Any], key: Callable[[Any], Hashable], *order: str) -> tuple[Any, ...]:
    """Rows in the `order` of these fields, each once: an open row gives way to its finished one."""
    found: dict[Hashable, Any] = {}
    for row in rows:
        known = found.get(key(row))
        if known is None or known.open:
            found[key(row)] = row
    return tuple(sorted(found.values(), key=attrgetter(*order)))


def _clip_wait(wait: WaitInfo, job: JobRow) -> WaitInfo:
    """The part inside the job, of a wait of its root task, which may have begun before or ended after it."""
    if wait.task != job.root_task:
        return wait
    return replace(wait, started=max(wait.started, job.started), ended=min(wait.ended, job.ended))


def _clip_item(item: ItemInfo, job: JobRow) -> ItemInfo:
    """Likewise for a work item of the root task."""
    if item.task != job.root_task:
        return item
    return replace(
        item,
        submitted=max(item.submitted, job.started),
        started=item.started and min(max(item.started, job.started), job.ended),
        ended=min(item.ended, job.ended),
    )
