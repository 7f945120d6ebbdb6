"""What one segment has for a diagnosis: sums in SQL, the rows that were written last, and what is open."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from loopscope_exporters.journal.history_rows import Names

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from loopscope_exporters.journal.segment_file import Reading
    from loopscope_exporters.journal.source import Part

TALLIED = ("tasks", "waits", "holds", "items", "jobs")
USED = ("lags", "loop_uses", "hotspots", "spins")
LAST = ("jobs", "tasks", "waits", "holds", "items", "slices", "blocks", "faults", "samples", *USED)
OPEN = ("jobs", "tasks", "waits", "holds", "items", "blocks", "faults", "resources", "partners")
Rows = list[Any]


@dataclass(slots=True)
class CaseRows:
    """Rows by table. ``tasks`` and ``jobs`` are further ended ones that the others mention."""

    names: Names
    tallies: dict[str, Rows]
    last: dict[str, Rows]
    now: dict[str, Rows] = field(default_factory=dict)
    tasks: Rows = field(default_factory=list)
    jobs: Rows = field(default_factory=list)


def read_case_rows(part: Part, reading: Reading, limit: int) -> CaseRows:
    """Of the newest segment of a process also what is open."""
    tallies = {table: reading.rows(f"tally_{table}") for table in TALLIED}
    last = {table: reading.rows(f"last_{table}", limit=limit) for table in LAST}
    now = {table: reading.rows(f"now_{table}") for table in OPEN} if part.newest else {}
    every = [row for rows in (*last.values(), *now.values()) for row in rows]
    tallied = chain(*tallies.values())
    known = {row["id"] for row in (*last["tasks"], *now.get("tasks", ()))}
    tasks = reading.rows("some_tasks", ids=_ids(every, known, "task"))
    known_jobs = {row["id"] for row in (*last["jobs"], *now.get("jobs", ()))}
    jobs = reading.rows("some_jobs", ids=_ids((*every, *tasks), known_jobs, "job"))
    resources = _mentioned((*every, *tallied), "resource", "executor")
    resources |= {row["id"] for row in now.get("resources", ())}
    return CaseRows(Names(reading, resources), tallies, last, now, tasks, jobs)


def _ids(rows: Iterable[sqlite3.Row], known: set[int], column: str) -> str:
    return json.dumps(list(_mentioned(rows, column) - known))


def _mentioned(rows: Iterable[sqlite3.Row], *columns: str) -> set[int]:
    found: set[int] = set()
    for row in rows:
        present = row.keys()
        found.update(row[column] for column in columns if column in present)
    return found - {0}
