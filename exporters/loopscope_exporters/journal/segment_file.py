"""One segment as a reader sees it: open only while it is read, since a lingering reader grows the WAL."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from loopscope_exporters.journal import layout
from loopscope_exporters.journal.model import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 2.0  # seconds to wait for a writer that seals the segment


class SegmentGone(Exception):
    """The segment was removed by retention since the folder was listed."""


class Head(NamedTuple):
    """The segment's process row."""

    id: int
    service: str
    host: str
    pid: int
    parent_pid: int
    started: int
    python: str
    version: str
    boot_ticks: int
    segment: int
    opened: int
    heartbeat: int
    drift: int
    sealed: int
    ended: int
    dropped: int
    stuck_after: int


class Reading:
    """A consistent view of one segment: every query sees the same moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, query: str, **values: str | int) -> list[sqlite3.Row]:
        """All rows of ``queries/<query>.sql``."""
        return self._connection.execute(layout.query(query), values).fetchall()

    def tail(self, since: int) -> dict[str, int]:
        """From which rows on the long tables hold what ended at `since` or later; see ``tail.sql``."""
        return dict(self.rows("tail", since=since)[0])


class SegmentFile:
    """A readable segment. Raises JournalError for a file that is none, SegmentGone for one that vanished."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: int | None = None
        with self.reading() as reading:
            self._version = reading.rows("version")[0][0]
            if self._version > layout.SCHEMA_VERSION:
                raise JournalError(
                    f"{path} was written by a newer loopscope: its layout has version {self._version}, "
                    f"this one understands up to {layout.SCHEMA_VERSION}; upgrade loopscope to read it"
                )
            if self._version < layout.SCHEMA_VERSION:
                raise JournalError(
                    f"{path} was written by an older loopscope: its layout has version {self._version}, "
                    f"this one reads {layout.SCHEMA_VERSION}; read it with that loopscope, or delete it"
                )
            self.head = Head._make(reading.rows("process")[0])

    def __repr__(self) -> str:
        return f"<SegmentFile {self.path.name}>"

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Open the segment, read, close. Never immutable, never writing: its process may still write."""
        address = f"{self.path.absolute().as_uri()}?mode=ro"
        try:
            with closing(
                sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            ) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("BEGIN")
                yield Reading(connection)
        except (sqlite3.Error, IndexError) as problem:
            if not self.path.exists():
                raise SegmentGone from None
            raise JournalError(self._sentence(problem)) from problem

    def _sentence(self, problem: Exception) -> str:
        text = str(problem)
        lacking = isinstance(problem, IndexError) or "no such table" in text or "no such column" in text
        if lacking and self._version is not None:
            return (
                f"{self.path} says that its layout has version {self._version}, but lacks what belongs to it "
                f"({text}): a pre-release of loopscope wrote it; delete it or move it away"
            )
        if lacking or "not a database" in text:
            return (
                f"{self.path} is not a journal segment ({text}); give a folder that loopscope writes to, "
                "or one of the .db files in it"
            )
        if "malformed" in text or "corrupt" in text:
            return f"{self.path} is damaged ({text}); delete it or move it away"
        return f"{self.path} cannot be read ({text}); check its permissions and that its disk works"
