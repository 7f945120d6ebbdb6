"""A producer waits at a queue that nobody empties any more, or a consumer for a producer that is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.traffic import GET_WAIT, JOIN_WAIT, PUT_WAIT, traffic
from loopscope.diagnosis.words import QUEUE_STALLED
from loopscope.places import resolve
from loopscope.records import CRITICAL, ERROR, TAKE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.traffic import Traffic
    from loopscope.records import Place, Task, Wait


class QueuePartnerGone:
    """Putting (or joining) waits while every consumer has ended; or taking waits, somebody waits for the
    taker, and whoever put has ended or waits for the same.

    A consumer with nothing to do is healthy as long as anybody may still put: producers that come from
    elsewhere, as requests do, are never counted as gone.
    """

    kind = QUEUE_STALLED
    PATIENCE = 0.8  # s
    SEEN_TO_FAIL = 0.97  # sure: surer than that somebody should have looked at the exception
    UNSEEN = 3.0  # s without any consumer, to say that there is none

    def applies(self, case: Case) -> bool:
        return any(wait.detail in {PUT_WAIT, GET_WAIT, JOIN_WAIT} for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for one in traffic(case):
            given = [*one.waiting(PUT_WAIT), *(one.waiting(JOIN_WAIT) if one.queue.in_use else ())]
            given = [wait for wait in given if case.since(wait.started) >= self.PATIENCE]
            consumers = list(one.consumers.values())
            if given and not any(one.is_alive(task) for task in consumers):
                if consumers or case.since(given[0].started) >= self.UNSEEN:
                    yield self._no_consumer(case, one, given, consumers)
                continue
            taken = [w for w in one.waiting(GET_WAIT) if case.since(w.started) >= self.PATIENCE]
            if taken and not one.queue.in_use and self._is_forsaken(case, one, taken):
                yield self._no_producer(case, one, taken)

    @classmethod
    def _is_forsaken(cls, case: Case, one: Traffic, takers: Sequence[Wait]) -> bool:
        """Does somebody wait for the takers' end, and can nobody near them put any more?

        None of those who ever put, that is, and no task that still runs among all that were made by those who
        wait: it might put a message one day.
        """
        ids = {wait.task.id for wait in takers}
        awaiting = case.graph.behind(ids)
        producers = one.producers
        if not awaiting or not producers:
            return False
        gone = all(
            id_ in awaiting if one.is_alive(task) else bool(task.parent) and task.parent in awaiting
            for id_, task in producers.items()
        )
        return gone and not any(
            cls._descends_from(case, task, awaiting)
            for task in case.tasks.values()
            if task.id not in ids | awaiting
        )

    @staticmethod
    def _descends_from(case: Case, task: Task, ancestors: set[int]) -> bool:
        parent: Task | None = task
        for _ in range(100):  # generations
            if parent is None or parent.id in ancestors:
                break
            parent = case.task(parent.parent)
        return parent is not None and parent.id in ancestors

    def _no_consumer(
        self, case: Case, one: Traffic, waits: Sequence[Wait], consumers: Sequence[Task]
    ) -> Finding:
        failed = [task for task in consumers if task.outcome == ERROR]
        lines: list[Place] = [resolve(task.raised_at) for task in failed]
        if failed:
            end = f"its last consumer ended with {failed[-1].exception} at {prose.where(lines[0])}"
        else:
            end = "all its consumers have ended" if consumers else "nobody has ever taken from it"
        wish = f"to be emptied ({one.queue.in_use} in it)"
        found = self._finding(case, one, waits, wish, end, consumers)
        return replace(
            found,
            confidence=self.SEEN_TO_FAIL if failed else found.confidence,
            culprit=case.own_line(
                *lines, *(one.line_of(task, TAKE, GET_WAIT) for task in consumers), found.culprit
            ),
            fix="Keep the consumer alive when one message fails, and wait for producers and consumers "
            "together (a TaskGroup), so that the end of one is noticed by the other.",
        )

    def _no_producer(self, case: Case, one: Traffic, waits: Sequence[Wait]) -> Finding:
        end = "whoever put into it has ended, or waits for the end of those who take"
        return replace(
            self._finding(case, one, waits, "to give another message", end),
            fix="Tell consumers that no more will come: put a sentinel for each, or cancel them at the end.",
        )

    def _finding(  # noqa: PLR0917  what differs between the two
        self,
        case: Case,
        one: Traffic,
        waits: Sequence[Wait],
        wish: str,
        end: str,
        gone: Sequence[Task] = (),
    ) -> Finding:
        stood = case.since(waits[0].started)
        who = prose.these(case.names(wait.task for wait in waits))
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.9,
            culprit=case.own_line(*(wait.site for wait in waits)),
            explain=(
                f"{who} {prose.verb(len(waits), 'waits', 'wait')} at {prose.where(waits[0].site)} for "
                f"{prose.resource(one.queue)} {wish}, for {prose.seconds(stood)}: {end}."
            ),
            fix="",
            since=waits[0].started,
            resource=one.queue.name,
            evidence={
                "waiting": len(waits),
                "queued": one.queue.in_use,
                "capacity": one.queue.capacity,
                "consumers_gone": len(gone),
                "stuck_for": round(stood, 3),
            },
            roots=frozenset(task.id for task in gone),
            **Harm.of(case, (wait.task.id for wait in waits))._asdict(),
        )


rule = QueuePartnerGone()
