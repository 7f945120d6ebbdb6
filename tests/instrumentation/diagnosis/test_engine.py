"""The engine: the worst and surest first, symptoms folded into causes, a bad rule passed over."""

import time

from case_by_hand import CaseByHand

from loopscope.diagnosis.engine import diagnose
from loopscope.diagnosis.rules import all_rules
from loopscope.diagnosis.words import NotEnough
from loopscope.recorder import recorder
from loopscope.records import CRITICAL, INFO, WARNING, Finding, Place


def finding(kind, severity=WARNING, line=1, **more):
    given = {"confidence": 0.8, "explain": kind, "fix": "", "since": 5} | more
    return Finding(kind=kind, severity=severity, culprit=Place("/srv/app.py", line, "work"), **given)


class Says:
    """A rule that answers what it was told to."""

    def __init__(self, *answer, kind="said"):
        self.kind, self._answer = kind, answer

    def applies(self, _):
        return True

    def examine(self, _):
        return self._answer[0] if isinstance(self._answer[0], NotEnough) else iter(self._answer)


class Fails(Says):
    """A rule with a bug."""

    def examine(self, _):
        raise ZeroDivisionError


def kinds(*rules):
    return [found.kind for found in diagnose([CaseByHand().case()], rules).findings]


def test_the_worst_comes_first_then_the_surest_then_the_costliest():
    """Severity, confidence, seconds lost."""
    rule = Says(
        finding("note", INFO, 1),
        finding("cheap", WARNING, 2, cost=1),
        finding("costly", WARNING, 3, cost=9),
        finding("sure", WARNING, 4, confidence=0.9),
        finding("grave", CRITICAL, 5),
    )
    assert kinds(rule) == ["grave", "sure", "costly", "cheap", "note"]


def test_a_symptom_is_folded_into_its_cause():
    """Those at fault in the second suffer from the first."""
    cause = finding("cause", CRITICAL, 1, hit=frozenset({1, 2}), roots=frozenset({3}))
    symptom = finding("symptom", WARNING, 2, hit=frozenset({4}), roots=frozenset({2}))
    stranger = finding("stranger", WARNING, 3, hit=frozenset({4}), roots=frozenset({9}))
    assert kinds(Says(symptom, stranger, cause)) == ["cause", "stranger"]


def test_a_rule_that_fails_is_passed_over_and_counted():
    """The others are heard."""
    before = recorder.faults["rule broken"]
    assert kinds(Fails(None, kind="broken"), Says(finding("sound"))) == ["sound"]
    assert recorder.faults["rule broken"] == before + 1


def test_not_enough_seen_is_an_answer():
    """It is kept apart from having found nothing."""
    diagnosis = diagnose([CaseByHand().case()], [Says(NotEnough("ten more tasks"), kind="task_leak")])
    assert diagnosis.findings == ()
    assert diagnosis.not_enough == {"task_leak": "ten more tasks"}


def test_ten_thousand_open_tasks_are_diagnosed_in_time():
    """A quarter of a second, measured as processor time of this thread, for the machine is shared."""
    hand = CaseByHand()
    slots = hand.resource("semaphore", 5)
    parents = [hand.task("serve") for _ in range(1_000)]
    for parent in parents:
        children = [hand.task("fetch", parent=parent.id) for _ in range(9)]
        hand.wait(parent, "gather", awaits=tuple(child.id for child in children))
        for child in children:
            hand.wait(child, "semaphore", slots)
    for task in hand.tasks[1:6]:
        hand.hold(task, slots)
    case = hand.case()
    all_rules()  # imported once a process
    began = time.thread_time()
    found = diagnose([case]).findings
    assert time.thread_time() - began < 0.25
    assert [one.kind for one in found if one.is_serious] == ["semaphore_starvation"]
