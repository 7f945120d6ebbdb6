"""What processes found wrong in themselves while they ran, as it stands in their journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from loopscope.records import Finding, Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from loopscope_exporters.journal.model import ProcessInfo
    from loopscope_exporters.journal.source import Source

MOST_PAST = 20


class PastFinding(NamedTuple):
    """A finding as it was last seen; ``until`` is when it was no longer found, wall ns; 0: never."""

    finding: Finding
    until: int


def read_findings(source: Source, processes: Sequence[ProcessInfo]) -> list[PastFinding]:
    """Each finding of these processes once, the one that began last first."""
    wanted = {process.id for process in processes}
    parts = [part for part in source.parts if part.process.id in wanted]
    rows = [
        row
        for _, found in source.each(lambda _, reading: reading.rows("findings"), among=parts)
        for row in found
    ]
    latest: dict[object, PastFinding] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        finding = _finding(row)
        latest[finding.identity] = PastFinding(finding, row["at"] if row["over"] else 0)
    return sorted(latest.values(), key=lambda past: -past.finding.since)


def over(found: Sequence[PastFinding], still: Sequence[Finding]) -> list[PastFinding]:
    """What was found once and is not any more, the latest first.

    What shares a line with one that lasts is the same trouble under the name it had earlier.
    """
    lasting: set[object] = {finding.identity for finding in still}
    lasting |= {finding.culprit for finding in still if finding.culprit.line}
    gone = [one for one in found if one.finding.is_serious]
    gone = [one for one in gone if not {one.finding.identity, one.finding.culprit} & lasting]
    return gone[:MOST_PAST]


def _finding(row: sqlite3.Row) -> Finding:
    return Finding(
        kind=row["kind"],
        severity=row["severity"],
        confidence=row["confidence"],
        culprit=Place(row["file"], row["line"], row["function"]),
        explain=row["explain"],
        fix=row["fix"],
        since=row["since"],
        job=row["job"],
        victims=tuple(row["victims"].splitlines()),
        resource=row["resource"],
        evidence=json.loads(row["evidence"]),
        code=row["code"],
    )
