"""A backlog is worked off by a single consumer that mostly waits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.traffic import GET_WAIT, JOIN_WAIT, PUT_WAIT, traffic
from loopscope.diagnosis.words import SERIALISED
from loopscope.places import resolve
from loopscope.records import CHILD, EXECUTOR, HTTP, IO, SLEEP, TAKE, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.traffic import Traffic
    from loopscope.records import Task, Wait


class SingleConsumer:
    """Somebody waits until a queue is done or has room, and one task takes from it, an item at a time.

    Only where that one is idle between its items, waiting for something that many could wait for, would more
    of them help.
    """

    kind = SERIALISED
    LEAST_TAKEN = 6
    LEAST_QUEUED = 3
    PATIENCE = 1.0  # s that somebody waits
    IDLE = 0.8  # of the consumer's life
    WORK = frozenset({HTTP, IO, SLEEP, EXECUTOR, CHILD})

    def applies(self, case: Case) -> bool:
        return any(wait.detail in {JOIN_WAIT, PUT_WAIT} for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for one in traffic(case):
            waits = [
                wait
                for wait in (*one.waiting(JOIN_WAIT), *one.waiting(PUT_WAIT))
                if case.since(wait.started) >= self.PATIENCE
            ]
            consumers = list(one.consumers.values())
            if not waits or len(consumers) != 1 or one.queue.in_use < self.LEAST_QUEUED:
                continue
            if one.count(TAKE) >= self.LEAST_TAKEN and self._idles(case, consumers[0]):
                yield self._finding(case, one, waits, consumers[0])

    def _idles(self, case: Case, task: Task) -> bool:
        if task.id not in case.tasks:
            return False
        kinds: Counter[str] = Counter()
        first = case.at
        for wait in (*case.history.last_waits, *case.snapshot.waits):
            if wait.task.id == task.id:
                first = min(first, wait.started)
                kinds[wait.kind] += (wait.ended or case.at) - wait.started
        return sum(kinds[kind] for kind in self.WORK) >= self.IDLE * max(1, case.at - first)

    def _finding(self, case: Case, one: Traffic, waits: Sequence[Wait], consumer: Task) -> Finding:
        taken, longest = one.count(TAKE), case.since(waits[0].started)
        pace = case.since(consumer.created) / taken
        who = prose.these(case.names(wait.task for wait in waits))
        return Finding(
            kind=self.kind,
            severity=WARNING,
            confidence=0.7,
            culprit=case.own_line(
                resolve(consumer.site), one.line_of(consumer, TAKE, GET_WAIT), waits[0].site
            ),
            explain=(
                f"{who} waits for {prose.resource(one.queue)} at {prose.where(waits[0].site)} for "
                f"{prose.seconds(longest)}; its {one.queue.in_use} messages wait for one consumer, "
                f"{case.names([consumer])[0]}, which takes one each {prose.seconds(pace)} and spends nearly "
                f"all of it waiting."
            ),
            fix="Start several consumers.",
            since=waits[0].started,
            resource=one.queue.name,
            evidence={
                "queued": one.queue.in_use,
                "taken": taken,
                "consumers": 1,
                "seconds_each": round(pace, 3),
            },
            roots=frozenset({consumer.id}),
            **Harm.of(case, (wait.task.id for wait in waits))._asdict(),
        )


rule = SingleConsumer()
