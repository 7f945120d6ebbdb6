"""The history of a process: sums over all that has ended, and the last of it one by one. Bounded."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loopscope.diagnosis.tally import HoldKey, ItemKey, Tallies, TaskKey, WaitKey
from loopscope.places import resolve
from loopscope.records import OK

if TYPE_CHECKING:
    from loopscope.records import Batch, Block, Fault, Hold, Job, Slice, Task, Wait, WorkItem
    from loopscope.usage import Hotspot, Lag, LoopUse, Sample, Spin

LAST = 2_000  # records of each kind that are kept one by one


class History:
    """Folded from each drain by the pump, or read from a journal: `tasks`, `waits`, `holds` and `items` are
    tallies over everything, the `last_…` are the records that ended last, oldest first.
    """

    def __init__(self) -> None:
        self.tasks: Tallies[TaskKey] = Tallies()
        self.waits: Tallies[WaitKey] = Tallies()
        self.holds: Tallies[HoldKey] = Tallies()
        self.items: Tallies[ItemKey] = Tallies()
        self.jobs: Tallies[str] = Tallies()  # by name
        self.last_jobs: deque[Job] = deque(maxlen=LAST)
        self.last_tasks: deque[Task] = deque(maxlen=LAST)
        self.last_waits: deque[Wait] = deque(maxlen=LAST)
        self.last_holds: deque[Hold] = deque(maxlen=LAST)
        self.last_items: deque[WorkItem] = deque(maxlen=LAST)
        self.last_blocks: deque[Block] = deque(maxlen=LAST)
        self.last_slices: deque[Slice] = deque(maxlen=LAST)
        self.last_faults: deque[Fault] = deque(maxlen=LAST)
        self.samples: deque[Sample] = deque(maxlen=LAST)
        self.last_lags: deque[Lag] = deque(maxlen=LAST)
        self.loop_uses: deque[LoopUse] = deque(maxlen=LAST)
        self.hotspots: deque[Hotspot] = deque(maxlen=LAST)
        self.spins: deque[Spin] = deque(maxlen=LAST)

    def __repr__(self) -> str:
        ended = sum(tally.count for tally in self.tasks.values())
        return f"<History of {ended} tasks of {len(self.tasks)} kinds>"

    def fold(self, batch: Batch) -> None:
        """Add what ended since the last drain, places resolved."""
        for task in batch.tasks:
            self._add_task(task)
        for wait in batch.waits:
            self._add_wait(wait)
        for hold in batch.holds:
            held = hold.released - hold.acquired
            tally = self.holds.of(HoldKey(hold.resource.id, resolve(hold.site)))
            tally.add(hold.acquired, hold.released, held, 0, failed=False)
        for item in batch.items:
            self._add_item(item)
        for job in batch.jobs:
            lasted = job.ended - job.started
            self.jobs.of(job.name).add(job.started, job.ended, lasted, 0, failed=job.outcome != OK)
        self.remember(batch)

    def remember(self, batch: Batch) -> None:
        """Keep the records of a batch one by one, as far as there is room."""
        self.last_jobs.extend(batch.jobs)
        self.last_tasks.extend(batch.tasks)
        self.last_waits.extend(batch.waits)
        self.last_holds.extend(batch.holds)
        self.last_items.extend(batch.items)
        self.last_blocks.extend(batch.blocks)
        self.last_slices.extend(batch.slices)
        self.last_faults.extend(batch.faults)
        self.samples.extend(batch.samples)
        self.last_lags.extend(batch.lags)
        self.loop_uses.extend(batch.loop_uses)
        self.hotspots.extend(batch.hotspots)
        self.spins.extend(batch.spins)

    def _add_task(self, task: Task) -> None:
        tally = self.tasks.of(TaskKey(task.coroutine, resolve(task.site)))
        lived = task.ended - task.created
        tally.add(task.created, task.ended, lived, task.running, failed=task.outcome != OK)

    def _add_wait(self, wait: Wait) -> None:
        resource = wait.resource.id if wait.resource is not None else 0
        tally = self.waits.of(WaitKey(wait.kind, resolve(wait.site), resource))
        lasted = wait.ended - wait.started
        tally.add(wait.started, wait.ended, lasted, 0, failed=wait.outcome != OK)

    def _add_item(self, item: WorkItem) -> None:
        tally = self.items.of(ItemKey(item.executor.id, item.function, resolve(item.site)))
        queued = (item.started or item.ended) - item.submitted
        ran = item.ended - item.started if item.started else 0
        tally.add(item.submitted, item.ended, queued, ran, failed=item.outcome != OK)
