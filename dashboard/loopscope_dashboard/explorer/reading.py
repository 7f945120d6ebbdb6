"""Reads the journal for the routes, at most once per half second however many pages ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope_dashboard.explorer.examining import Examining
from loopscope_exporters.journal.reader import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loopscope_exporters.journal.model import JobHistory, JobSummary, ProcessInfo

FRESH = 0.5  # seconds
MOST_HISTORIES = 8  # jobs that people look at at the same time
MOST_JOBS = 1000


@dataclass(frozen=True, slots=True)
class Overview:
    """The newest jobs, all processes, and what could not be read, in sentences."""

    jobs: tuple[JobSummary, ...]
    processes: tuple[ProcessInfo, ...]
    problems: tuple[str, ...]


class Reading:
    """A journal's folder as the explorer sees it. Raises JournalError where the reader does."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.examining = Examining(path, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._overview: tuple[float, Overview] | None = None
        self._histories: dict[int, tuple[float, JobHistory]] = {}

    def __repr__(self) -> str:
        return f"<Reading of {self.path}: {len(self._histories)} histories kept>"

    def overview(self) -> Overview:
        with self._lock:
            if self._overview is None or self._is_stale(self._overview[0]):
                self._overview = self._clock(), self._read_overview()
            return self._overview[1]

    def history(self, job: int) -> JobHistory:
        with self._lock:
            kept = self._histories.pop(job, None)
            if kept is None or self._is_stale(kept[0]):
                kept = self._clock(), Journal(self.path).job(job)
            self._histories[job] = kept
            while len(self._histories) > MOST_HISTORIES:
                self._histories.pop(next(iter(self._histories)))
            return kept[1]

    def _is_stale(self, read: float) -> bool:
        return self._clock() - read > FRESH

    def _read_overview(self) -> Overview:
        journal = Journal(self.path)
        jobs = tuple(journal.jobs(MOST_JOBS))
        return Overview(jobs, tuple(journal.processes()), tuple(journal.problems))
