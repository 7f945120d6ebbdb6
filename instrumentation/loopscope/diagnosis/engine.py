"""The engine: asks every rule, folds symptoms into their causes, and puts the root cause first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from loopscope import places
from loopscope.diagnosis.rules import all_rules
from loopscope.diagnosis.words import SEVERITIES, NotEnough
from loopscope.recorder import recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.rules import Rule
    from loopscope.records import Finding

MOST = 50  # findings of one diagnosis
MOST_VICTIMS = 20  # named in one finding


@dataclass(frozen=True)
class Diagnosis:
    """Findings, most important first, and what was still missing to those rules that could not say."""

    findings: tuple[Finding, ...] = ()
    not_enough: dict[str, str] = field(default_factory=dict)  # by kind


def diagnose(cases: Sequence[Case], rules: Iterable[Rule] | None = None) -> Diagnosis:
    """What is wrong in these processes, which saw each other: a parent and its children, or just one."""
    found: list[Finding] = []
    not_enough: dict[str, str] = {}
    for case in cases:
        for rule in all_rules() if rules is None else rules:
            answer = _ask(rule, case)
            if isinstance(answer, NotEnough):
                not_enough[rule.kind] = answer.wanted
            else:
                found += [_complete(finding, case) for finding in answer]
    return Diagnosis(tuple(_fold(sorted(found, key=_importance))[:MOST]), not_enough)


def _ask(rule: Rule, case: Case) -> list[Finding] | NotEnough:
    """A rule that fails is counted, said once, and passed over."""
    try:
        if not rule.applies(case):
            return []
        answer = rule.examine(case)
        return answer if isinstance(answer, NotEnough) else list(answer)
    except Exception:
        recorder.fault(f"rule {rule.kind}")
        return []


def _complete(finding: Finding, case: Case) -> Finding:
    tasks = [task for id_ in finding.hit | finding.roots if (task := case.tasks.get(id_)) is not None]
    return replace(
        finding,
        since=case.wall(finding.since),
        code=finding.code or places.source(finding.culprit),
        victims=finding.victims[:MOST_VICTIMS],
        job=finding.job or case.job_of(tasks),
        jobs=frozenset(task.job.id for task in tasks if task.job is not None),
    )


def _importance(finding: Finding) -> tuple[int, float, float]:
    """Sorts the worst first: by severity, then by how sure it is, then by what it costs."""
    return -SEVERITIES.index(finding.severity), -round(finding.confidence, 1), -finding.cost


def _fold(ranked: list[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    for finding in ranked:
        if not any(_explains(cause, finding) for cause in kept):
            kept.append(finding)
    return kept


def _explains(cause: Finding, other: Finding) -> bool:
    """Is the other one the same again, or a symptom: do those at fault in it suffer from the cause?"""
    if cause.identity == other.identity:
        return True
    reached = cause.hit | cause.roots
    return bool(other.roots) and other.roots <= reached
