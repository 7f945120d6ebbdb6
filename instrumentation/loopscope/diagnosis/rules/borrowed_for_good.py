"""A queue serves as a pool: its contents are taken, used and put back; some were not, and it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.diagnosis import prose
from loopscope.diagnosis.harm import Harm
from loopscope.diagnosis.traffic import GET_WAIT, traffic
from loopscope.diagnosis.words import CONNECTION_POOL_EXHAUSTED
from loopscope.places import resolve
from loopscope.records import CRITICAL, PUT, TAKE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.traffic import Traffic
    from loopscope.records import Partner, Wait


class BorrowedForGood:
    """Most of what tasks take from a queue they put back themselves: it is a pool, and no line of messages.

    Somebody waits at it, and what is missing was taken by tasks that have ended or wait for another one.
    """

    kind = CONNECTION_POOL_EXHAUSTED
    PATIENCE = 1.0  # s
    PUT_BACK = 0.5  # of what was taken, from which a queue is a pool
    MISSING = 0.5  # of its contents, lost by tasks that will not put them back

    def applies(self, case: Case) -> bool:
        return any(wait.detail == GET_WAIT for wait in case.snapshot.waits)

    def examine(self, case: Case) -> Iterator[Finding]:
        for one in traffic(case):
            waits = [w for w in one.waiting(GET_WAIT) if case.since(w.started) >= self.PATIENCE]
            if not waits or one.queue.in_use:
                continue
            partners = one.queue.partners or {}
            taken = {key[0]: partner for key, partner in partners.items() if partner.role == TAKE}
            given = {key[0]: partner.count for key, partner in partners.items() if partner.role == PUT}
            total = sum(partner.count for partner in taken.values())
            back = sum(min(partner.count, given.get(id_, 0)) for id_, partner in taken.items())
            size = sum(
                max(0, count - (taken[id_].count if id_ in taken else 0)) for id_, count in given.items()
            )
            if not total or back < self.PUT_BACK * total:
                continue
            waiting = {wait.task.id for wait in one.waiting(GET_WAIT)}
            lost = {
                id_: partner.count - given.get(id_, 0)
                for id_, partner in taken.items()
                if partner.count > given.get(id_, 0) and (id_ in waiting or not one.is_alive(partner.task))
            }
            if sum(lost.values()) >= max(1, self.MISSING * size):
                yield self._finding(case, one, waits, [taken[id_] for id_ in lost], sum(lost.values()))

    def _finding(
        self, case: Case, one: Traffic, waits: Sequence[Wait], borrowers: Sequence[Partner], lost: int
    ) -> Finding:
        longest = case.since(waits[0].started)
        culprit = case.own_line(
            *(resolve(b.caller) for b in borrowers), *(resolve(b.site) for b in borrowers)
        )
        return Finding(
            kind=self.kind,
            severity=CRITICAL,
            confidence=0.9,
            culprit=culprit,
            explain=(
                f"{prose.counted(len(waits), 'task')} {prose.verb(len(waits), 'waits', 'wait')} at "
                f"{prose.where(waits[0].site)} for something out of {prose.resource(one.queue)}, one for "
                f"{prose.seconds(longest)}: it is a pool, tasks put back what they take, but {lost} taken at "
                f"{prose.where(culprit)} {prose.verb(lost, 'was', 'were')} not put back by tasks that have "
                "ended or wait for another one."
            ),
            fix="Put it back in a `finally`, or lend it by a context manager.",
            since=waits[0].started,
            resource=one.queue.name,
            evidence={"waiting": len(waits), "longest_wait": round(longest, 3), "missing": lost},
            roots=frozenset(borrower.task.id for borrower in borrowers),
            **Harm.of(case, (wait.task.id for wait in waits))._asdict(),
        )


rule = BorrowedForGood()
