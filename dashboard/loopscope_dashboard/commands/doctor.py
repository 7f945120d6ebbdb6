"""`loopscope doctor`: says in sentences why a service is stuck or slow, and names the line."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from loopscope.diagnosis.engine import diagnose
from loopscope.diagnosis.job_report import job_reports
from loopscope_dashboard import job_words
from loopscope_dashboard.journal_path import whom
from loopscope_dashboard.words import moment
from loopscope_exporters.journal.past import over
from loopscope_exporters.journal.reader import Journal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from loopscope.diagnosis.engine import Diagnosis
    from loopscope.records import Finding


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help="say why a service is stuck or slow, and which line is to blame",
        description="Says what is wrong now (of a process that is gone: at its end), most important first; "
        "then, marked WAS, what the process itself had found before and is over. In JSON these are two "
        "lists, `findings` and `past`.",
    )
    parser.add_argument(
        "journal",
        nargs="?",
        metavar="JOURNAL|PID",
        help="folder, segment or process (default: LOOPSCOPE_JOURNAL)",
    )
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")


def main(args: argparse.Namespace) -> int:
    path, pid = whom(args.journal)
    journal = Journal(path)
    cases = journal.cases(pid)
    diagnosis = diagnose(cases)
    reports = [report for case in cases for report in job_reports(case)]
    past = over(journal.findings(pid), diagnosis.findings)
    if args.format == "json":
        found = [as_json(finding) for finding in diagnosis.findings]
        gone = [as_json(one.finding) | {"until": moment(one.until) or None} for one in past]
        jobs = [job_words.as_json(one) for one in reports]
        print(json.dumps({"findings": found, "past": gone, "jobs": jobs}, indent=2))
    else:
        write = as_text if args.format == "text" else as_markdown
        parts = [write(finding) for finding in diagnosis.findings] or [nothing_found(diagnosis, cases)]
        parts += [write(one.finding, until=one.until) for one in past]
        parts += [text for one in reports if (text := job_words.as_text(one))]
        print("\n\n".join(parts))
    for problem in journal.problems:
        print(f"loopscope: {problem}", file=sys.stderr)
    return 0


def as_json(finding: Finding) -> dict[str, Any]:
    """Times ISO 8601 in UTC, evidence in seconds; the culprit is null when no line of the user's is known."""
    place = finding.culprit
    culprit = {"file": place.file, "function": place.function, "line": place.line, "code": finding.code}
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "confidence": round(finding.confidence, 2),
        "job": finding.job or None,
        "victims": list(finding.victims),
        "resource": finding.resource or None,
        "culprit": culprit if place.line else None,
        "since": moment(finding.since),
        "evidence": dict(finding.evidence),
        "explain": finding.explain,
        "fix": finding.fix,
    }


def as_text(finding: Finding, *, until: int | None = None) -> str:
    """A headline, the sentence, the line, what to do; ``until`` is given of what is over, 0 for unknown."""
    mark = finding.severity.upper() if until is None else "WAS"
    lines = [f"{mark}  {_headline(finding, until)}", f"  {finding.explain}"]
    if finding.culprit.line:
        lines += [f"  {finding.culprit}", f"      {finding.code}" if finding.code else ""]
    lines += [f"  hit: {_few(finding.victims)}" if finding.victims else "", f"  do: {finding.fix}"]
    return "\n".join(line for line in lines if line)


def as_markdown(finding: Finding, *, until: int | None = None) -> str:
    was = "" if until is None else "was: "
    lines = [f"### {was}{_headline(finding, until)}", "", finding.explain, ""]
    if finding.culprit.line:
        lines += [f"`{finding.culprit}`", "", "```python", finding.code, "```", ""]
    if finding.victims:
        lines += [f"**Hit:** {_few(finding.victims)}", ""]
    numbers = "".join(f"| {name.replace('_', ' ')} | {value} |\n" for name, value in finding.evidence.items())
    if numbers:
        lines += [f"| evidence | |\n| --- | --- |\n{numbers}"]
    return "\n".join([*lines, f"**Do:** {finding.fix}"])


def _headline(finding: Finding, until: int | None) -> str:
    job = f"job {finding.job}: " if finding.job else ""
    what = finding.kind.replace("_", " ")
    end = f" until {moment(until)}" if until else ""
    return f"{job}{what} ({finding.confidence:.0%} sure, since {moment(finding.since)}{end})"


def _few(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def nothing_found(diagnosis: Diagnosis, cases: Sequence[object]) -> str:
    if not cases:
        return "no process has written to this journal yet"
    processes = "1 process" if len(cases) == 1 else f"{len(cases)} processes"
    unsure = "".join(f"\n  {kind}: {wanted}" for kind, wanted in sorted(diagnosis.not_enough.items()))
    looked = f"nothing wrong was found in {processes}"
    return f"{looked}; not enough was seen yet to speak of:{unsure}" if unsure else looked
