"""A task polls without waiting: it gives way to nobody, comes back at once, and burns a core."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import prose
from loopscope.diagnosis.words import BUSY_LOOP, NotEnough
from loopscope.records import WARNING, Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.case import Case
    from loopscope.usage import Spin


class BusyLoop:
    """Thousands of tiny steps, each of which ends in a bare yield such as `sleep(0)`.

    Work that is cut into slices ends its steps like that too, but its slices are longer; and what waits for
    a message is not found at a bare yield.
    """

    kind = BUSY_LOOP
    TINY = 200_000  # ns of a step on average
    LEAST_STEPS = 3_000  # of the task in all
    BUSY = 0.4  # of the time the loop is awake
    SIGHTINGS = 2

    def applies(self, case: Case) -> bool:
        return bool(case.history.spins)

    def examine(self, case: Case) -> Iterable[Finding] | NotEnough:
        found: dict[tuple[str, Place], list[Spin]] = defaultdict(list)
        for spin in case.history.spins:
            found[spin.task.coroutine, spin.place].append(spin)
        seen = {key: spins for key, spins in found.items() if self._spins(case, spins)}
        if not seen:
            return []
        lasting = [spins for spins in seen.values() if len(spins) >= self.SIGHTINGS]
        return [self._finding(case, spins) for spins in lasting] or NotEnough("a spinning task, seen again")

    def _spins(self, case: Case, spins: list[Spin]) -> bool:
        steps, running = sum(spin.steps for spin in spins), sum(spin.running for spin in spins)
        first, last = spins[0].at - spins[0].span, spins[-1].at
        uses = [use for use in case.history.loop_uses if first < use.at <= last + SECOND]
        awake = sum(use.busy for use in uses) > self.BUSY * sum(use.span for use in uses)
        most = max(*(spin.task.steps for spin in spins), steps)
        return running < steps * self.TINY and most > self.LEAST_STEPS and awake

    def _finding(self, case: Case, spins: list[Spin]) -> Finding:
        last = spins[-1]
        rate = sum(spin.steps for spin in spins) * SECOND / sum(spin.span for spin in spins)
        stood = (last.at - spins[0].at + last.span) / SECOND
        tasks = list({spin.task.id: spin.task for spin in spins}.values())
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.9,
            culprit=last.place,
            explain=(
                f"{last.task.coroutine} took {rate:,.0f} steps a second for {prose.seconds(stood)}: each "
                f"ends at {prose.where(last.place)} without waiting for anything, so it runs again at once "
                "and keeps a core busy."
            ),
            fix="Wait for an event, a future or a queue that says when to go on; else sleep longer.",
            since=spins[0].at - spins[0].span,
            job=case.job_of(tasks),
            victims=case.names(tasks),
            resource="processor time of the event loop",
            evidence={
                "steps_per_second": round(rate),
                "steps": max(task.steps for task in tasks),
                "spinning_for": round(stood, 3),
            },
            cost=stood,
            roots=frozenset(task.id for task in tasks),
        )


rule = BusyLoop()
