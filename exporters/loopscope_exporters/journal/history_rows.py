"""The rows of one job in one segment: places and resources resolved, open work ended as far as is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from loopscope.records import LOST, NOWHERE, Place
from loopscope_exporters.journal.model import (
    BlockInfo,
    FaultInfo,
    HoldInfo,
    ItemInfo,
    ResourceInfo,
    SampleInfo,
    SliceInfo,
    TaskInfo,
    WaitInfo,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from loopscope_exporters.journal.listing import JobRow
    from loopscope_exporters.journal.model import ProcessInfo
    from loopscope_exporters.journal.segment_file import Reading
    from loopscope_exporters.journal.source import Part


class Rows(NamedTuple):
    tasks: list[TaskInfo]
    waits: list[WaitInfo]
    holds: list[HoldInfo]
    items: list[ItemInfo]
    slices: list[SliceInfo]
    blocks: list[BlockInfo]
    faults: list[FaultInfo]
    samples: list[SampleInfo]


def read_rows(part: Part, reading: Reading, job: JobRow) -> Rows:
    """Everything in the segment that belongs to the job or happened on its process meanwhile."""
    bounds = {"since": job.started, "until": job.ended}
    tail = reading.tail(job.started)
    whose = {"job": job.id, "root": job.root_task, "newest": part.newest, **bounds, **tail}
    waits = reading.rows("job_waits", **whose)
    holds = reading.rows("job_holds", **whose)
    items = reading.rows("job_items", **whose)
    faults = reading.rows("job_faults", newest=part.newest, **bounds)
    wanted = {row["resource"] for row in (*waits, *holds, *faults)} | {row["executor"] for row in items}
    names = Names(reading, wanted)
    convert = _Converter(part.process, names)
    return Rows(
        tasks=[convert.task(row) for row in reading.rows("job_tasks", **whose)],
        waits=[convert.wait(row) for row in waits],
        holds=[convert.hold(row) for row in holds],
        items=[convert.item(row) for row in items],
        slices=[SliceInfo(*row) for row in reading.rows("job_slices", **whose)],
        blocks=[convert.block(row) for row in reading.rows("job_blocks", newest=part.newest, **bounds)],
        faults=[convert.fault(row) for row in faults],
        samples=[SampleInfo(part.process.id, *row) for row in reading.rows("job_samples", **bounds)],
    )


class Names:
    """The places and resources that a segment's rows mention by id."""

    def __init__(self, reading: Reading, resources: set[int]) -> None:
        self._places = {
            id_: Place(file, line, function) for id_, file, line, function in reading.rows("places")
        }
        found = reading.rows("resources", ids=json.dumps(list(resources)))
        self._resources = {
            id_: ResourceInfo(id_, kind, name, capacity, self.place(place), workers)
            for id_, kind, name, capacity, place, workers in found
        }

    def place(self, id_: int) -> Place:
        return self._places.get(id_, NOWHERE)

    def resources(self) -> Iterable[ResourceInfo]:
        return self._resources.values()

    def resource(self, id_: int) -> ResourceInfo | None:
        return self._resources.get(id_)


class _Converter:
    """Rows of a segment to what the reader gives."""

    def __init__(self, process: ProcessInfo, names: Names) -> None:
        self._process = process
        self._names = names

    def _end(self, started: int, ended: int) -> int:
        return ended or max(started, self._process.now)

    def _outcome(self, row: sqlite3.Row) -> str:
        return LOST if row["open"] and self._process.gone else str(row["outcome"])

    def task(self, row: sqlite3.Row) -> TaskInfo:
        return TaskInfo(
            id=row["id"],
            process=self._process.id,
            job=row["job"],
            parent=row["parent"],
            name=row["name"],
            coroutine=row["coroutine"],
            place=self._names.place(row["place"]),
            created=row["created"],
            first_run=row["first_run"],
            ended=self._end(row["created"], row["ended"]),
            last_ran=row["last_ran"],
            running=row["running"],
            steps=row["steps"],
            outcome=self._outcome(row),
            exception=row["exception"],
            raised_at=self._names.place(row["raised_at"]),
            cancelled_by=row["cancelled_by"],
            cancelled_at=self._names.place(row["cancelled_at"]),
            open=bool(row["open"]),
        )

    def wait(self, row: sqlite3.Row) -> WaitInfo:
        return WaitInfo(
            task=row["task"],
            job=row["job"],
            kind=row["kind"],
            resource=self._names.resource(row["resource"]),
            place=self._names.place(row["place"]),
            detail=row["detail"],
            started=row["started"],
            ended=self._end(row["started"], row["ended"]),
            outcome=self._outcome(row),
            held_by=tuple(map(int, row["held_by"].split())),
            awaits=tuple(map(int, row["awaits"].split())),
            until=row["until"],
            open=bool(row["open"]),
        )

    def hold(self, row: sqlite3.Row) -> HoldInfo:
        return HoldInfo(
            id=row["id"],
            task=row["task"],
            job=row["job"],
            resource=self._names.resource(row["resource"]),
            place=self._names.place(row["place"]),
            acquired=row["acquired"],
            released=self._end(row["acquired"], row["released"]),
            open=bool(row["open"]),
        )

    def item(self, row: sqlite3.Row) -> ItemInfo:
        return ItemInfo(
            id=row["id"],
            task=row["task"],
            job=row["job"],
            executor=self._names.resource(row["executor"]),
            function=row["function"],
            place=self._names.place(row["place"]),
            submitted=row["submitted"],
            started=row["started"],
            ended=self._end(row["submitted"], row["ended"]),
            outcome=self._outcome(row),
            exception=row["exception"],
            worker=row["worker"],
            depth=row["depth"],
            outer=row["outer"],
            open=bool(row["open"]),
        )

    def block(self, row: sqlite3.Row) -> BlockInfo:
        return BlockInfo(
            id=row["id"],
            process=self._process.id,
            thread=row["thread"],
            task=row["task"],
            job=row["job"],
            started=row["started"],
            ended=self._end(row["started"], row["ended"]),
            cause=row["cause"],
            cpu=row["cpu"],
            culprit=Place(row["file"], row["line"], row["function"]),
            call=row["call"],
            stack=parse_stack(row["stack"]),
            open=bool(row["open"]),
        )

    def fault(self, row: sqlite3.Row) -> FaultInfo:
        return FaultInfo(
            id=row["id"],
            process=self._process.id,
            kind=row["kind"],
            at=row["at"],
            ended=self._end(row["at"], row["ended"]),
            task=row["task"],
            job=row["job"],
            resource=self._names.resource(row["resource"]),
            subject=row["subject"],
            site=self._names.place(row["site"]),
            place=self._names.place(row["place"]),
            by=row["done_by"],
            exception=row["exception"],
            detail=row["detail"],
            times=row["times"],
            open=bool(row["open"]),
        )


def parse_stack(text: str) -> tuple[Place, ...]:
    """The stack of a block, outermost first, from a frame a line."""
    return tuple(map(_frame, text.splitlines()))


def _frame(line: str) -> Place:
    """The inverse of ``str(Place)``; file names may hold spaces and colons, function names do not."""
    where, _, function = line.rpartition(" in ")
    file, _, number = where.rpartition(":")
    return Place(file, int(number) if number.isdecimal() else 0, function)
