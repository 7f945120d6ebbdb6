"""A recording by hand: a live state, its journal, and a clock that the test moves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from loopscope.clock import Anchor
from loopscope.records import (
    OK,
    Batch,
    Block,
    Fault,
    Hold,
    Job,
    Place,
    Process,
    Resource,
    Slice,
    Task,
    Wait,
    WorkItem,
)
from loopscope.settings import Settings
from loopscope.state import LiveState
from loopscope.usage import Sample
from loopscope_exporters.journal import Journal, JournalExporter

SECOND = 1_000_000_000
SITE = Path("/srv/podcasts/engine.py")
_processes = count(1)


class Recording:
    """Opens and ends records at `now`, which only `after` moves; `drain` hands what ended to the journal."""

    def __init__(self, folder: Path, **settings) -> None:
        self.settings = Settings.read(service="podcasts", journal=str(folder), **settings)
        self.folder = folder
        anchor = Anchor.take()
        self.now = anchor.monotonic
        process = Process(
            id=next(_processes) << 32,
            service="podcasts",
            host=socket.gethostname(),
            pid=os.getpid(),
            parent_pid=os.getppid(),
            started=time.time_ns(),
            python="CPython 3.11",
            version="0.1.0",
        )
        self.state = LiveState(process, anchor, self.settings)
        self.state.tasks = {}
        self._ids = count(process.id + 1)
        self._ended = Batch(now=0)
        self.exporter = JournalExporter(self.state, self.settings, clock=lambda: self.now)

    def start(self) -> Recording:
        self.exporter.start()
        return self

    def after(self, seconds: float) -> Recording:
        self.now += int(seconds * SECOND)
        return self

    def wall(self, moment: int) -> int:
        return self.state.anchor.to_wall(moment)

    def drain(self) -> None:
        batch, self._ended = self._ended, Batch(now=0)
        batch.now = self.now
        self.exporter.drain(batch)

    def journal(self) -> Journal:
        return Journal(self.folder)

    def place(self, line: int = 1, function: str = "speak") -> Place:
        return Place(str(SITE), line, function)

    def job(self, name: str = "episode", key: str = "", root: Task | None = None) -> Job:
        root_task = root.id if root is not None else 0
        job = Job(next(self._ids), name, key, "job", 0, root_task, self.place(10), self.now)
        job.progress = self.now
        self.state.jobs[job.id] = job
        return job

    def end_job(self, job: Job, outcome: str = OK) -> None:
        job.ended, job.outcome = self.now, outcome
        del self.state.jobs[job.id]
        self._ended.jobs.append(job)

    def task(self, job: Job | None = None, coroutine: str = "speak") -> Task:
        task = Task(next(self._ids), job, 0, coroutine, self.place(20), self.now, lambda: None, "Task-1")
        task.first_run = task.last_ran = self.now
        self.state.tasks[id(task)] = task
        return task

    def end_task(self, task: Task, outcome: str = OK, running: float = 0.0) -> None:
        task.ended = task.last_ran = self.now
        task.outcome, task.running = outcome, int(running * SECOND)
        del self.state.tasks[id(task)]
        self._ended.tasks.append(task)

    def resource(self, kind: str = "semaphore", name: str = "voices", capacity: int = 2) -> Resource:
        resource = Resource(next(self._ids), kind, self.place(30), capacity, name)
        self.state.resources[resource.id] = resource
        return resource

    def wait(self, task: Task, kind: str, resource: Resource | None = None, held_by=(), detail="") -> Wait:
        wait = Wait(
            task, kind, resource, self.place(40), self.now, held_by=held_by, detail=detail, job=task.job
        )
        task.wait = wait
        return wait

    def end_wait(self, wait: Wait, outcome: str = OK) -> None:
        wait.ended, wait.outcome = self.now, outcome
        wait.task.wait = None
        self._ended.waits.append(wait)

    def hold(self, task: Task, resource: Resource) -> Hold:
        hold = Hold(next(self._ids), task, resource, self.place(50), self.now)
        resource.holders[hold.id] = hold
        return hold

    def end_hold(self, hold: Hold) -> None:
        hold.released = self.now
        del hold.resource.holders[hold.id]
        self._ended.holds.append(hold)

    def item(self, task: Task, executor: Resource) -> WorkItem:
        item = WorkItem(next(self._ids), task.id, task.job, executor, "encode", self.place(60), self.now, 0)
        item.started, item.worker = self.now, "worker-1"
        self.state.items[item.id] = item
        return item

    def end_item(self, item: WorkItem, outcome: str = OK) -> None:
        item.ended, item.outcome = self.now, outcome
        del self.state.items[item.id]
        self._ended.items.append(item)

    def block(self, task: Task, seconds: float) -> Block:
        stack = (self.place(70, "main"), self.place(71, "Uploader.<locals>.send in vain"))
        block = Block(next(self._ids), "MainThread", task, self.now - int(seconds * SECOND))
        block.ended, block.cause, block.culprit = self.now, "blocking_call", stack[1]
        block.call, block.stack = "time.sleep(3)", stack
        self._ended.blocks.append(block)
        return block

    def open_block(self, task: Task, seconds: float) -> Block:
        block = Block(next(self._ids), "MainThread", task, self.now - int(seconds * SECOND))
        self.state.blocks[1, block.started] = block
        return block

    def fault(self, task: Task, resource: Resource | None = None, *, lasting: bool = False) -> Fault:
        fault = Fault(
            next(self._ids), "unretrieved", self.now, "speak", self.place(20), self.place(80), task, task.job
        )
        fault.resource, fault.exception = resource, "KeyError"
        if lasting:
            self.state.open_faults[fault.id] = fault
        else:
            fault.ended = self.now
            self._ended.faults.append(fault)
        return fault

    def step(self, task: Task, seconds: float) -> None:
        self._ended.slices.append(Slice(task, self.now - int(seconds * SECOND), self.now))

    def sample(self) -> Sample:
        sample = Sample(self.now, 5, 1_000_000, 3, 12, 1, 7)
        self._ended.samples.append(sample)
        return sample


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def record(folder):
    """Makes recordings into one folder, and stops them at the end."""
    recordings = []

    def make(**settings) -> Recording:
        recordings.append(Recording(folder, **settings))
        return recordings[-1].start()

    yield make
    for recording in recordings:
        recording.exporter.stop()


@pytest.fixture
def run():
    """Runs a program that makes recordings by hand, in a process of its own; gives the lines it printed."""

    def run(program: str, *arguments: object) -> list[str]:
        head = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from conftest import *\n"
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", head + program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        return done.stdout.splitlines()

    return run
