"""`loopscope jobs`: the jobs in a journal, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from loopscope_dashboard.journal_path import journal_path
from loopscope_dashboard.words import duration, moment
from loopscope_exporters.journal.reader import Journal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from loopscope_exporters.journal.model import JobSummary

COLUMNS = ("STATE", "NAME", "KEY", "STARTED", "DURATION", "TASKS", "PARALLEL", "BLOCKED", "WAITED")
RIGHT = frozenset({"DURATION", "TASKS", "PARALLEL", "BLOCKED", "WAITED"})


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("jobs", help="list the jobs in a journal, newest first")
    parser.add_argument("journal", nargs="?", help="folder or segment (default: LOOPSCOPE_JOURNAL)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--limit", type=int, default=1000, help="at most so many (default: 1000)")


def main(args: argparse.Namespace) -> int:
    path = journal_path(args.journal)
    journal = Journal(path)
    jobs = journal.jobs(limit=args.limit)
    if args.format == "json":
        print(json.dumps({"jobs": [as_json(job) for job in jobs]}, indent=2))
    else:
        print(table(jobs) if jobs else f"no jobs in {path} yet")
    for problem in journal.problems:
        print(f"loopscope: {problem}", file=sys.stderr)
    return 0


def as_json(job: JobSummary) -> dict[str, Any]:
    """Times ISO 8601 in UTC, everything else that is time in seconds."""
    return {
        "id": str(job.id),
        "name": job.name,
        "key": job.key,
        "kind": job.kind,
        "state": job.state,
        "started": moment(job.started),
        "duration": round(job.seconds, 6),
        "tasks": job.tasks,
        "thinned": job.thinned,
        "parallelism": round(job.parallelism, 3),
        "blocked": round(job.blocked, 6),
        "longest_wait": round(job.longest_wait, 6),
        "longest_wait_kind": job.longest_wait_kind,
        "longest_wait_resource": job.longest_wait_resource,
        "exception": job.exception,
        "service": job.service,
        "pid": job.pid,
    }


def table(jobs: Sequence[JobSummary]) -> str:
    """Aligned columns, numbers to the right, nothing cut."""
    rows = [COLUMNS, *(_row(job) for job in jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(job: JobSummary) -> tuple[str, ...]:
    return (
        job.state,
        job.name,
        job.key or "-",
        moment(job.started),
        duration(job.seconds),
        str(job.tasks),
        f"{job.parallelism:.2f}",
        duration(job.blocked) if job.blocked else "-",
        duration(job.longest_wait) if job.longest_wait else "-",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        text.rjust(width) if name in RIGHT else text.ljust(width)
        for name, text, width in zip(COLUMNS, row, widths, strict=True)
    )
    return "  ".join(cells).rstrip()
