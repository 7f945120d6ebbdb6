"""Paints overlapping intervals onto one line: at each moment the most telling one shows."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Stroke(NamedTuple):
    """An interval that wants to be seen: the lowest ``rank`` wins, then the earliest start."""

    rank: int
    start: int
    end: int
    kind: str
    label: str = ""


class Segment(NamedTuple):
    """A stretch of the line that shows one thing."""

    start: int
    end: int
    kind: str
    label: str


def paint(strokes: Iterable[Stroke], start: int, end: int) -> list[Segment]:
    """Segments that cover what the strokes cover of [start, end], in order and without overlap.

    A sweep over the strokes' edges with a heap of what is open: n log n, whatever overlaps what.
    """
    inside = [_cut(stroke, start, end) for stroke in strokes if _is_inside(stroke, start, end)]
    waiting = sorted(inside, key=attrgetter("start"))
    edges = sorted({edge for stroke in waiting for edge in (stroke.start, stroke.end)})
    open_strokes: list[Stroke] = []
    segments: list[Segment] = []
    upcoming = 0
    for edge, next_edge in pairwise(edges):
        while upcoming < len(waiting) and waiting[upcoming].start <= edge:
            heappush(open_strokes, waiting[upcoming])
            upcoming += 1
        while open_strokes and open_strokes[0].end <= edge:
            heappop(open_strokes)
        if open_strokes:
            _append(segments, edge, next_edge, open_strokes[0])
    return segments


def _is_inside(stroke: Stroke, start: int, end: int) -> bool:
    return stroke.start < stroke.end and stroke.start < end and stroke.end > start


def _cut(stroke: Stroke, start: int, end: int) -> Stroke:
    if stroke.start >= start and stroke.end <= end:
        return stroke
    return stroke._replace(start=max(stroke.start, start), end=min(stroke.end, end))


def _append(segments: list[Segment], start: int, end: int, stroke: Stroke) -> None:
    last = segments[-1] if segments else None
    if last and last.end == start and (last.kind, last.label) == (stroke.kind, stroke.label):
        segments[-1] = last._replace(end=end)
    else:
        segments.append(Segment(start, end, stroke.kind, stroke.label))
