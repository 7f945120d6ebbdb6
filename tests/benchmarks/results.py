"""From trials to a table: ratios within a round, their median over the rounds, and who is ahead."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURES = ("wall", "cpu")
RIVALS = ("loopscope", "loopscope_spans", "contrib")
OURS = ("loopscope", "loopscope_spans")
COLUMNS = ("", "bare µs", "loopscope", "with spans", "OTel contrib", "loopscope ahead", "with spans ahead")

Trial = dict[str, float]  # "wall" and "cpu" in ns an operation, and what was delivered
Round = dict[str, Trial]  # by variant


class Row(NamedTuple):
    """What one workload showed, round by round. A request's row has a throughput as well."""

    title: str
    rounds: Sequence[Round]
    unfavourable: bool = False
    requests: bool = False

    def bare(self, measure: str) -> float:
        """Time an operation takes, ns."""
        return statistics.median(one["bare"][measure] for one in self.rounds)

    def ratio(self, variant: str, measure: str) -> float:
        """Cost against bare asyncio in the same round; 1 is free."""
        return statistics.median(one[variant][measure] / one["bare"][measure] for one in self.rounds)

    def throughput(self, variant: str) -> float:
        """Requests a second against bare; 1 is as many."""
        return 1 / self.ratio(variant, "wall")

    def ahead(self, variant: str) -> str:
        """In which measures a variant costs less than the contrib instrumentation did in the same rounds."""
        won = [m for m in MEASURES if self.ratio(variant, m) < self.ratio("contrib", m)]
        return {2: "yes", 1: f"{won[0]} only" if won else "", 0: "no"}[len(won)]

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "unfavourable": self.unfavourable,
            "bare_ns": {measure: self.bare(measure) for measure in MEASURES},
            "ratios": {v: {m: self.ratio(v, m) for m in MEASURES} for v in RIVALS},
            "throughput": {v: self.throughput(v) for v in RIVALS} if self.requests else {},
            "ahead_of_contrib": {v: self.ahead(v) for v in OURS},
            "rounds": list(self.rounds),
        }


def table(rows: Sequence[Row]) -> str:
    """Aligned; each cell is wall / processor time."""
    lines = [COLUMNS, *(_cells(row) for row in rows), *(_throughput(row) for row in rows if row.requests)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.title,
        " / ".join(f"{row.bare(measure) / 1000:.1f}" for measure in MEASURES),
        *(" / ".join(f"{row.ratio(variant, measure):.2f}" for measure in MEASURES) for variant in RIVALS),
        *(row.ahead(variant) for variant in OURS),
    )


def _throughput(row: Row) -> tuple[str, ...]:
    rival = row.throughput("contrib")
    return (
        "requests/s against bare",
        f"{1e9 / row.bare('wall'):.0f}/s",
        *(f"{row.throughput(variant):.2f}" for variant in RIVALS),
        *("yes" if row.throughput(variant) > rival else "no" for variant in OURS),
    )
