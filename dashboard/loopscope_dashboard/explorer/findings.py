"""The findings of a diagnosis as documents: all of them for the first page, or those about one job."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from loopscope.diagnosis.case import job_label
from loopscope_dashboard.explorer.details import place
from loopscope_dashboard.explorer.documents import digest, versioned
from loopscope_dashboard.words import clock, moment

if TYPE_CHECKING:
    from loopscope.records import Finding, Job
    from loopscope_dashboard.explorer.examining import Examination
    from loopscope_exporters.journal.model import JobSummary

MOST_LINKS = 5
MOST_VICTIMS = 8
WAS = "was"  # found by the process itself, and over


def findings(examination: Examination) -> dict[str, Any]:
    """Most important first, each with its jobs, then those that are over; ``marks`` has each job's worst."""
    marks: dict[str, dict[str, str]] = {}
    rows = []
    for finding in examination.diagnosis.findings:
        about = _about(finding, examination)
        rows.append(_row(finding, about))
        for job in about:
            marks.setdefault(str(job), _mark(finding))
    rows += [_row(finding, _about(finding, examination), WAS) for finding in examination.past]
    return versioned(
        {
            "findings": rows,
            "marks": marks,
            "calm": _nothing_found(examination),
            "trouble": examination.trouble,
            "wanted": [f"{_words(kind)}: {why}" for kind, why in _wanted(examination)],
        }
    )


def findings_of(job: JobSummary, examination: Examination) -> dict[str, Any]:
    """Those about one job."""
    own = [
        _row(finding, {}, mark)
        for found, mark in ((examination.diagnosis.findings, ""), (examination.past, WAS))
        for finding in found
        if job.id in _about(finding, examination)
    ]
    calm = "no finding is about this job" if job.process in examination.processes else ""
    return versioned(
        {"findings": own, "marks": {}, "calm": calm, "trouble": examination.trouble, "wanted": []}
    )


def _about(finding: Finding, examination: Examination) -> dict[int, str]:
    """Ids and labels of the jobs: the one that the finding names first.

    It knows those that are open by their ids, one that has ended by its name: then it is the one that was
    there when it all began. Who blocked the loop is known by the line.
    """
    jobs = examination.jobs
    ids = finding.jobs | examination.blocking.get(finding.culprit, frozenset())
    found = {id_: job_label(jobs[id_]) for id_ in ids if id_ in jobs}
    if finding.job and finding.job not in found.values():
        named = (job for job in jobs.values() if job_label(job) == finding.job)
        found |= {job.id: finding.job for job in named if _was_there(job, finding.since)}
    return dict(sorted(found.items(), key=lambda one: (one[1] != finding.job, -one[0])))


def _was_there(job: Job, moment: int) -> bool:
    return job.started <= moment and (not job.ended or moment <= job.ended)


def _row(finding: Finding, about: dict[int, str], mark: str = "") -> dict[str, Any]:
    """`mark` stands where its severity would, of what is over."""
    culprit, more = finding.culprit, len(finding.victims) - MOST_VICTIMS
    text = "\n".join(map(str, (*finding.identity, finding.job)))
    return {
        "id": digest(text),
        "severity": mark or finding.severity,
        "kind": _words(finding.kind),
        "explain": finding.explain,
        "where": f"{PurePath(culprit.file).name}:{culprit.line}" if culprit.line else "",
        "culprit": place(culprit),
        "code": finding.code.strip(),
        "since": clock(finding.since),
        "moment": moment(finding.since),
        "sure": f"{finding.confidence:.0%} sure",
        "victims": ", ".join(finding.victims[:MOST_VICTIMS]) + (f" and {more} more" if more > 0 else ""),
        "evidence": [(_words(name), _number(value)) for name, value in finding.evidence.items()],
        "fix": finding.fix,
        "job": finding.job,
        "jobs": [{"id": str(id_), "label": label} for id_, label in list(about.items())[:MOST_LINKS]],
        "more_jobs": max(len(about) - MOST_LINKS, 0),
    }


def _number(value: float) -> str:
    """Three digits of a small fraction, all digits of what is counted."""
    return f"{value:.3g}" if value % 1 and abs(value) < 100 else f"{value:,.0f}"


def _mark(finding: Finding) -> dict[str, str]:
    return {"severity": finding.severity, "text": f"{_words(finding.kind)}: {finding.explain}"}


def _nothing_found(examination: Examination) -> str:
    """Empty when nothing was looked at."""
    number = len(examination.processes)
    processes = "1 process" if number == 1 else f"{number} processes"
    return f"nothing wrong was found in {processes}" if number else ""


def _wanted(examination: Examination) -> list[tuple[str, str]]:
    return sorted(examination.diagnosis.not_enough.items())


def _words(kind: str) -> str:
    return kind.replace("_", " ")
