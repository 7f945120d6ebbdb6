"""How much is kept in full: under heavy load quick and successful work is counted, not kept.

Nobody reads three thousand equal requests a second one by one, but keeping them costs the service a third
of its speed, much of it in the garbage collector, which looks at every record that waits for the pump. So
records have a budget of ``detail_rate`` a second with a burst of ``detail_burst``. What begins when it is
used up is *thin*. A thin job goes into every total, but leaves no record if it ended well within
``detail_over``, and has no spans. A thin task is one number, the moment it was created (see
`context.thin_tasks`); it gets a record, with the permits it holds and what it waits for, when it has been
open for 0.2 s, when it fails or blocks, or when somebody asks (`promotion`, `hooks.thin`). The lines where it
was created and took permits are not known. Numbers, and tuples of them, cost the collector nothing.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Generic, TypeVar

from loopscope import naming, places
from loopscope.clock import SECOND, nanoseconds
from loopscope.records import NOWHERE, Counted

if TYPE_CHECKING:
    from loopscope.places import NotedPlace
    from loopscope.records import Job, Resource, WorkItem
    from loopscope.settings import Settings

# All that began between two drains may be kept before its first record is: that is paid back, up to so many
# seconds' worth, or every drain would be followed by another such crowd.
DEBT = 10.0

Key = TypeVar("Key")


class Lengths(Generic[Key]):
    """Durations in ns by key, added by any thread, without a lock, and taken by one.

    Who adds may have found its array just before the table was taken: that array is read once more next time.
    Plain numbers, for as many objects that live until the next drain would cost the service its warm memory.
    """

    def __init__(self) -> None:
        self._arrays: dict[Key, array[int]] = {}
        self._taken: dict[Key, array[int]] = {}

    def __repr__(self) -> str:
        return f"<Lengths of {len(self._arrays)} keys>"

    def add(self, key: Key, length: int) -> None:
        found = self._arrays.get(key)
        if found is None:
            found = self._arrays.setdefault(key, array("q"))
        found.append(length)

    def take(self) -> list[tuple[Key, array[int]]]:
        """What was added since the last call."""
        late, self._taken = self._taken, self._arrays
        self._arrays = {}
        parts = [
            (key, _emptied(found)) for arrays in (late, self._taken) for key, found in arrays.copy().items()
        ]
        return [(key, lengths) for key, lengths in parts if lengths]


def _emptied(found: array[int]) -> array[int]:
    number = len(found)
    lengths = found[:number]
    del found[:number]
    return lengths


try:
    from loopscope.hooks._fast import Budget
except ImportError:  # no compiler where it was installed

    class Budget:  # type: ignore[no-redef]
        """What is read and written once a thin task: records left, how long is long in ns, tasks so far."""

        __slots__ = ("left", "over", "tasks")

        def serve(self) -> None:
            """Be the one that all hooks ask from now on: compiled ones do not look into the recorder."""


class Detail(Budget):
    """The budget, and the counts of what was not kept. `left` falls with each record; the pump refills it."""

    def __init__(self, settings: Settings) -> None:
        self.over = nanoseconds(settings.detail_over)
        self.left = float(settings.detail_burst)
        self._rate = settings.detail_rate
        self._burst = settings.detail_burst
        self._refilled = 0
        self._jobs: Lengths[str] = Lengths()
        self.tasks = 0  # only ever grows: the loop counts, the pump remembers what it has taken
        self._tasks_taken = 0
        self._queued: Lengths[Resource] = Lengths()  # of work items, in the queue of their executor
        self._ran: Lengths[Resource] = Lengths()
        self._waits: Lengths[tuple[str, str]] = Lengths()  # by kind and name
        self._waits_at: Lengths[tuple[str, NotedPlace | None]] = Lengths()  # by kind and place

    def __repr__(self) -> str:
        return f"<Detail: {self.left:.0f} records left, {self._rate} a second>"

    def refill(self, moment: int) -> None:
        """Called by the pump at each drain; once a second something is added.

        So what is kept under load is kept together, jobs beside those that ran with them, and most drains
        have little to write.
        """
        if not self._rate:
            self.left = float(self._burst or 1)
        elif moment - self._refilled < SECOND:
            return
        elif self._refilled:
            gained = self._rate * (moment - self._refilled) / SECOND
            self.left = min(self._burst, max(-DEBT * self._rate, self.left) + gained)
        self._refilled = moment

    def is_thin(self, job: Job | None) -> bool:
        return job.thin if job is not None else self.left <= 0

    def count_job(self, job: Job) -> None:
        """It ended well."""
        self._jobs.add(job.name, job.ended - job.started)

    def count_task(self, job: Job | None) -> None:
        self.tasks += 1
        if job is not None:
            job.thinned += 1

    def count_item(self, item: WorkItem) -> None:
        """It ended well."""
        self._ran.add(item.executor, item.ended - item.started)
        self._queued.add(item.executor, item.started - item.submitted)

    def count_wait(self, kind: str, name: str, lasted: int) -> None:
        """For a resource of this name."""
        self._waits.add((kind, name), lasted)

    def count_wait_at(self, kind: str, site: NotedPlace | None, lasted: int) -> None:
        """For a resource that was made there, and has no name yet."""
        self._waits_at.add((kind, site), lasted)

    def take(self) -> Counted:
        """The counts since the last call, in words; for the pump."""
        before, self._tasks_taken = self._tasks_taken, self.tasks
        return Counted(
            jobs=self._jobs.take(),
            tasks=self._tasks_taken - before,
            queued=[(naming.name_of(executor), lengths) for executor, lengths in self._queued.take()],
            ran=[(naming.name_of(executor), lengths) for executor, lengths in self._ran.take()],
            waits=[
                *self._waits.take(),
                *(((kind, _name(kind, site)), lengths) for (kind, site), lengths in self._waits_at.take()),
            ],
        )


def _name(kind: str, site: NotedPlace | None) -> str:
    return naming.name_at(kind, places.resolve(site) if site is not None else NOWHERE)
