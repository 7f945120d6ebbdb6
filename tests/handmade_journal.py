"""A journal written by hand: real segments, with the times and places a test wants."""

import itertools
import os
import socket
import sqlite3
import time
from pathlib import Path

from loopscope_exporters.journal import layout
from loopscope_exporters.journal.liveness import boot_ticks

SECOND = 1_000_000_000
DEAD_PID = 2**22 + 1  # above the kernel's highest pid
FILE = "/srv/podcast/engine.py"
ids = itertools.count((7 << 32) + 1)


def either(table, end):
    """Finished work and open work stand in twin tables."""
    return table if end is not None else f"open_{table}"


def said(outcome, end):
    return outcome if end is not None else ""


class Segment:
    """One segment, filled row by row. Times are seconds after ``origin``; None is "still open"."""

    def __init__(self, folder, service="podcast-engine", *, pid=None, began=-120.0, beat=0.0, ended=None):
        self.origin = time.time_ns()
        self.pid = pid or os.getpid()
        self.process = next(ids)
        self.path = Path(folder) / f"{service}-{self.pid}-{self.process}-0.db"
        self._db = sqlite3.connect(self.path, isolation_level=None)
        self._db.executescript(layout.schema())
        self._places = {}
        self.beat = self.wall(beat)
        self.insert(
            "process", schema=layout.SCHEMA_VERSION, id=self.process, service=service,
            host=socket.gethostname(), pid=self.pid, started=self.wall(began), python="3.11.2",
            version="0.1.0", boot_ticks=boot_ticks(self.pid), opened=self.wall(began),
            heartbeat=self.beat, ended=self.wall(ended), stuck_after=30 * SECOND,
        )  # fmt: skip

    def wall(self, seconds):
        return 0 if seconds is None else self.origin + round(seconds * SECOND)

    def insert(self, table, **values):
        """A row; columns that are not given are 0 or empty, which is "none" everywhere."""
        columns = self._db.execute(f"PRAGMA table_info({table})").fetchall()
        row = [values.pop(name, "" if kind == "TEXT" else 0) for _, name, kind, *_ in columns]
        assert not values, f"{table} has no columns {list(values)}"
        self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def place(self, line, function="speak", file=FILE):
        if line is None:
            return 0
        if (file, line) not in self._places:
            self._places[file, line] = identity = len(self._places) + 1
            self.insert("places", id=identity, file=file, line=line, function=function)
        return self._places[file, line]

    def resource(self, kind, name, capacity=0, line=10):
        place = self.place(line, "start")
        self.insert("resources", id=(made := next(ids)), kind=kind, name=name, capacity=capacity, place=place)
        return made

    def job(self, name, key, root, start, end=None, *, outcome="ok", exception=""):
        self.current = next(ids)
        self.insert(
            either("jobs", end), id=self.current, name=name, key=key, kind="job", root_task=root,
            place=self.place(20, "handle"), started=self.wall(start), ended=self.wall(end),
            outcome=said(outcome, end), exception=exception, progress=self.wall(end) or self.beat, thinned=0,
        )  # fmt: skip
        return self.current

    def task(self, name, start, end=None, *, own=None, parent=0, coroutine="speak", line=42, first=0.001,
             running=0.004, outcome="ok", exception="", raised=None, last=None,
             cancelled=(0, None)):  # fmt: skip
        identity = own or next(ids)
        self.insert(
            either("tasks", end), id=identity, job=self.current, parent=parent, name=name,
            coroutine=coroutine, place=self.place(line, coroutine), created=self.wall(start),
            first_run=self.wall(None if first is None else start + first), ended=self.wall(end),
            last_ran=self.wall(last) or self.wall(end) or self.beat, running=round(running * SECOND), steps=7,
            outcome=said(outcome, end), exception=exception, raised_at=self.place(raised, coroutine),
            cancelled_by=cancelled[0], cancelled_at=self.place(cancelled[1], "stop"),
        )  # fmt: skip
        return identity

    def wait(self, task, kind, start, end=None, *, resource=0, detail="", line=50, held_by=()):
        self.insert(
            either("waits", end), task=task, job=self.current, kind=kind, resource=resource,
            place=self.place(line), detail=detail, started=self.wall(start), ended=self.wall(end),
            outcome=said("ok", end), held_by=" ".join(map(str, held_by)),
        )  # fmt: skip

    def hold(self, task, resource, start, end=None, line=51):
        self.insert(
            either("holds", end), id=next(ids), task=task, job=self.current, resource=resource,
            place=self.place(line), acquired=self.wall(start), released=self.wall(end),
        )  # fmt: skip

    def item(self, task, executor, submitted, started=None, end=None, *, depth=0):
        self.insert(
            either("items", end), id=(identity := next(ids)), task=task, job=self.current,
            executor=executor, function="encode", place=self.place(61, "encode"),
            submitted=self.wall(submitted), started=self.wall(started), ended=self.wall(end),
            outcome=said("ok", end), worker="" if started is None else "encoder-1", depth=depth,
        )  # fmt: skip
        return identity

    def slice(self, task, start, end):
        self.insert("slices", task=task, job=self.current, started=self.wall(start), ended=self.wall(end))

    def block(self, task, start, end=None):
        stack = [f"{FILE}:20 in handle", f"{FILE}:77 in upload", f"{FILE}:80 in _send"]
        self.insert(
            either("blocks", end), id=(identity := next(ids)), thread="MainThread", task=task,
            job=self.current, started=self.wall(start), ended=self.wall(end), cause="blocking_call",
            cpu=2_000_000, file=FILE, line=80, function="_send", call="time.sleep(3)",
            stack="\n".join(stack),
        )  # fmt: skip
        return identity

    def sample(self, at, cpu, memory, lag):
        self.insert(
            "samples", at=self.wall(at), cpu=round(cpu * SECOND), memory=memory, threads=9, files=31,
            own_cpu=10_000_000, lag=round(lag * SECOND),
        )  # fmt: skip

    def beat_at(self, seconds):
        """The process is alive and has drained again."""
        self._db.execute("UPDATE process SET heartbeat = ?", [self.wall(seconds)])

    def close(self):
        self._db.close()


def speak_chunks(segment, root, start, length, *, chunks=12, permits=3, until=None):
    """A chunk a task behind a semaphore: wait, HTTP, encode in a pool. Stops short at ``until``."""
    speech = segment.resource("semaphore", "speech", permits, line=12)
    pool = segment.resource("executor", "encoder", 2, line=14)
    late = until if until is not None else start + length * 1e6
    holders = []
    cut = lambda moment: moment if moment < late else None  # noqa: E731
    for number in range(chunks):
        turn = start + 0.05 + length * (number // permits)
        end = turn + length * (0.8 + 0.05 * (number % permits))
        task = segment.task(f"chunk-{number + 1}", start + 0.01 + number / 1000, cut(end), parent=root)
        if number >= permits:
            held_by = holders[number - permits : number]
            segment.wait(
                task, "semaphore", start + 0.02, cut(turn), resource=speech, line=51, held_by=held_by
            )
        holders.append(task)
        if turn >= late:
            continue
        segment.hold(task, speech, turn, cut(end))
        segment.wait(task, "http", turn + 0.01, cut(turn + length * 0.55), detail="127.0.0.1:8080", line=53)
        if turn + length * 0.56 < late:
            submitted, begun = turn + length * 0.56, turn + length * (0.58 + 0.06 * (number % permits))
            segment.item(task, pool, submitted, cut(begun), cut(end - 0.01), depth=number % permits)
            segment.wait(task, "executor", submitted, cut(end - 0.01), resource=pool, line=61)


def samples(segment, start, end, lags=()):
    cpu, at, step = 1.0, start, 0
    while at <= end:
        busy = 0.2 + 0.15 * (step % 4)
        cpu += busy
        lag = next((length for moment, length in lags if moment <= at < moment + 1), 0.002)
        segment.sample(at, cpu, 60_000_000 + 2_500_000 * (step % 9), lag)
        at, step = at + 1, step + 1


def finished(segment, start=-60.0, key="ep-1041", chunks=12):
    """A job that ended: chunks behind a semaphore, a blocked loop, an error in one task."""
    root = next(ids)
    job = segment.job("podcast", key, root, start, start + 9.4)
    segment.task("", start - 0.2, start + 9.6, own=root, coroutine="produce", line=20, running=0.4)
    segment.wait(root, "gather", start + 0.05, start + 8.3, detail="asyncio.gather", line=31)
    speak_chunks(segment, root, start, 1.9, chunks=chunks)
    cover = segment.task("cover", start + 0.03, start + 6.1, parent=root, coroutine="draw_cover", line=33)
    segment.wait(cover, "io", start + 0.1, start + 1.0, detail="connect", line=71)
    segment.slice(cover, start + 1.4, start + 1.9)
    segment.block(cover, start + 3.0, start + 6.0)
    segment.task(
        "notes", start + 0.04, start + 2.4, parent=cover, coroutine="write_notes", line=72,
        outcome="error", exception="ValueError", raised=88,
    )  # fmt: skip
    samples(segment, start - 1, start + 10, [(start + 6, 3.0)])
    return job


def cut_short(segment, start=-6.0, key="ep-1042", until=0.0):
    """A job whose process stopped recording at ``until`` with most of its tasks open."""
    root = next(ids)
    job = segment.job("podcast", key, root, start)
    segment.task("", start, None, own=root, coroutine="produce", line=20)
    segment.wait(root, "gather", start + 0.05, None, detail="asyncio.gather", line=31)
    speak_chunks(segment, root, start, 4.0, chunks=8, until=until)
    samples(segment, start - 1, until)
    return job


def deadlocked(segment):
    """A job whose three parents hold the permits that each of them wants a second time."""
    permits, root = segment.resource("semaphore", "tts", 3), next(ids)
    job = segment.job("podcast", "9f3c", root, -20)
    segment.task("", -20, None, own=root, coroutine="produce", line=20)
    for number in range(3):
        task = segment.task(f"chunk-{number}", -19, None, parent=root, line=31)
        segment.hold(task, permits, -19, None)
        segment.wait(task, "semaphore", -18, resource=permits, line=145)
    segment.wait(root, "gather", -19, line=31)
    return job
