"""What intervals cover together."""

from __future__ import annotations

from loopscope_exporters.journal.intervals import Coverage, length, merged


def test_overlapping_and_touching_intervals_become_one():
    """A moment counts once however many intervals contain it; empty intervals are nothing."""
    assert merged([(5, 9), (0, 2), (2, 4), (6, 7), (8, 8)]) == [(0, 4), (5, 9)]
    assert length([(5, 9), (0, 2), (2, 4), (6, 7)]) == 8


def test_a_window_sees_its_part_of_the_coverage():
    """Intervals are cut at the edges of the window; gaps and the outside count nothing."""
    coverage = Coverage([(10, 20), (30, 40), (35, 50)])
    assert coverage.total == 30
    assert coverage.within(0, 100) == 30
    assert coverage.within(15, 32) == 7
    assert coverage.within(20, 30) == 0
    assert coverage.within(50, 60) == 0
    assert coverage.within(12, 14) == 2
    assert coverage.within(14, 12) == 0
