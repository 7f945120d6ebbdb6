"""An event or a condition is waited for, and the one who should give the signal has ended without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.words import NEVER_SIGNALLED
from loopscope.places import resolve
from loopscope.records import CONDITION, CRITICAL, ERROR, EVENT, NOWHERE, SIGNAL, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.records import Partner, Place, Resource, Task, Wait


class NeverSignalled:
    """The promise is known from others of its kind: events made on the same line, or the same one before.

    Coroutines that signalled those are the ones to signal this; when all of them have ended, and more of
    them than ever signalled, one has ended without. Where the same object was signalled only before the wait
    began, by a task that has ended, the signal was missed. An event that nobody ever signalled, such as one
    that asks a service to stop, says nothing.
    """

    kind = NEVER_SIGNALLED
    PATIENCE = 1.0  # s

    def applies(self, case: Case) -> bool:
        return any(wait.kind in {EVENT, CONDITION} for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for id_, waits in case.waiters.items():
            resource = case.resources.get(id_, waits[0].resource)
            if resource is None or resource.kind not in {EVENT, CONDITION}:
                continue
            if case.since(waits[0].started) < self.PATIENCE:
                continue
            missed, broken = self._missed(case, resource, waits), self._broken_promise(case, resource)
            if missed is not None:
                yield self._too_early(case, waits, case.task(missed.task.id) or missed.task)
            elif broken is not None:
                yield self._not_at_all(case, waits, *broken)

    @staticmethod
    def _signals(resource: Resource) -> list[Partner]:
        return [p for p in (resource.partners or {}).values() if p.role == SIGNAL]

    def _missed(self, case: Case, resource: Resource, waits: Sequence[Wait]) -> Partner | None:
        """The last signal, if it came before every wait and nobody who gave one is alive."""
        signals = sorted(self._signals(resource), key=lambda partner: partner.last)
        if not signals or signals[-1].last >= waits[0].started:
            return None
        return None if any(p.task.id in case.tasks for p in signals) else signals[-1]

    def _broken_promise(self, case: Case, resource: Resource) -> tuple[Task, Place] | None:
        """A task that ended without the signal that all its like have given, and the line where they do."""
        siblings = [r for r in case.resources.values() if r.kind == resource.kind and r.site == resource.site]
        if resolve(resource.site) == NOWHERE or self._signals(resource):
            return None
        given = [partner for sibling in siblings for partner in self._signals(sibling)]
        signallers = {partner.task.id for partner in given}
        for coroutine, _ in Counter(self._coroutine(case, p.task) for p in given).most_common():
            if not coroutine or any(task.coroutine == coroutine for task in case.tasks.values()):
                continue
            silent = [
                task
                for task in case.history.last_tasks
                if task.coroutine == coroutine and task.id not in signallers
            ]
            if silent:
                line = next(p.site for p in given if self._coroutine(case, p.task) == coroutine)
                return silent[-1], resolve(line)
        return None

    @staticmethod
    def _coroutine(case: Case, task: Task) -> str:
        known = case.task(task.id)
        return known.coroutine if known is not None else task.coroutine

    def _too_early(self, case: Case, waits: Sequence[Wait], task: Task) -> Finding:
        (name,) = case.names([task])
        story = f"{name} gave the signal before they began to wait and {self._end_of(task)}"
        found = self._finding(case, waits, f"{story}; nobody is left to give another", task)
        return replace(
            found,
            confidence=0.75,
            culprit=case.own_line(resolve(task.raised_at), found.culprit),
            fix=found.fix
            if task.outcome == ERROR
            else "Look at the state that the signal stands for, under the lock, before waiting for it.",
        )

    def _not_at_all(self, case: Case, waits: Sequence[Wait], task: Task, line: Place) -> Finding:
        (name,) = case.names([task])
        story = f"{name} {self._end_of(task)} without the signal that its like give at {prose.where(line)}"
        found = self._finding(case, waits, story, task)
        return replace(found, culprit=case.own_line(resolve(task.raised_at), line, found.culprit))

    @staticmethod
    def _end_of(task: Task) -> str:
        if task.outcome != ERROR:
            return "has ended"
        raised = f" at {prose.where(task.raised_at)}" if task.raised_at is not None else ""
        return f"has ended with {task.exception}{raised}"

    def _finding(self, case: Case, waits: Sequence[Wait], story: str, signaller: Task) -> Finding:
        longest, resource = case.since(waits[0].started), waits[0].resource
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.85,
            culprit=case.own_line(*(wait.site for wait in waits)),
            explain=(
                f"{prose.counted(len(waits), 'task')} {prose.verb(len(waits), 'waits', 'wait')} for "
                f"{prose.resource(resource)} at {prose.where(waits[0].site)}, the first for "
                f"{prose.seconds(longest)}: {story}."
            ),
            fix="Give the signal on every way out, failure too (`finally`), and let waiters see the error.",
            since=waits[0].started,
            resource=resource.name if resource is not None else "",
            evidence={"waiting": len(waits), "longest_wait": round(longest, 3)},
            roots=frozenset({signaller.id}),
            **Harm.of(case, (wait.task.id for wait in waits))._asdict(),
        )


rule = NeverSignalled()
