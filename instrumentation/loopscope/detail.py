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

from collections import deque
from typing import TYPE_CHECKING

from loopscope import naming, places
from loopscope.clock import SECOND
from loopscope.records import NOWHERE, Counted, Place

if TYPE_CHECKING:
    from loopscope.records import Job, RawPlace
    from loopscope.settings import Settings


class Detail:
    """The budget, and the counts of what was not kept. `left` falls with each record; the pump refills it."""

    def __init__(self, settings: Settings) -> None:
        self.over = int(settings.detail_over * SECOND)
        self.left = float(settings.detail_burst)
        self._rate = settings.detail_rate
        self._burst = settings.detail_burst
        self._refilled = 0
        self._jobs: deque[tuple[str, str, int]] = deque()
        self.tasks = 0  # only ever grows: the loop counts, the pump remembers what it has taken
        self._tasks_taken = 0
        self._waits: deque[tuple[str, str, object, int, int]] = deque()

    def __repr__(self) -> str:
        return f"<Detail: {self.left:.0f} records left, {self._rate} a second>"

    def refill(self, moment: int) -> None:
        """Called by the pump at each drain."""
        if not self._rate:
            self.left = float(self._burst or 1)
        elif self._refilled:
            gained = self._rate * (moment - self._refilled) / SECOND
            self.left = min(self._burst, max(0.0, self.left) + gained)
        self._refilled = moment

    def is_thin(self, job: Job | None) -> bool:
        return job.thin if job is not None else self.left <= 0

    def count_job(self, job: Job) -> None:
        self._jobs.append((job.name, job.outcome, job.ended - job.started))

    def count_task(self, job: Job | None) -> None:
        self.tasks += 1
        if job is not None:
            job.thinned += 1

    def count_wait(self, kind: str, name: str, site: Place | RawPlace | None, lasted: int) -> None:
        code, offset = (None, 0) if site is None or isinstance(site, Place) else site
        self._waits.append((kind, name, code, offset, lasted))

    def take(self) -> Counted:
        """The counts since the last call, in words; for the pump."""
        before, self._tasks_taken = self._tasks_taken, self.tasks
        return Counted(
            jobs=[self._jobs.popleft() for _ in range(len(self._jobs))],
            tasks=self._tasks_taken - before,
            waits=[_in_words(*self._waits.popleft()) for _ in range(len(self._waits))],
        )


def _in_words(kind: str, name: str, code: object, offset: int, lasted: int) -> tuple[str, str, int]:
    if not name:
        site = places.resolve((code, offset)) if code is not None else NOWHERE  # type: ignore[arg-type]
        name = naming.name_at(kind, site)
    return kind, name, lasted
