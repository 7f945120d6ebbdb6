"""The document a timeline is painted from: a job's history as columns of small numbers.

Times are microseconds since the job's start, which a browser's numbers hold exactly for 285 years;
ids are text because they do not fit. Columns instead of objects keep it a third of the size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope_dashboard.explorer.headline import headline, open_work
from loopscope_dashboard.explorer.lanes import OPEN_JOBS, lanes_of
from loopscope_dashboard.explorer.names import task_names
from loopscope_dashboard.explorer.segments import segments_of, strokes_by_lane
from loopscope_dashboard.explorer.strips import strips_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loopscope_dashboard.explorer.lanes import Lane
    from loopscope_dashboard.explorer.strips import Strip
    from loopscope_dashboard.explorer.sweep import Segment
    from loopscope_exporters.journal.model import BlockInfo, JobHistory

MICROSECOND = 1000


class Numbers:
    """Texts numbered in the order they first occur."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __getitem__(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def texts(self) -> list[str]:
        return list(self._numbers)


def version_of(history: JobHistory) -> str:
    """Changes whenever the document would."""
    return f"{history.job.state}-{history.now}-{len(history.tasks)}"


def timeline(history: JobHistory) -> dict[str, Any]:
    """Lanes, segments, bands and strips of one job, ready for JSON."""
    origin = history.job.started

    def since(wall: int) -> int:
        return (wall - origin) // MICROSECOND

    lanes = lanes_of(history)
    strokes = strokes_by_lane(history, task_names(history))
    segments = [segments_of(lane, strokes.get(lane.id, ())) for lane in lanes]
    kinds, labels = Numbers(), Numbers()
    return {
        "version": version_of(history),
        "job": str(history.job.id),
        "headline": headline(history),
        "open": open_work(history),
        "live": history.job.state in OPEN_JOBS and not history.process.gone,
        "origin": origin / 1_000_000,
        "extent": {"start": 0, "end": max(since(lane.end) for lane in lanes) if lanes else 0},
        "lanes": _lane_columns(lanes, since),
        "segments": _segment_columns(segments, since, kinds, labels),
        "kinds": kinds.texts(),
        "labels": labels.texts(),
        "bands": [_band(block, since) for block in history.blocks],
        "strips": [_strip(strip, since) for strip in strips_of(history)],
    }


def _lane_columns(lanes: Sequence[Lane], since: Callable[[int], int]) -> dict[str, list[Any]]:
    return {
        "id": [str(lane.id) for lane in lanes],
        "parent": [lane.parent for lane in lanes],
        "depth": [lane.depth for lane in lanes],
        "name": [lane.name for lane in lanes],
        "what": [lane.what for lane in lanes],
        "site": [str(lane.site) if lane.site.line else "" for lane in lanes],
        "start": [since(lane.start) for lane in lanes],
        "end": [since(lane.end) for lane in lanes],
        "outcome": [lane.outcome for lane in lanes],
    }


def _segment_columns(
    lanes: Sequence[Sequence[Segment]], since: Callable[[int], int], kinds: Numbers, labels: Numbers
) -> dict[str, list[int]]:
    """All lanes' segments one after the other; lane n owns offset[n] to offset[n + 1]."""
    offset = [0]
    for lane in lanes:
        offset.append(offset[-1] + len(lane))
    segments = [segment for lane in lanes for segment in lane]
    return {
        "offset": offset,
        "start": [since(segment.start) for segment in segments],
        "end": [since(segment.end) for segment in segments],
        "kind": [kinds[segment.kind] for segment in segments],
        "label": [labels[segment.label] for segment in segments],
    }


def _band(block: BlockInfo, since: Callable[[int], int]) -> dict[str, Any]:
    return {
        "id": str(block.id),
        "start": since(block.started),
        "end": since(block.ended),
        "title": str(block.culprit) if block.culprit.line else block.cause,
    }


def _strip(strip: Strip, since: Callable[[int], int]) -> dict[str, Any]:
    return {
        "kind": strip.kind,
        "title": strip.title,
        "unit": strip.unit,
        "least": strip.least,
        "t": [since(time) for time in strip.times],
        "v": [round(value, 3) for value in strip.values],
    }
