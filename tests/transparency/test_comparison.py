"""The comparison itself: what it calls broken, and that the observed run is observed."""

from __future__ import annotations

import textwrap

import pytest
from transparency.comparison import compare, newly_failing
from transparency.cpython import UnittestModule

PROGRAM = """
    import asyncio, os, unittest

    class Cases(unittest.TestCase):
        def test_that_sees_nothing(self):
            asyncio.run(asyncio.sleep(0))

        def test_that_sees_us(self):
            self.assertFalse(hasattr(asyncio.Lock.acquire, "__loopscope_original__"))

        def test_that_fails_anyway(self):
            self.fail("as it always did")
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    (tmp_path / "sample_cases.py").write_text(textwrap.dedent(PROGRAM))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return UnittestModule("sample_cases")


def test_a_test_that_fails_only_under_observation_is_broken(suite, tmp_path):
    """It fails each time it is tried; the one that fails without us, too, is none of our business."""
    comparison = compare(suite, tmp_path / "runs")
    assert comparison.broken == {"sample_cases.Cases.test_that_sees_us": "failed"}
    assert str(comparison).startswith("sample_cases: 2 pass bare, 1 observed, 1 newly fail")
    assert "test_that_sees_us: failed" in str(comparison)


@pytest.mark.parametrize(
    ("bare", "observed", "is_broken"),
    [
        ("passed", "passed", False),
        ("passed", "failed", True),
        ("passed", "skipped", True),
        ("passed", "altered", True),
        ("passed", "begun", True),
        ("altered", "altered", False),
        ("altered", "passed", False),
        ("altered", "failed", True),
        ("failed", "failed", False),
        ("skipped", "passed", False),
    ],
)
def test_worse_is_what_passed_bare_and_does_not_any_more(bare, observed, is_broken):
    """Hanging, being skipped and leaving a thread behind are not passing."""
    assert bool(newly_failing({"test": bare}, {"test": observed})) is is_broken


def test_a_test_that_did_not_run_under_observation_is_broken():
    """The interpreter may have died before it."""
    assert newly_failing({"first": "passed", "second": "passed"}, {"first": "passed"}) == {
        "second": "not run"
    }
