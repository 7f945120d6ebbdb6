"""A future is not resolved, or a barrier not filled: others of the kind were served long ago."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.tally import WaitKey
from loopscope.diagnosis.words import NEVER_SIGNALLED
from loopscope.places import resolve
from loopscope.records import BARRIER, FUTURE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Place, Wait


class Unanswered:
    """Nobody knows who is to resolve a future, but how long it takes is known from the others at that line.

    Tasks of the same coroutine have ended meanwhile, so it is a request and no listener; no time-out is set.
    A barrier waits for a party that has ended, when all open tasks like those that wait do wait.
    """

    kind = NEVER_SIGNALLED
    PATIENCE = 1.5  # s
    UNUSUAL = 5  # times the longest wait at the line that ended
    LEAST_ENDED = 5  # waits there
    LEAST_LIKE = 3  # ended tasks of the coroutine

    def applies(self, case: Case) -> bool:
        return any(wait.kind in {FUTURE, BARRIER} for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        futures: dict[Place, list[Wait]] = defaultdict(list)
        for wait in case.snapshot.waits:
            if wait.kind == FUTURE and wait.until <= 0 and not wait.awaits and self._is_overdue(case, wait):
                futures[resolve(wait.site)].append(wait)
        for site, waits in futures.items():
            usual = case.history.waits[WaitKey(FUTURE, site, 0)]
            story = f"{usual.count} others at this line were resolved, the slowest in "
            yield self._finding(case, waits, story + prose.seconds(usual.longest / SECOND))
        for waits in case.waiters.values():
            if waits[0].kind == BARRIER and self._lacks_a_party(case, waits):
                parties = waits[0].resource.capacity if waits[0].resource is not None else 0
                story = f"{len(waits)} of {parties} parties are there, and one has ended instead of coming"
                yield self._finding(case, waits, story)

    def _is_overdue(self, case: Case, wait: Wait) -> bool:
        usual = case.history.waits.get(WaitKey(FUTURE, resolve(wait.site), 0))
        if usual is None or usual.count - usual.failed < self.LEAST_ENDED:
            return False
        like = sum(t.count for key, t in case.history.tasks.items() if key.coroutine == wait.task.coroutine)
        age = case.since(wait.started)
        return (
            like >= self.LEAST_LIKE and age >= self.PATIENCE and age >= self.UNUSUAL * usual.longest / SECOND
        )

    def _lacks_a_party(self, case: Case, waits: Sequence[Wait]) -> bool:
        if case.since(waits[-1].started) < self.PATIENCE or any(wait.until > 0 for wait in waits):
            return False
        coming = {wait.task.id for wait in waits}
        kinds = {(wait.task.coroutine, wait.task.parent) for wait in waits}
        if any((t.coroutine, t.parent) in kinds for t in case.tasks.values() if t.id not in coming):
            return False
        return any((t.coroutine, t.parent) in kinds for t in case.history.last_tasks)

    def _finding(self, case: Case, waits: Sequence[Wait], story: str) -> Finding:
        longest, resource = case.since(waits[0].started), waits[0].resource
        waited_for = prose.resource(resource) if resource is not None else "a future"
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.7,
            culprit=case.own_line(*(wait.site for wait in waits)),
            explain=(
                f"{prose.counted(len(waits), 'task')} {prose.verb(len(waits), 'waits', 'wait')} for "
                f"{waited_for} at {prose.where(waits[0].site)}, one for {prose.seconds(longest)}, without a "
                f"time-out: {story}."
            ),
            fix="Resolve it on every way out, with an exception if need be, and wait with a time-out.",
            since=waits[0].started,
            resource=resource.name if resource is not None else "",
            evidence={"waiting": len(waits), "longest_wait": round(longest, 3)},
            **Harm.of(case, (wait.task.id for wait in waits))._asdict(),
        )


rule = Unanswered()
