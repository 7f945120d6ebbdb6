"""Writes one process's records to one segment, a transaction a drain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope_exporters.journal import folder
from loopscope_exporters.journal.layout import SCHEMA_VERSION
from loopscope_exporters.journal.liveness import boot_ticks
from loopscope_exporters.journal.open_work import OpenWork
from loopscope_exporters.journal.rows import ENDED, Rows
from loopscope_exporters.journal.segment import Segment

if TYPE_CHECKING:
    from pathlib import Path

    from loopscope.records import Batch
    from loopscope.state import LiveState


LONG_TABLES = ("tasks", "waits", "holds", "items")  # in the order of the columns of marks


class Writer:
    """A segment being written. Every method may raise sqlite3.Error or OSError; then the writer is spent."""

    def __init__(self, state: LiveState, path: Path, number: int, moment: int) -> None:
        self._state = state
        self._opened = self._marked = self._beaten = moment
        self._told_dropped = self._dropped()
        self._rows = Rows(state.anchor)
        self._open_work = OpenWork(state, self._rows)
        self._segment = Segment(path, lambda segment: self._begin(segment, number))
        self._written = False
        self._first_size = folder.size(path)
        self._size = self._weigh_at = self._look_at = 0

    def __repr__(self) -> str:
        return f"<Writer of {self._segment!r}>"

    @property
    def path(self) -> Path:
        return self._segment.path

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written since the segment was made."""
        return not self._written

    def _begin(self, segment: Segment, number: int) -> None:
        """The process row, and what is open: once visible, this is the segment that says so."""
        process, wall = self._state.process, self._state.anchor.to_wall(self._opened)
        row = (
            SCHEMA_VERSION,
            process.id,
            process.service,
            process.host,
            process.pid,
            process.parent_pid,
            process.started,
            process.python,
            process.version,
            boot_ticks(process.pid),
            number,
            wall,
            wall,
            self._drift(wall),
            0,
            0,
            self._dropped(),
            0,
            int(self._state.settings.stuck_after * SECOND),
        )
        segment.append("process", [row], 1)
        self._open_work.write(segment, self._opened, always=True)
        self._write_names(segment)

    def write(self, batch: Batch) -> None:
        """One drain: what ended, what is open, and a heartbeat, all or nothing; nothing if none is due."""
        if not (batch.is_last or self._is_due(batch)):
            return
        with self._segment.transaction():
            self._mark(batch.now)
            for table, convert in ENDED.items():
                records = getattr(batch, table)
                rows = (convert(self._rows, record) for record in records)
                self._segment.append(table, rows, len(records))
            found = [self._rows.finding(finding, batch.now) for finding in batch.findings]
            found += [self._rows.finding(finding, batch.now, over=True) for finding in batch.over]
            self._segment.append("findings", found, len(found))
            self._open_work.write(self._segment, batch.now, always=batch.is_last)
            self._write_names(self._segment)
            self._beat(batch.now)
        self._written = True

    def _is_due(self, batch: Batch) -> bool:
        return (
            any(getattr(batch, table) for table in ENDED)
            or bool(batch.findings or batch.over)
            or self._open_work.is_due(batch.now)
            or batch.now - self._beaten >= SECOND
            or self._dropped() != self._told_dropped
        )

    def is_there(self, moment: int) -> bool:
        """Whether the file is still in its folder, as seen at most a second ago.

        Each look at a file gives the GIL away, and beside threads that compute it takes long to get it back.
        """
        if moment < self._look_at:
            return True
        self._look_at = moment + SECOND
        return self.path.exists()

    def is_full(self, moment: int) -> bool:
        """Whether another segment should follow."""
        settings = self._state.settings
        if moment >= self._weigh_at:
            self._weigh_at = moment + SECOND
            self._size = folder.size(self.path) - self._first_size
        return (
            self._segment.rows.total() >= settings.journal_segment_rows
            or moment - self._opened >= settings.journal_segment_seconds * SECOND
            or self._size >= settings.journal_segment_bytes
        )

    def give_way(self, moment: int) -> None:
        """Seal the segment, since a newer one follows, which now says what is open."""
        with self._segment.transaction():
            self._open_work.clear(self._segment)
            self._beat(moment, sealed=self._state.anchor.to_wall(moment))
        self._segment.seal()

    def say_goodbye(self, moment: int) -> None:
        """Seal the segment, since the process ends; what is still open stays on record as such."""
        wall = self._state.anchor.to_wall(moment)
        with self._segment.transaction():
            self._open_work.write(self._segment, moment, always=True)
            self._write_names(self._segment)
            self._beat(moment, sealed=wall, ended=wall)
        self._segment.seal()

    def close(self) -> None:
        """Let go of the file as it is."""
        self._segment.close()

    def _mark(self, moment: int) -> None:
        """Note each second how long the long tables are: what is in them by now has ended by now."""
        if moment - self._marked >= SECOND:
            self._marked = moment
            rows = self._segment.rows
            reached = (self._state.anchor.to_wall(moment), *(rows[table] for table in LONG_TABLES))
            self._segment.append("marks", [reached], 1)

    def _write_names(self, segment: Segment) -> None:
        for table, rows in (
            ("places", self._rows.new_places),
            ("resources", self._rows.new_resources),
        ):
            if rows:
                segment.append(table, rows, len(rows))
                rows.clear()

    def _beat(self, moment: int, *, sealed: int = 0, ended: int = 0) -> None:
        wall = self._state.anchor.to_wall(moment)
        self._beaten, self._told_dropped = moment, self._dropped()
        self._segment.beat(wall, self._drift(wall), self._told_dropped, self._open_work.since, sealed, ended)

    @staticmethod
    def _drift(wall: int) -> int:
        return time.time_ns() - wall

    def _dropped(self) -> int:
        return sum(self._state.dropped.values())
