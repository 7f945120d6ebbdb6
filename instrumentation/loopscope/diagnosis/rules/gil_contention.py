"""Threads that compute keep the interpreter's lock so busy that a loop's thread hardly gets it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import loops, prose
from loopscope.diagnosis.words import GIL_CONTENTION
from loopscope.places import resolve
from loopscope.records import WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Block, WorkItem
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
        return bool(loops.in_threads(case)) or any(block.holder for block in loops.blocks(case))

    def examine(self, case: Case) -> Iterator[Finding]:
        uses = [use for use in loops.crowded(case) if self._is_late(use)]
        held = [block for block in loops.blocks(case) if block.holder]
        late = sum(use.overslept - use.queued for use in uses)
        late += sum(loops.lasted(case, block) for block in held)
        if late > self.LATE * SECOND:
            yield self._finding(case, uses, held, late / SECOND)

    def _is_late(self, use: LoopUse) -> bool:
        late = use.overslept - use.queued
        return late > use.span * self.SHARE and late > use.iterations * self.EACH * SECOND

    def _finding(self, case: Case, uses: list[LoopUse], held: list[Block], late: float) -> Finding:
        spots = loops.in_threads(case)
        line, _ = loops.hottest(spots)
        threads = {spot.thread for spot in spots} | {block.holder for block in held}
        items = self._items(case, spots, threads)
        handed = case.own_line(*(resolve(item.site) for item in items))
        line = line if line.line else case.own_line(*(item.standing for item in items))
        started = min(*(use.at - use.span for use in uses), *(block.started for block in held), case.at)
        victims = loops.present(case, started, case.at, frozenset(item.task for item in items))
        used = sum({(spot.at, spot.thread): spot.cpu for spot in spots}.values()) / SECOND
        given = f", handed over at {prose.where(handed)}" if handed.line else ""
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.85,
            culprit=handed if handed.line else line,
            explain=(
                f"{prose.counted(len(threads), 'thread')} ({prose.these(sorted(threads))}) computed, most "
                f"of it at {prose.where(line)} in {line.function}{given}. They take turns with the loop "
                f"at the interpreter's lock, which cost the loop {prose.seconds(late)}."
            ),
            fix="Compute in a process pool; threads of one interpreter cannot compute at the same time.",
            since=started,
            job=case.job_of(case.task(item.task) for item in items),
            victims=case.names(victims),
            resource="interpreter lock (GIL)",
            evidence={
                "threads": len(threads),
                "late_for": round(late, 3),
                "processor_time": round(used, 3),
            },
            cost=late * (1 + len(victims)),
        )

    @staticmethod
    def _items(case: Case, spots: list[Hotspot], threads: set[str]) -> list[WorkItem]:
        """The work items that the threads ran, of the hottest thread first."""
        looks: Counter[str] = Counter(dict.fromkeys(threads, 0))
        for spot in spots:
            looks[spot.thread] += spot.looks
        known = [*case.history.last_items, *case.snapshot.items]
        return sorted((i for i in known if i.worker in looks), key=lambda item: -looks[item.worker])


rule = GilContention()
