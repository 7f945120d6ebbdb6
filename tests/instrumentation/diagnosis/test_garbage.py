"""The garbage collector's blocks: nobody's fault, or that of the one function in which they always happen."""

import pytest
from case_by_hand import SECOND, CaseByHand

from loopscope.causes import GC
from loopscope.diagnosis.rules.loop_blocked import rule
from loopscope.records import Block, Place


@pytest.fixture
def hand():
    """A service with a task that loads and others that wait to run."""
    made = CaseByHand()
    made.loader = made.task("load", age=50)
    made.task("serve", age=50)
    return made


def collected(hand, function, age, seconds=0.8):
    began = hand.ago(age)
    block = Block(len(hand.history.last_blocks) + 1, "MainThread", hand.loader, began, cause=GC)
    block.ended = began + round(seconds * SECOND)
    block.culprit = Place("/srv/podcast/engine.py", 49, function)
    hand.history.last_blocks.append(block)


def severities(hand):
    return sorted(found.severity for found in rule.examine(hand.case()))


def test_a_collection_that_hits_anyone_is_told_for_information(hand):
    """The interpreter decided on it."""
    collected(hand, "load", 30)
    collected(hand, "serve", 20)
    assert severities(hand) == ["info", "info"]


def test_collections_that_always_hit_the_same_function_are_its_own(hand):
    """It makes what has to be collected."""
    for age in (30, 20, 10):
        collected(hand, "load", age)
    assert severities(hand) == ["warning"]
