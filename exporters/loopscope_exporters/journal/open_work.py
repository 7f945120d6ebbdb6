"""What is open, for the open_* tables: rewritten at each drain, or as often as its cost allows."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from loopscope.clock import SECOND
from loopscope.context import thin_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.records import Job
    from loopscope.state import LiveState
    from loopscope_exporters.journal.rows import Row, Rows
    from loopscope_exporters.journal.segment import Segment

FEW = 100  # tasks: while so few are open, all of them are written
YOUNG = 100_000_000  # ns; with more, work must be this old: under load most is over before anyone could look
SHARE = 20  # a rewrite that took one part of a core's time is followed by 19 parts without one
UNDER_LOAD = SECOND // 2  # without news, for each statement makes a busy loop wait half a dozen times


class OpenWork:
    """Writes the open tables of one segment, those that changed, and at most 5 % of the time.

    Under load that is twice a second, and when work has become so old that somebody could look at it.

    What is spent is measured as processor time of this thread: waiting for the GIL beside a busy loop is no
    reason to say less.
    """

    def __init__(
        self,
        state: LiveState,
        rows: Rows,
        spent: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._state = state
        self._rows = rows
        self._spent = spent
        self._written: dict[str, list[Row]] = {}
        self._not_before = 0
        self._rests_until = 0
        self._written_at = 0
        self.since = 0  # rows that waits had when this was last up to date

    def is_due(self, moment: int) -> bool:
        """Whether the last rewrite's cost allows another one, and under load whether that is worth it."""
        return moment >= self._not_before and (moment >= self._rests_until or self._has_news(moment))

    def _has_news(self, moment: int) -> bool:
        """Is there a job or a task that was too young for the last rewrite?"""
        after, until = self._written_at - YOUNG, moment - YOUNG
        jobs, tasks = list(self._state.jobs.values()), list(self._state.tasks.values())
        return any(after < job.started <= until for job in jobs) or any(
            after < task.created <= until for task in tasks
        )

    def write(self, segment: Segment, moment: int, *, always: bool = False) -> None:
        """Rewrite what changed, if that is due, or `always`."""
        if not (always or self.is_due(moment)):
            return
        began = self._spent()
        thin_before = sys.maxsize if always else moment - YOUNG
        is_quiet = len(self._state.tasks) + len(thin_tasks) <= FEW
        before = sys.maxsize if is_quiet else thin_before
        for table, rows in self._tables(moment, before, thin_before).items():
            if rows != self._written.get(table, []):
                segment.rewrite(table, rows)
                self._written[table] = rows
        self.since = segment.rows["waits"]
        self._written_at = moment
        self._rests_until = moment + UNDER_LOAD if thin_tasks else 0
        self._not_before = moment + (self._spent() - began) * SHARE

    def clear(self, segment: Segment) -> None:
        """Empty the tables: another segment says from now on what is open."""
        for table, rows in self._written.items():
            if rows:
                segment.rewrite(table, [])
        self._written.clear()

    def _tables(self, moment: int, before: int, thin_before: int) -> dict[str, list[Row]]:
        """Every open table's rows of what began no later than `before`; of thin jobs, than `thin_before`.

        The dictionaries change meanwhile: `list()` copies them in one step.
        """
        state, rows = self._state, self._rows
        holds = [
            hold for resource in list(state.resources.values()) for hold in list(resource.holders.values())
        ]
        stuck = {job.id for job in state.stuck_jobs(moment)}
        jobs = [job for job in list(state.jobs.values()) if not job.thin or job.started <= thin_before]

        def job_row(job: Job) -> Row:
            return rows.job(job, stuck=job.id in stuck)

        records: dict[str, tuple[Callable[[Any], Row], str, list[Any]]] = {
            "open_jobs": (job_row, "started", jobs),
            "open_tasks": (rows.task, "created", list(state.tasks.values())),
            "open_waits": (rows.wait, "started", state.open_waits()),
            "open_holds": (rows.hold, "acquired", holds),
            "open_items": (
                rows.item,
                "submitted",
                [*list(state.items.values()), *list(state.hosted.values())],
            ),
            "open_blocks": (rows.block, "started", list(state.blocks.values())),
            "open_faults": (rows.fault, "at", list(state.open_faults.values())),
        }
        tables = {
            table: [convert(one) for one in open_ if getattr(one, began) <= before]
            for table, (convert, began, open_) in records.items()
        }
        resources = list(state.resources.values())
        used = [r for r in resources if r.in_use or r.waiting or r.unfinished]
        acting = [(r, p) for r in resources if r.partners for p in list(r.partners.values())]
        tables["open_resources"] = [rows.level(resource) for resource in used]
        tables["open_partners"] = [rows.partner(resource, partner) for resource, partner in acting]
        return tables
