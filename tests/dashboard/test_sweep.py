"""Overlapping intervals on one line."""

import random

from loopscope_dashboard.explorer.sweep import Segment, Stroke, paint


def test_the_lower_rank_shows_where_both_are_true():
    """A long wait continues after the work item that covered its middle."""
    wait, item = Stroke(3, 0, 100, "lock"), Stroke(1, 40, 60, "worker")
    assert paint([wait, item], 0, 100) == [
        Segment(0, 40, "lock", ""),
        Segment(40, 60, "worker", ""),
        Segment(60, 100, "lock", ""),
    ]


def test_equal_neighbours_become_one_segment():
    """Two waits for the same thing, back to back, read as one."""
    strokes = [Stroke(3, 0, 10, "queue", "inbox"), Stroke(3, 10, 30, "queue", "inbox")]
    assert paint(strokes, 0, 30) == [Segment(0, 30, "queue", "inbox")]


def test_gaps_stay_gaps_and_edges_are_cut():
    """Nothing is painted outside of the line, nothing where nothing is known."""
    strokes = [Stroke(0, -50, 10, "io"), Stroke(0, 20, 90, "io"), Stroke(0, 200, 300, "io")]
    assert paint(strokes, 0, 50) == [Segment(0, 10, "io", ""), Segment(20, 50, "io", "")]


def test_empty_and_reversed_strokes_vanish():
    """A wait that ended the moment it began has no width."""
    assert paint([Stroke(0, 5, 5, "lock"), Stroke(0, 9, 7, "lock")], 0, 10) == []


def test_any_mix_agrees_with_looking_at_each_moment():
    """Against the obvious slow way, on random strokes."""
    chance = random.Random(7)
    for _ in range(50):
        strokes = [
            Stroke(chance.randrange(4), start, start + chance.randrange(1, 9), f"k{number}")
            for number, start in enumerate(chance.choices(range(30), k=12))
        ]
        painted = {
            moment: segment.kind
            for segment in paint(strokes, 0, 40)
            for moment in range(segment.start, segment.end)
        }
        for moment in range(40):
            open_now = [stroke for stroke in strokes if stroke.start <= moment < stroke.end]
            expected = min(open_now).kind if open_now else None
            assert painted.get(moment) == expected
