"""One segment as its writer sees it: made complete under a passing name, appended to, sealed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from loopscope_exporters.journal import layout
from loopscope_exporters.journal.folder import NEW, remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from loopscope_exporters.journal.rows import Row

# A drain is one statement: each gives the GIL away several times and waits for it, for milliseconds beside a
# busy loop. So the rows go as JSON into a view, whose trigger puts them into their tables.
_MOST_ROWS = 5_000  # in one statement, so that a large batch is never in memory twice
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
        self._forget()
        unfinished = path.with_name(path.name + NEW)
        try:
            self._make(unfinished, fill)
            unfinished.rename(path)
        except BaseException:
            remove(unfinished)
            raise
        self._db = _connect(path)
        self._db.executescript(_drain(self._width))

    def _make(self, unfinished: Path, fill: Callable[[Segment], None]) -> None:
        """The log's name follows the file's: it may be in use only under the final one."""
        self._db = _connect(unfinished)
        try:
            self._db.executescript(layout.schema())
            self._width: dict[str, int] = dict(self._db.execute(layout.query("widths")))
            self._db.executescript(_drain(self._width))
            with self.transaction():
                fill(self)
            self._db.execute("PRAGMA journal_mode = WAL")
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<Segment {self.path.name}: {self.rows.total()} rows>"

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._flush()
        except BaseException:
            self._forget()
            with contextlib.suppress(sqlite3.Error):  # the first error says more
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def append(self, table: str, rows: Iterable[Row], count: int) -> None:
        """Insert `count` rows, at the end of the transaction at the latest."""
        self.rows[table] += count
        if self._waiting + count > _MOST_ROWS:
            self._flush()
        source = iter(rows)
        while part := list(islice(source, _MOST_ROWS)):
            self._rows.setdefault(table, []).extend(part)
            self._waiting += len(part)
            if self._waiting >= _MOST_ROWS:
                self._flush()

    def rewrite(self, table: str, rows: Sequence[Row]) -> None:
        """Replace all rows of a table of open work; once a transaction."""
        self._rows[table] = list(rows)

    def _flush(self) -> None:
        if self._rows:
            values = [_as_json(self._rows[table]) if table in self._rows else None for table in self._width]
            self._db.execute(f"INSERT INTO drain VALUES ({','.join('?' * len(values))})", values)  # noqa: S608
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[str, list[Row]] = {}
        self._waiting = 0

    def beat(self, **values: int) -> None:
        """Update the process row; see ``beat.sql``."""
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


def _connect(path: Path) -> _Connection:
    """A connection for the pump thread; stopping may come from the main thread, after the pump has ended."""
    connection = sqlite3.connect(
        path,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )
    try:
        connection.execute("PRAGMA synchronous = OFF")  # a SIGKILL loses nothing; a power cut may
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    except sqlite3.Error:
        connection.close()
        raise
    _open_connections.add(connection)
    return connection


def _drain(width: dict[str, int]) -> str:
    """The view that takes a drain, a column of JSON for each table, and its trigger; the file has neither."""
    steps = "".join(_take(table, columns) for table, columns in width.items())
    columns = ",".join(f"NULL AS {table}" for table in width)
    return (
        f"CREATE TEMP VIEW drain AS SELECT {columns};"
        f"CREATE TEMP TRIGGER take_drain INSTEAD OF INSERT ON drain BEGIN {steps} END;"
    )


def _take(table: str, columns: int) -> str:
    """Names out of our own schema, no values."""
    values = ",".join(f"json_extract(value,'$[{column}]')" for column in range(columns))
    insert = f"INSERT INTO {table} SELECT {values} FROM json_each(NEW.{table});"  # noqa: S608
    if table.startswith("open_"):
        return f"DELETE FROM {table} WHERE NEW.{table} IS NOT NULL;{insert}"  # noqa: S608
    return insert


def _as_json(rows: Sequence[Row]) -> str:
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    if text.isascii() and "\\u0000" not in text:
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, in a file's name or a job's key
        pass
    else:
        if "\\u0000" not in text:  # SQLite's JSON ends there
            return text
    return json.dumps([[_encodable(value) for value in row] for row in rows], separators=(",", ":"))


def _encodable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
