"""The journal's folder: whether it can be used, how segments in it are named, and how old ones go."""

from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.exporter import ExporterError
from loopscope_exporters.journal import layout
from loopscope_exporters.journal.liveness import (
    FORGET_AFTER,
    HUNG,
    RUNNING,
    is_alive,
    process_state,
)
from loopscope_exporters.journal.model import JournalError
from loopscope_exporters.journal.segment_file import SegmentFile, SegmentGone

if TYPE_CHECKING:
    from loopscope.records import Process

NEW = ".new"  # behind the name of a segment that is not complete yet
_BESIDE = ("-wal", "-shm", "-journal")
_PROBE = bytes(256 * 1024)  # more than an empty segment takes
_NAME = re.compile(r"-(?P<pid>\d+)-\d+-\d+\.db")
_ADVICE = "set LOOPSCOPE_JOURNAL or journal= to a folder that this user may write to, or to 'off'"


def check_folder(path: str | Path) -> Path:
    """The folder, made if need be. Raises ExporterError, a sentence, if no journal can be kept there."""
    folder = Path(path).expanduser()
    try:
        if folder.exists() and not folder.is_dir():
            raise ExporterError(f"the journal {folder} is a file, expected a folder; {_ADVICE}")
        folder.mkdir(parents=True, exist_ok=True)
        _try_to_write(folder)
    except OSError as problem:
        raise ExporterError(_sentence(folder, problem)) from problem
    return folder


def _try_to_write(folder: Path) -> None:
    """Permission bits say nothing to root, nor how much room there is: only writing tells."""
    probe = folder / f".probe-{os.getpid()}-{time.monotonic_ns()}"
    try:
        with probe.open("xb", buffering=0) as file:
            written = 0
            while written < len(_PROBE):
                written += file.write(_PROBE[written:])
    finally:
        probe.unlink(missing_ok=True)


def _sentence(folder: Path, problem: OSError) -> str:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return (
            f"there is no space for the journal in {folder} ({problem.strerror}); free at least a megabyte "
            f"there, or {_ADVICE}"
        )
    if problem.errno in {errno.ENOTDIR, errno.EEXIST}:
        return f"the journal {folder} cannot be a folder: a part of its path is a file; {_ADVICE}"
    return f"the journal folder {folder} is not writable ({problem.strerror}); {_ADVICE}"


def segment_path(folder: Path, process: Process, number: int) -> Path:
    """Where a process's segment stands; the name is unique, since no two processes share pid and start."""
    service = re.sub(r"[^\w.-]", "_", process.service, flags=re.ASCII)[:60] or "python"
    return folder / f"{service}-{process.pid}-{process.started}-{number}{layout.SUFFIX}"


def make_room(folder: Path, limit: int) -> None:
    """Remove the oldest segments, of any process, until the folder holds `limit` bytes at most.

    A segment that a living process still writes stays, and so may the folder stay above the limit.
    """
    segments = sorted(folder.glob(f"*{layout.SUFFIX}"), key=_modified)
    sizes = {segment: size(segment) for segment in segments}
    excess = sum(sizes.values()) - limit
    for segment in segments:
        if excess <= 0:
            break
        if _removable(segment):
            remove(segment)
            excess -= sizes[segment]


def sweep_unfinished(folder: Path) -> None:
    """Remove what processes left that died while they made a segment."""
    longest = FORGET_AFTER / SECOND  # on a shared folder the pid may be another host's
    for unfinished in folder.glob(f"*{layout.SUFFIX}{NEW}"):
        if time.time() - _modified(unfinished) > longest and not _writer_alive(unfinished):
            remove(unfinished)


def remove(segment: Path) -> None:
    """Unlink a segment with its write-ahead log; somebody else may have done so already."""
    for path in (segment, *_beside(segment)):
        path.unlink(missing_ok=True)


def _beside(segment: Path) -> list[Path]:
    return [segment.with_name(segment.name + ending) for ending in _BESIDE]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def size(segment: Path) -> int:
    """Bytes of a segment and of what stands beside it; 0 for one that is gone."""
    total = 0
    for path in (segment, *_beside(segment)):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def _removable(segment: Path) -> bool:
    """Whether nobody writes the segment any more: it is sealed, or its process is gone."""
    try:
        head = SegmentFile(segment).head
    except SegmentGone:
        return True
    except JournalError:
        return not _writer_alive(segment)
    state = process_state(
        host=head.host,
        pid=head.pid,
        ticks=head.boot_ticks,
        heartbeat=head.heartbeat,
        ended=head.ended,
        now=time.time_ns() - head.drift,
    )
    return bool(head.sealed) or state not in {RUNNING, HUNG}


def _writer_alive(segment: Path) -> bool:
    """Whether the pid in a segment's name runs; for files that cannot tell more."""
    name = _NAME.search(segment.name)
    return name is not None and is_alive(int(name["pid"]), ticks=0)
