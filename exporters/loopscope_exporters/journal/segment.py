"""One segment as its writer sees it: made complete under a passing name, appended to, sealed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from loopscope_exporters.journal import layout
from loopscope_exporters.journal.folder import NEW, remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from loopscope_exporters.journal.rows import Row

# Many rows in one statement, in a few sizes so that SQLite's statements are found again in the cache. Each
# gives the GIL away half a dozen times and waits for it, for milliseconds beside a busy loop: hence never
# `executemany`, which does it for each row, and few rows are filled up to the next size with empty ones.
_MOST = 1 << 10
_FEW = 1 << 6
_STATEMENTS = 256  # two dozen tables in eleven sizes, many of which never occur
_PATIENCE = 1.0  # seconds; readers make us wait only while one of them recovers the log
_LOG_BYTES = 16_000_000  # a log that a slow reader made longer is cut back to this


class _Connection(sqlite3.Connection):
    """Closed by whoever opened it, and never by a forked child, which may not touch what it inherits."""

    def __del__(self) -> None:
        """Silent where CPython would close and warn: only a child's copy is ever left unclosed."""


_open_connections: set[_Connection] = set()  # standing here they outlive what else a child throws away


class Segment:
    """Appends rows to a segment file; `rows` counts them by table. Raises sqlite3.Error and OSError."""

    def __init__(self, path: Path, fill: Callable[[Segment], None]) -> None:
        """Make the segment. `fill` writes what it begins with, before anybody can see it."""
        self.path = path
        self.rows: Counter[str] = Counter()
        unfinished = path.with_name(path.name + NEW)
        try:
            self._make(unfinished, fill)
            unfinished.rename(path)
        except BaseException:
            remove(unfinished)
            raise
        self._db = _connect(path)

    def _make(self, unfinished: Path, fill: Callable[[Segment], None]) -> None:
        """The log's name follows the file's: it may be in use only under the final one."""
        self._db = _connect(unfinished)
        try:
            self._db.executescript(layout.schema())
            self._width: dict[str, int] = dict(self._db.execute(layout.query("widths")))
            with self.transaction():
                fill(self)
            self._db.execute("PRAGMA journal_mode = WAL")
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<Segment {self.path.name}: {self.rows.total()} rows>"

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """It begins with the first change; `sqlite3` begins and commits in one go without the GIL."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # the first error says more
                self._db.rollback()
            raise
        self._db.commit()

    def append(self, table: str, rows: Iterable[Row], count: int) -> None:
        """Insert `count` rows, which come one by one so that a large batch is never in memory twice."""
        self.rows[table] += count
        self._insert(table, rows, count)

    def rewrite(self, table: str, rows: Sequence[Row]) -> None:
        """Replace all rows of a table of open work."""
        self._db.execute(f"DELETE FROM {table}")  # noqa: S608  a name out of our own schema
        self._insert(table, rows, len(rows))

    def _insert(self, table: str, rows: Iterable[Row], count: int) -> None:
        source, width = iter(rows), self._width[table]
        while count:
            size = _size(count)
            values = list(chain.from_iterable(islice(source, size)))
            values += [None] * width * max(0, size - count)
            self._execute(_statement(table, width, size), values)
            count -= min(count, size)

    def beat(self, *values: int) -> None:
        """Update the process row: the six values of ``beat.sql``."""
        self._db.execute(layout.query("beat"), values)

    def seal(self) -> None:
        """Fold the log into the file, so that one file is all there is, and close.

        A reader that is just looking prevents the folding; the segment is as good with its log beside it.
        """
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA journal_mode = DELETE")
        self.close()

    def close(self) -> None:
        _open_connections.discard(self._db)
        self._db.close()

    def _execute(self, statement: str, values: list[Any]) -> None:
        try:
            self._db.execute(statement, values)
        except UnicodeEncodeError:  # half of a surrogate pair, in a file's name or a job's key
            self._db.execute(statement, [_encodable(value) for value in values])


def _connect(path: Path) -> _Connection:
    """A connection for the pump thread; stopping may come from the main thread, after the pump has ended."""
    connection = sqlite3.connect(
        path,
        timeout=_PATIENCE,
        isolation_level="IMMEDIATE",
        check_same_thread=False,
        factory=_Connection,
        cached_statements=_STATEMENTS,
    )
    try:
        connection.execute("PRAGMA synchronous = OFF")  # a SIGKILL loses nothing; a power cut may
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    except sqlite3.Error:
        connection.close()
        raise
    _open_connections.add(connection)
    return connection


def _size(count: int) -> int:
    """Rows of the statement for so many: few are filled up to the next size, of many some are left over."""
    return 1 << (count - 1).bit_length() if count < _FEW else min(_MOST, 1 << count.bit_length() - 1)


@cache
def _statement(table: str, width: int, size: int) -> str:
    """No row of any table has nothing in its first column."""
    rows = ",".join([f"({','.join('?' * width)})"] * size)
    if size == 1:
        return f"INSERT INTO {table} VALUES {rows}"  # noqa: S608  a name out of our own schema
    return f"INSERT INTO {table} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL"  # noqa: S608  likewise


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
