"""Tickets: what travels with a work item into the process that runs it, and whose work that process does.

A ticket is a plain tuple of numbers and texts, so that it can be unpickled where loopscope is not installed.
In the child the item, its executor and its job get records with the parent's ids: what the work spawns there
belongs to the parent's job, and both segments of the journal speak of the same item.
"""

from __future__ import annotations

import multiprocessing.process
import os
import threading
from typing import Any

from loopscope import places
from loopscope.clock import now
from loopscope.context import hosted, job_var, worker
from loopscope.mailbox import BEGUN, ENDED, Address, Post, mailbox
from loopscope.records import EXECUTOR, NOWHERE, PROCESSES, Job, Place, Resource, WorkItem

Ticket = tuple[Any, ...]
JobTicket = tuple[int, str, str, str, bool]


def job_ticket(job: Job | None) -> JobTicket | None:
    return (job.id, job.name, job.key, job.kind, job.thin) if job is not None else None


def ticket_of(item: WorkItem) -> Ticket:
    """For the parent: what the child has to know of the item, and where to write to."""
    executor = item.executor
    return (
        (item.id, item.task, item.function, tuple(places.resolve(item.site)), item.submitted, item.depth),
        (executor.id, tuple(places.resolve(executor.site)), executor.capacity, executor.name),
        job_ticket(item.job),
        tuple(mailbox.open()),
    )


def adopt_job(ticket: JobTicket | None) -> Job | None:
    """A record that stands for a job which another process has open."""
    if ticket is None:
        return None
    id_, name, key, kind, thin = ticket
    return Job(id_, name, key, kind, 0, 0, NOWHERE, now(), thin=thin)


class Desk:
    """A pool worker's place in its process: takes items, says when they begin and end."""

    def __init__(self) -> None:
        self._item: WorkItem | None = None
        self._executor: Resource | None = None
        self._post: Post | None = None
        self._where: Address | None = None
        self._name = f"{multiprocessing.process.current_process().name} (pid {os.getpid()})"

    def __repr__(self) -> str:
        return f"<Desk of {self._name}: {self._item.function if self._item else 'idle'}>"

    def begin(self, ticket: Ticket) -> None:
        global desk
        desk = self
        (id_, task, function, site, submitted, depth), executor, job, address = ticket
        item = WorkItem(
            id_,
            task,
            adopt_job(job),
            self._pool(executor),
            function,
            Place(*site),
            submitted,
            depth,
            now(),
            worker=self._name,
            process=os.getpid(),
            thread=threading.get_ident(),
        )
        self._item = hosted[id_] = worker.item = item
        job_var.set(item.job)
        self._write_to(Address(*address)).send([BEGUN, id_, item.started, os.getpid(), self._name])

    def end(self, moment: int, outcome: str, exception: str) -> None:
        item, self._item = self._item, None
        if item is None or self._post is None:
            return
        hosted.pop(item.id, None)
        worker.item = None
        job_var.set(None)
        self._post.send([ENDED, item.id, moment, outcome, exception])

    def flush(self) -> None:
        if self._post is not None:
            self._post.flush()

    def _pool(self, facts: tuple[Any, ...]) -> Resource:
        id_, site, capacity, name = facts
        if self._executor is None or (self._executor.id, self._executor.name) != (id_, name):
            self._executor = Resource(id_, EXECUTOR, Place(*site), capacity, name, workers=PROCESSES)
        return self._executor

    def _write_to(self, address: Address) -> Post:
        if self._post is None or self._where != address:
            self._post, self._where = Post(address), address
        return self._post


desk: Desk | None = None  # of this process, when it is a pool's worker
