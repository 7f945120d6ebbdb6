"""Rows of a journal back to the records they were made from, with the references between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope.diagnosis.tally import HoldKey, ItemKey, Tally, TaskKey, WaitKey
from loopscope.records import (
    NOWHERE,
    Batch,
    Block,
    Fault,
    Hold,
    Job,
    Partner,
    Place,
    Process,
    Resource,
    Slice,
    Snapshot,
    Task,
    Wait,
    WorkItem,
)
from loopscope.usage import Hotspot, Lag, LoopUse, Sample, Spin
from loopscope_exporters.journal.history_rows import parse_stack

if TYPE_CHECKING:
    import sqlite3

    from loopscope.diagnosis.history import History
    from loopscope_exporters.journal.case_rows import CaseRows, Rows
    from loopscope_exporters.journal.history_rows import Names
    from loopscope_exporters.journal.model import ProcessInfo


class Records:
    """The records of one process. `learn` every segment first, for one may mention another's tasks."""

    def __init__(self, process: ProcessInfo) -> None:
        self._process = process
        self._jobs: dict[int, Job] = {}
        self._tasks: dict[int, Task] = {}
        self._resources: dict[int, Resource] = {}

    def learn(self, rows: CaseRows) -> None:
        """Make the jobs, tasks and resources that other rows refer to."""
        self._resources.update(
            (
                info.id,
                Resource(info.id, info.kind, info.place, info.capacity, info.name, workers=info.workers),
            )
            for info in rows.names.resources()
        )
        for row in (*rows.jobs, *rows.last["jobs"], *rows.now.get("jobs", ())):
            if row["id"] not in self._jobs:
                self._jobs[row["id"]] = self._job(row, rows.names)
        for row in (*rows.tasks, *rows.last["tasks"], *rows.now.get("tasks", ())):
            if row["id"] not in self._tasks:
                self._tasks[row["id"]] = self._task(row, rows.names)

    def tally(self, rows: CaseRows, history: History) -> None:
        """Add a segment's sums."""
        place, sums = rows.names.place, rows.tallies
        for row in sums["tasks"]:
            history.tasks.of(TaskKey(row["coroutine"], place(row["place"]))).merge(_tally(row))
        for row in sums["waits"]:
            history.waits.of(WaitKey(row["kind"], place(row["place"]), row["resource"])).merge(_tally(row))
        for row in sums["holds"]:
            history.holds.of(HoldKey(row["resource"], place(row["place"]))).merge(_tally(row))
        for row in sums["items"]:
            key = ItemKey(row["executor"], row["function"], place(row["place"]))
            history.items.of(key).merge(_tally(row))
        for row in sums["jobs"]:
            history.jobs.of(row["name"]).merge(_tally(row))

    def ended(self, rows: CaseRows) -> Batch:
        """The records of a segment that ended last, oldest first."""
        names, last = rows.names, {table: found[::-1] for table, found in rows.last.items()}
        return Batch(
            now=self._process.now,
            jobs=[self._jobs[row["id"]] for row in last["jobs"]],
            tasks=[self._tasks[row["id"]] for row in last["tasks"]],
            waits=[self._wait(row, names) for row in last["waits"]],
            holds=[self._hold(row, names) for row in last["holds"]],
            items=[self._item(row, names) for row in last["items"]],
            slices=[Slice(self._of(row), row["started"], row["ended"]) for row in last["slices"]],
            blocks=[self._block(row) for row in last["blocks"]],
            faults=[self._fault(row, names) for row in last["faults"]],
            samples=[Sample(**dict(row)) for row in last["samples"]],
            lags=[Lag(**dict(row)) for row in last["lags"]],
            loop_uses=[LoopUse(**dict(row)) for row in last["loop_uses"]],
            hotspots=[self._hotspot(row, names) for row in last["hotspots"]],
            spins=[self._spin(row, names) for row in last["spins"]],
        )

    def snapshot(self, rows: CaseRows) -> Snapshot:
        """What is open; what the finished rows know as ended since is left out."""
        names = rows.names
        self._fill_resources(rows)
        tasks = {row["id"]: self._tasks[row["id"]] for row in _still_open(rows, "tasks")}
        info = self._process
        return Snapshot(
            at=info.now,
            process=Process(
                info.id,
                info.service,
                info.host,
                info.pid,
                info.parent_pid,
                info.started,
                info.python,
                info.version,
                info.ended,
            ),
            jobs=tuple(self._jobs[row["id"]] for row in _still_open(rows, "jobs")),
            tasks=tuple(tasks.values()),
            waits=tuple(self._wait(row, names) for row in rows.now.get("waits", ()) if row["task"] in tasks),
            holds=tuple(self._hold(row, names) for row in _still_open(rows, "holds")),
            items=tuple(self._item(row, names) for row in _still_open(rows, "items")),
            blocks=tuple(self._block(row) for row in _still_open(rows, "blocks")),
            resources=tuple(self._resources.values()),
            faults=tuple(self._fault(row, names) for row in _still_open(rows, "faults")),
        )

    def _fill_resources(self, rows: CaseRows) -> None:
        for row in rows.now.get("resources", ()):
            resource = self._resource(row["id"])
            resource.in_use, resource.waiting = row["in_use"], row["waiting"]
            resource.unfinished, resource.handed = row["unfinished"], row["handed"]
        for row in rows.now.get("partners", ()):
            place, caller = rows.names.place(row["place"]), rows.names.place(row["caller"])
            partner = Partner(self._of(row), row["role"], place, row["count"], row["last"], caller)
            resource = self._resource(row["resource"])
            resource.partners = {**(resource.partners or {}), (row["task"], row["role"]): partner}

    def _of(self, row: sqlite3.Row) -> Task:
        """The task a row is about; one that left no record of its own is known by its id only."""
        known = self._tasks.get(row["task"])
        if known is None:
            known = self._tasks[row["task"]] = Task(row["task"], None, 0, "", NOWHERE, 0, _gone)
        return known

    def _optional(self, row: sqlite3.Row) -> Task | None:
        return self._of(row) if row["task"] else None

    def _resource(self, id_: int) -> Resource:
        known = self._resources.get(id_)
        if known is None:
            known = self._resources[id_] = Resource(id_, "", NOWHERE)
        return known

    def _job(self, row: sqlite3.Row, names: Names) -> Job:
        return Job(
            row["id"], row["name"], row["key"], row["kind"], row["parent"], row["root_task"],
            names.place(row["place"]), row["started"], row["ended"], row["outcome"], row["exception"],
            row["progress"], thinned=row["thinned"],
        )  # fmt: skip

    def _task(self, row: sqlite3.Row, names: Names) -> Task:
        cancelled = row["cancelled_at"] or row["cancelled_by"]
        return Task(
            row["id"], self._jobs.get(row["job"]), row["parent"], row["coroutine"],
            names.place(row["place"]), row["created"], _gone, row["name"], row["first_run"],
            row["last_ran"], row["running"], row["steps"], row["ended"], row["outcome"], row["exception"],
            names.place(row["raised_at"]) if row["raised_at"] else None,
            cancelled=(row["cancelled_by"], names.place(row["cancelled_at"])) if cancelled else None,
        )  # fmt: skip

    def _wait(self, row: sqlite3.Row, names: Names) -> Wait:
        return Wait(
            self._of(row), row["kind"], self._resource(row["resource"]) if row["resource"] else None,
            names.place(row["place"]), row["started"], row["ended"], row["outcome"],
            _numbers(row["held_by"]), row["detail"], None, self._jobs.get(row["job"]),
            _numbers(row["awaits"]), row["until"], names.place(row["repeated"]),
        )  # fmt: skip

    def _hold(self, row: sqlite3.Row, names: Names) -> Hold:
        return Hold(
            row["id"], self._optional(row), self._resource(row["resource"]), names.place(row["place"]),
            row["acquired"], row["released"],
        )  # fmt: skip

    def _item(self, row: sqlite3.Row, names: Names) -> WorkItem:
        return WorkItem(
            row["id"], row["task"], self._jobs.get(row["job"]), self._resource(row["executor"]),
            row["function"], names.place(row["place"]), row["submitted"], row["depth"], row["started"],
            row["ended"], row["outcome"], row["exception"], row["worker"], outer=row["outer"],
            standing=names.place(row["standing"]), waits_for=row["waits_for"], awaits=row["awaits"],
            process=row["process"],
        )  # fmt: skip

    def _block(self, row: sqlite3.Row) -> Block:
        return Block(
            row["id"], row["thread"], self._optional(row), row["started"], row["ended"], row["cause"],
            Place(row["file"], row["line"], row["function"]), row["call"], parse_stack(row["stack"]),
            row["cpu"], self._jobs.get(row["job"]), row["waits_for"], row["holder"], row["queued"],
        )  # fmt: skip

    @staticmethod
    def _hotspot(row: sqlite3.Row, names: Names) -> Hotspot:
        return Hotspot(
            row["at"], row["span"], row["thread"], row["role"], names.place(row["place"]), row["looks"],
            row["looked"], row["cpu"], row["item"],
        )  # fmt: skip

    def _spin(self, row: sqlite3.Row, names: Names) -> Spin:
        return Spin(
            row["at"], row["span"], self._of(row), names.place(row["place"]), row["steps"], row["running"]
        )

    def _fault(self, row: sqlite3.Row, names: Names) -> Fault:
        return Fault(
            row["id"], row["kind"], row["at"], row["subject"], names.place(row["site"]),
            names.place(row["place"]), self._optional(row), self._jobs.get(row["job"]),
            self._resource(row["resource"]) if row["resource"] else None, row["done_by"], row["exception"],
            row["detail"], row["ended"], row["times"],
        )  # fmt: skip


def _gone() -> None:
    """The reference of a task in another process."""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def _tally(row: sqlite3.Row) -> Tally:
    return Tally(
        row["count"], row["failed"], row["total"], row["longest"], row["active"], row["first"], row["last"]
    )


def _still_open(rows: CaseRows, table: str) -> Rows:
    ended: set[Any] = {row["id"] for row in rows.last[table]}
    return [row for row in rows.now.get(table, ()) if row["id"] not in ended]
