"""Harm: who suffers from some waits, directly and behind them, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.case import Case


class Harm(NamedTuple):
    """Fields of a finding."""

    victims: tuple[str, ...]
    job: str
    cost: float  # s
    hit: frozenset[int]

    @classmethod
    def of(cls, case: Case, direct: Iterable[int]) -> Harm:
        """Of the tasks with these ids and of all that wait for them, directly or through others."""
        first = list(dict.fromkeys(direct))
        ids = [*first, *sorted(case.graph.behind(set(first)))]
        tasks = [task for id_ in ids if (task := case.task(id_)) is not None]
        waits = [case.waits[id_] for id_ in ids if id_ in case.waits]
        return cls(
            victims=case.names(tasks),
            job=case.job_of(tasks),
            cost=sum(case.since(wait.started) for wait in waits),
            hit=frozenset(ids),
        )
