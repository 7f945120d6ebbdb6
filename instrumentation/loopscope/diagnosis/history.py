"""The history of a process: sums over all that has ended, and the last of it one by one. Bounded."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loopscope.diagnosis.tally import HoldKey, ItemKey, Tallies, TaskKey, WaitKey
from loopscope.places import resolve
from loopscope.records import OK
from loopscope.untracked import untrack

if TYPE_CHECKING:
    from loopscope.diagnosis.tally import Interval
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
        untrack(*(kept for kept in vars(self).values() if isinstance(kept, deque)))

    def __repr__(self) -> str:
        ended = sum(tally.count for tally in self.tasks.values())
        return f"<History of {ended} tasks of {len(self.tasks)} kinds>"

    def fold(self, batch: Batch) -> None:
        """Add what ended since the last drain, places resolved."""
        self.tasks.add(
            (TaskKey(t.coroutine, resolve(t.site)), _interval(t.created, t.ended, t.running, t.outcome))
            for t in batch.tasks
        )
        self.waits.add(
            (
                WaitKey(w.kind, resolve(w.site), w.resource.id if w.resource is not None else 0),
                _interval(w.started, w.ended, 0, w.outcome),
            )
            for w in batch.waits
        )
        self.holds.add(
            (HoldKey(h.resource.id, resolve(h.site)), _interval(h.acquired, h.released, 0, OK))
            for h in batch.holds
        )
        self.items.add((ItemKey(i.executor.id, i.function, resolve(i.site)), _stay(i)) for i in batch.items)
        self.jobs.add((j.name, _interval(j.started, j.ended, 0, j.outcome)) for j in batch.jobs)
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

    def shorten(self, last: int) -> None:
        """Forget all but so many of each kind of which there may be thousands a second."""
        for kept in (self.last_jobs, self.last_tasks, self.last_waits, self.last_holds, self.last_items):
            for _ in range(len(kept) - last):
                kept.popleft()


def _interval(begun: int, ended: int, active: int, outcome: str) -> Interval:
    return begun, ended, ended - begun, active, outcome != OK


def _stay(item: WorkItem) -> Interval:
    """Its length is its time in the queue."""
    began = item.started or item.ended
    return item.submitted, item.ended, began - item.submitted, item.ended - began, item.outcome != OK
