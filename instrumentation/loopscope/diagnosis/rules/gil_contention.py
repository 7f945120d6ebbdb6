"""Threads that compute keep the interpreter's lock so busy that a loop's thread hardly gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import loops, prose
from loopscope.diagnosis.case import SECOND
from loopscope.diagnosis.words import GIL_CONTENTION
from loopscope.places import resolve
from loopscope.records import WARNING, Finding, Place
from loopscope.usage import THREAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import WorkItem
    from loopscope.usage import Hotspot, LoopUse


class GilContention:
    """The loop comes late from its sleeps while other threads compute, in Python or in C with the lock kept.

    What its thread queued for a processor is subtracted: a busy host is no fault of theirs. Code that gives
    the lock back while it computes does not make the loop late.
    """

    kind = GIL_CONTENTION
    LATE = 0.3  # s in all
    SHARE = 0.2  # of the time in which threads compute
    EACH = 0.004  # s an iteration: nearly one turn of the lock each time

    def applies(self, case: Case) -> bool:
        return any(spot.role == THREAD for spot in case.history.hotspots)

    def examine(self, case: Case) -> Iterator[Finding]:
        uses = loops.crowded(case)
        held = sum(loops.lasted(case, block) for block in loops.blocks(case) if block.holder) / SECOND
        late = sum(max(0, use.overslept - use.queued) for use in uses) / SECOND + held
        span = sum(use.span for use in uses) / SECOND
        iterations = sum(use.iterations for use in uses)
        if late > self.LATE and late > span * self.SHARE and late > iterations * self.EACH:
            yield self._finding(case, uses, late, span)

    def _finding(self, case: Case, uses: list[LoopUse], late: float, span: float) -> Finding:
        spots = [spot for spot in case.history.hotspots if spot.role == THREAD]
        line, _ = loops.hottest(spots)
        items = self._items(case, spots)
        handed = case.own_line(*(resolve(item.site) for item in items))
        threads = {spot.thread for spot in spots}
        started = min((use.at - use.span for use in uses), default=case.began)
        victims = loops.present(case, started, case.at, frozenset(item.task for item in items))
        given = f", handed over at {prose.where(handed)}" if handed.line else ""
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.85,
            culprit=handed if handed.line else self._own(case, line),
            explain=(
                f"{prose.counted(len(threads), 'thread')} ({prose.these(sorted(threads))}) computed for "
                f"{prose.seconds(span)}, most of it at {prose.where(line)} in {line.function}{given}. They "
                "take turns with the event loop at the interpreter's lock: it came "
                f"{prose.seconds(late)} late from its sleeps, in all."
            ),
            fix="Compute in a process pool; threads of one interpreter cannot compute at the same time.",
            since=started,
            job=case.job_of(case.task(item.task) for item in items),
            victims=case.names(victims),
            resource="interpreter lock (GIL)",
            evidence={
                "threads": len(threads),
                "late_for": round(late, 3),
                "share": round(late / span, 3) if span else 1.0,
                "processor_time": round(sum({(s.at, s.thread): s.cpu for s in spots}.values()) / SECOND, 3),
            },
            cost=late * (1 + len(victims)),
        )

    @staticmethod
    def _own(case: Case, line: Place) -> Place:
        return case.own_line(line) or line

    @staticmethod
    def _items(case: Case, spots: list[Hotspot]) -> list[WorkItem]:
        """The work items that the threads ran, hottest first."""
        looks: dict[int, int] = {}
        for spot in spots:
            looks[spot.item] = looks.get(spot.item, 0) + spot.looks
        known = {item.id: item for item in (*case.history.last_items, *case.snapshot.items)}
        ranked = sorted(looks, key=lambda id_: -looks[id_])
        return [known[id_] for id_ in ranked if id_ in known]


rule = GilContention()
