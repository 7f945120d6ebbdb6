"""Somebody waits until all messages of a queue are done, but some were taken and never reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.traffic import GET_WAIT, JOIN_WAIT, traffic
from loopscope.diagnosis.words import QUEUE_STALLED
from loopscope.records import CRITICAL, REPORT, TAKE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.traffic import Traffic
    from loopscope.records import Task, Wait


class QueueUnreported:
    """`join` waits, the queue is empty, and whoever took from it waits for more or has ended.

    Messages without `task_done` add up until `join` cannot return. A consumer that works on one may still
    report it, so all of them have to be idle.
    """

    kind = QUEUE_STALLED
    PATIENCE = 0.8  # s that joiner and consumers wait at the same time

    def applies(self, case: Case) -> bool:
        return any(wait.detail == JOIN_WAIT for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for one in traffic(case):
            joins = one.waiting(JOIN_WAIT)
            consumers = one.consumers
            idle = {wait.task.id: wait for wait in one.waiting(GET_WAIT)}
            if not joins or not consumers or one.queue.in_use:
                continue
            alive = [task for task in consumers.values() if one.is_alive(task)]
            if any(task.id not in idle for task in alive):
                continue
            waits = [joins[-1], *(idle[task.id] for task in alive)]
            if min(case.since(wait.started) for wait in waits) >= self.PATIENCE:
                yield self._finding(case, one, joins, list(consumers.values()))

    def _finding(self, case: Case, one: Traffic, joins: Sequence[Wait], consumers: Sequence[Task]) -> Finding:
        careless = self._careless(one, consumers)
        taken, reported = one.count(TAKE), one.count(REPORT)
        lines = [one.line_of(task, TAKE, GET_WAIT) for task in careless]
        harm = Harm.of(case, (wait.task.id for wait in joins))
        stood, unfinished = case.since(joins[0].started), one.queue.unfinished
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.95 if taken > reported else 0.8,
            culprit=case.own_line(*lines, joins[0].site),
            explain=(
                f"{prose.these(case.names(wait.task for wait in joins))} waits at "
                f"{prose.where(joins[0].site)} for {prose.resource(one.queue)} to be done, for "
                f"{prose.seconds(stood)}, but {prose.counted(unfinished, 'message')} taken from it will "
                f"never be reported: it is empty, and its {prose.counted(len(consumers), 'consumer')} "
                f"{prose.verb(len(consumers), 'waits', 'wait')} for more or ended."
            ),
            fix="Call task_done() for every message that was taken, on every way out: in a `finally`.",
            since=joins[0].started,
            resource=one.queue.name,
            evidence={
                "unfinished": unfinished,
                "taken": taken,
                "reported": reported,
                "consumers": len(consumers),
                "stuck_for": round(stood, 3),
            },
            roots=frozenset(task.id for task in careless),
            **harm._asdict(),
        )

    @staticmethod
    def _careless(one: Traffic, consumers: Sequence[Task]) -> list[Task]:
        """The consumers that took more than they reported; all, where none stands out."""
        partners = one.queue.partners or {}
        found = []
        for task in consumers:
            took, reported = partners.get((task.id, TAKE)), partners.get((task.id, REPORT))
            if took is not None and took.count > (reported.count if reported is not None else 0):
                found.append(task)
        return found or list(consumers)


rule = QueueUnreported()
