"""What `loopscope doctor` says of the journal, kept while asking again would cost much or say nothing new."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loopscope.diagnosis.engine import Diagnosis, diagnose
from loopscope_exporters.journal.past import over
from loopscope_exporters.journal.reader import Journal, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loopscope.diagnosis.case import Case
    from loopscope.records import Finding, Job, Place
    from loopscope_exporters.journal.model import ProcessInfo

REST = 2.0  # seconds, the least between two diagnoses
SHARE = 10  # a diagnosis that took so long is followed by so many times that without one
MOST_KEPT = 8


@dataclass(frozen=True, slots=True)
class Examination:
    """``processes`` are those that were looked at, by id; ``jobs`` what they remember of theirs, by id.

    ``past`` is what they found themselves and is over. ``blocking`` has the jobs that held the loop up, by
    the line that did it. ``trouble`` says in a sentence why there is no diagnosis.
    """

    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    processes: frozenset[int] = frozenset()
    jobs: dict[int, Job] = field(default_factory=dict)
    blocking: dict[Place, frozenset[int]] = field(default_factory=dict)
    past: tuple[Finding, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    examination: Examination
    seen: tuple[tuple[int, str, int], ...]  # of each process how far its records reached
    until: float


class Examining:
    """Diagnoses a journal's folder, by process or as a whole. Raises JournalError where the reader does.

    Who asks while another's diagnosis is under way gets the one before.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept] = {}  # by process, 0 for the journal as a whole
        self._failed = False

    def __repr__(self) -> str:
        return f"<Examining of {self._path}: {len(self._kept)} diagnoses kept>"

    def all(self) -> Examination:
        """Of the processes that live, or of the one that ended last."""
        return self._examine(0)

    def of(self, process: ProcessInfo) -> Examination:
        """Of this process and its family, also when others live after it."""
        common = self.all()
        if process.id in common.processes:
            return common
        return self._examine(process.id)

    def _examine(self, process: int) -> Examination:
        kept = self._kept.get(process)
        if kept is not None and self._clock() < kept.until:
            return kept.examination
        if not self._lock.acquire(blocking=kept is None):
            return kept.examination if kept is not None else Examination()
        try:
            return self._refreshed(process)
        finally:
            self._lock.release()

    def _refreshed(self, process: int) -> Examination:
        kept, began = self._kept.get(process), self._clock()
        if kept is None or began >= kept.until:
            journal = Journal(self._path)
            seen = tuple((one.id, one.state, one.now) for one in journal.processes())
            if kept is None or kept.seen != seen:
                examination = self._diagnosed(journal, process)
            else:
                examination = kept.examination
            ended = self._clock()
            kept = _Kept(examination, seen, ended + max(REST, SHARE * (ended - began)))
        self._kept.pop(process, None)
        self._kept[process] = kept
        while len(self._kept) > MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return kept.examination

    def _diagnosed(self, journal: Journal, process: int) -> Examination:
        """A case that cannot be made or judged costs the page its findings, nothing else."""
        try:
            cases = journal.cases_around(process) if process else journal.cases()
            diagnosis = diagnose(cases)
            found = journal.findings_around(process) if process else journal.findings()
            past = tuple(one.finding for one in over(found, diagnosis.findings))
        except JournalError:
            raise
        except Exception as trouble:
            if not self._failed:
                logging.getLogger("loopscope").warning(
                    "the diagnosis of %s failed", self._path, exc_info=True
                )
            self._failed = True
            said = f"{type(trouble).__name__}: {trouble}"
            return Examination(trouble=f"the diagnosis failed ({said}); the rest of the page is not affected")
        processes = frozenset(case.process.id for case in cases)
        jobs = {job.id: job for case in cases for job in _jobs(case)}
        return Examination(diagnosis, processes, jobs, _blocking(cases), past)


def _blocking(cases: list[Case]) -> dict[Place, frozenset[int]]:
    found: dict[Place, set[int]] = defaultdict(set)
    for case in cases:
        for block in case.history.last_blocks:
            if block.job is not None and block.culprit.line:
                found[block.culprit].add(block.job.id)
    return {place: frozenset(jobs) for place, jobs in found.items()}


def _jobs(case: Case) -> Iterator[Job]:
    """All that a finding can be about: also a job that ended long ago, if what it left is still there."""
    history = case.history
    yield from case.snapshot.jobs
    yield from history.last_jobs
    left = (history.last_tasks, history.last_blocks, history.last_faults)
    for records in left:
        yield from (record.job for record in records if record.job is not None)
