"""CPython's own tests pass under observation exactly where they pass without it; the quick part."""

from __future__ import annotations

import pytest
from transparency import cpython
from transparency.comparison import compare

PRESENT = [name for name in cpython.QUICK if name in cpython.modules()]


@pytest.mark.parametrize("module", PRESENT)
def test_the_same_tests_pass(module, tmp_path):
    """None newly fails, none leaves a thread behind, and no hook of ours raised meanwhile."""
    comparison = compare(cpython.UnittestModule(module), tmp_path)
    assert comparison.bare.verdicts
    assert comparison.broken == {}, comparison
    assert comparison.observed.faults == []
