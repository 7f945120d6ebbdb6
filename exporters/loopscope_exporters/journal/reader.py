"""The journal's reader: processes, jobs and the history of one job, from a folder or one segment."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope_exporters.journal import layout
from loopscope_exporters.journal.cases import family, read_cases
from loopscope_exporters.journal.history import read_history
from loopscope_exporters.journal.listing import find_job, newest_jobs
from loopscope_exporters.journal.liveness import HUNG, process_state
from loopscope_exporters.journal.model import (
    JobHistory,
    JobSummary,
    JournalError,
    ProcessInfo,
)
from loopscope_exporters.journal.past import PastFinding, read_findings
from loopscope_exporters.journal.segment_file import SegmentFile, SegmentGone
from loopscope_exporters.journal.source import Source
from loopscope_exporters.journal.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.case import Case

__all__ = ["Journal", "JournalError"]


class Journal:
    """What stood in a journal's folder, or in one segment, when this was made.

    Making one is cheap, so to follow a running service make a new one each second. `problems` says in
    sentences which segments could not be read; JournalError is raised when none of them could.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.problems: list[str] = []
        self._now = time.time_ns()
        segments = self._open(_segment_paths(self.path))
        self._processes = _processes(segments, self._now)
        newest = {
            max(own, key=lambda segment: segment.head.segment).path for own in _by_process(segments).values()
        }
        self._source = Source(
            [(one, self._processes[one.head.id], one.path in newest) for one in segments],
            self.problems,
        )

    def __repr__(self) -> str:
        return f"<Journal {self.path}: {len(self._source.parts)} segments, {len(self._processes)} processes>"

    def _open(self, paths: list[Path]) -> list[SegmentFile]:
        segments = []
        for path in paths:
            try:
                segments.append(SegmentFile(path))
            except SegmentGone:
                continue
            except JournalError as problem:
                self.problems.append(str(problem))
        if self.problems and not segments:
            raise JournalError(self.problems[0])
        return segments

    def processes(self) -> list[ProcessInfo]:
        """Every process that wrote to the journal, the one that started last first."""
        return sorted(self._processes.values(), key=lambda process: -process.started)

    def jobs(self, limit: int = 1000) -> list[JobSummary]:
        """The newest `limit` jobs, the one that started last first."""
        return summarize(newest_jobs(self._source, limit), self._source)

    def cases(self, pid: int = 0) -> list[Case]:
        """What there is to diagnose: the process `pid`, or all that live, or those that ended last; with
        their parents and children. Raises JournalError for a pid that never wrote here.
        """
        return read_cases(self._source, self._family(pid))

    def findings(self, pid: int = 0) -> list[PastFinding]:
        """What the same processes found themselves while they ran, also what was over again."""
        return read_findings(self._source, self._family(pid))

    def _family(self, pid: int) -> list[ProcessInfo]:
        processes = self.processes()
        named = [process for process in processes if process.pid == pid][:1] if pid else processes
        if pid and not named:
            known = ", ".join(str(process.pid) for process in processes) or "none"
            raise JournalError(
                f"no process {pid} has written to {self.path}; the processes there are: {known}"
            )
        return family(named, processes)

    def cases_around(self, process: int) -> list[Case]:
        """The process of this id with its parents and children: also one whose pid is used again since."""
        return read_cases(self._source, self._around(process))

    def _around(self, process: int) -> list[ProcessInfo]:
        processes = self.processes()
        return family([one for one in processes if one.id == process], processes)

    def findings_around(self, process: int) -> list[PastFinding]:
        """What the process of this id, its parents and children found themselves while they ran."""
        return read_findings(self._source, self._around(process))

    def job(self, job_id: int) -> JobHistory:
        """All about one job, also what other processes did for it. Raises JournalError for an unknown id."""
        row = find_job(self._source, job_id)
        if row is None:
            raise JournalError(
                f"there is no job {job_id} in {self.path}; `loopscope jobs` lists the ones there are, and "
                "retention may have removed an old one"
            )
        return read_history(row, self._source)


def _segment_paths(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            return sorted(path.glob(f"*{layout.SUFFIX}"))
        if path.exists():
            return [path]
    except PermissionError as problem:
        raise JournalError(
            f"the journal {path} cannot be read ({problem.strerror}); check its permissions"
        ) from None
    raise JournalError(
        f"there is no journal at {path}; give the folder that the service writes to "
        "(its setting `journal`, or the variable LOOPSCOPE_JOURNAL)"
    )


def _by_process(segments: Iterable[SegmentFile]) -> dict[int, list[SegmentFile]]:
    found: dict[int, list[SegmentFile]] = defaultdict(list)
    for segment in segments:
        found[segment.head.id].append(segment)
    return found


def _processes(segments: list[SegmentFile], now: int) -> dict[int, ProcessInfo]:
    return {id_: _process(own, now) for id_, own in _by_process(segments).items()}


def _process(segments: list[SegmentFile], now: int) -> ProcessInfo:
    """One process out of its segments: the newest one knows most."""
    head = max((segment.head for segment in segments), key=lambda head: head.segment)
    heartbeat = max(segment.head.heartbeat for segment in segments)
    state = process_state(
        host=head.host,
        pid=head.pid,
        ticks=head.boot_ticks,
        heartbeat=heartbeat,
        ended=head.ended,
        now=now - head.drift,
    )
    return ProcessInfo(
        id=head.id,
        service=head.service,
        host=head.host,
        pid=head.pid,
        parent_pid=head.parent_pid,
        started=head.started,
        python=head.python,
        version=head.version,
        heartbeat=heartbeat,
        ended=head.ended,
        dropped=head.dropped,
        state=state,
        now=now - head.drift if state == HUNG else head.ended or heartbeat,
        stuck_after=head.stuck_after,
    )
