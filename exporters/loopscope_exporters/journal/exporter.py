"""The journal's exporter: keeps a writer at work, rolls over, makes room, and outlives a failing disk."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from loopscope.clock import SECOND, now
from loopscope.exporter import ExporterError
from loopscope.logs import logger
from loopscope_exporters.journal import folder as folders
from loopscope_exporters.journal.rows import ENDED
from loopscope_exporters.journal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loopscope.records import Batch
    from loopscope.settings import Settings
    from loopscope.state import LiveState

OFF = "off"
RETRY_AFTER = 3 * SECOND
FAILURES = (sqlite3.Error, OSError)  # a full disk, a folder that vanished, a permission withdrawn


class JournalExporter:
    """Writes each batch to the current segment, in one transaction.

    While the disk fails, the service goes on and what is lost is counted in ``state.dropped["journal"]``;
    a new segment is tried every few seconds.
    """

    def __init__(self, state: LiveState, settings: Settings, clock: Callable[[], int] = now) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._folder: Path | None = None
        self._writer: Writer | None = None
        self._number = 0
        self._not_before = 0  # the next attempt to make a segment
        self._failing = False

    def __repr__(self) -> str:
        return f"<JournalExporter {self._writer!r}>"

    @property
    def segment(self) -> Path | None:
        """The file written to now; None while there is none."""
        return self._writer.path if self._writer is not None else None

    def start(self) -> None:
        """Make the folder and the first segment. Raises ExporterError when that cannot be done."""
        if self._settings.journal == OFF:
            return
        folder = folders.check_folder(self._settings.journal)
        try:
            folders.sweep_unfinished(folder)
            folders.make_room(folder, self._settings.journal_retention_bytes)
            self._writer = self._next_writer(folder, self._clock())
        except FAILURES as problem:
            raise ExporterError(
                f"no journal can be kept in {folder} ({problem}); expected a folder with room on a local "
                "disk, not a network file system: set LOOPSCOPE_JOURNAL to one, or to 'off'"
            ) from problem
        self._folder = folder

    def drain(self, batch: Batch) -> None:
        if self._folder is None:
            return
        if self._writer is not None and not self._writer.is_there(batch.now):
            self._abandon("the segment was removed")
        if self._writer is None:
            self._try_again(self._folder, batch.now)
        if self._writer is None:
            self._lose(batch)
            return
        try:
            self._writer.write(batch)
        except FAILURES as problem:
            self._abandon(str(problem))
            self._lose(batch)
            return
        if self._failing:
            self._failing = False
            logger().warning("the journal is written again", segment=str(self._writer.path))
        if batch.now >= self._not_before and self._writer.is_full(batch.now):
            self._roll_over(self._folder, self._writer, batch.now)

    def stop(self) -> None:
        writer, self._writer, self._folder = self._writer, None, None
        if writer is None:
            return
        try:
            writer.say_goodbye(self._clock())
        except FAILURES as problem:
            logger().warning("the journal could not be closed", reason=str(problem))
            writer.close()

    def _next_writer(self, folder: Path, moment: int) -> Writer:
        path = folders.segment_path(folder, self._state.process, self._number)
        writer = Writer(self._state, path, self._number, moment)
        self._number += 1
        return writer

    def _roll_over(self, folder: Path, full: Writer, moment: int) -> None:
        """Put a new segment in the place of a full one; if there can be none, go on with the full one."""
        try:
            self._writer = self._next_writer(folder, moment)
        except FAILURES:
            self._not_before = moment + RETRY_AFTER
            return
        try:
            full.give_way(moment)
            folders.make_room(folder, self._settings.journal_retention_bytes)
        except FAILURES as problem:
            logger().warning("a full journal segment could not be sealed", reason=str(problem))
            full.close()

    def _try_again(self, folder: Path, moment: int) -> None:
        if moment < self._not_before:
            return
        self._not_before = moment + RETRY_AFTER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folders.make_room(folder, self._settings.journal_retention_bytes)
            self._writer = self._next_writer(folder, moment)
        except FAILURES as problem:
            self._say_failing(str(problem))
            return

    def _abandon(self, reason: str) -> None:
        """Let go of a segment that cannot be written; what stands in it stays readable, if anything does."""
        self._say_failing(reason)
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            if writer.is_empty:
                with contextlib.suppress(OSError):
                    folders.remove(writer.path)

    def _say_failing(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            logger().warning(
                "the journal cannot be written; records are lost and counted until it can",
                folder=str(self._folder),
                reason=reason,
            )

    def _lose(self, batch: Batch) -> None:
        self._state.dropped["journal"] += sum(len(getattr(batch, kind)) for kind in ENDED)
