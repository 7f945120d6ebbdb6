"""The aftermath: what only time tells of tasks that failed or were cancelled, and of an end that is late.

Everything here runs on the pump. Looking wakes nobody: references are weak, and what a task says of itself is
only read.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from loopscope import awaits, faults, handlers, places, private, sampling
from loopscope.clock import SECOND
from loopscope.fault_kinds import (
    AT_EXIT,
    CAUGHT,
    CAUGHT_AGAIN,
    COLLECTED,
    END_OF_EXECUTOR,
    END_OF_THREADS,
    OUTLIVED,
    SHUTDOWN,
    SWALLOWED,
)
from loopscope.recorder import recorder
from loopscope.records import NOWHERE, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.records import Batch, Fault, Task
    from loopscope.state import LiveState

LAST_WORD = SECOND // 4  # by then a task that is gone has complained, if it does at all
LOOK_AFTER = SECOND  # an exception may wait so long before it counts as overlooked
PATIENCE = SECOND  # and a cancelled task go on so long before it counts as deaf
STANDS_AFTER = SECOND // 2  # an end that takes so long is asked what it waits for


class Aftermath:
    """What one process's pump remembers from look to look."""

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._asked: dict[int, int] = {}  # tasks that were told to stop, by id: since when that is known
        self._deaf: dict[int, Fault] = {}

    def __repr__(self) -> str:
        return f"<Aftermath: {len(self._asked)} tasks told to stop, {len(self._deaf)} of them deaf>"

    def look(self, batch: Batch, moment: int) -> None:
        """Each drain."""
        self._note_last_waits(batch)
        _note_silent_ends(moment)
        _look_at_failures(moment)
        _look_at_shutdown(moment)
        self._look_at_ended_jobs(batch)
        self._note_late_ends(batch)

    def look_at_cancelled(self, moment: int) -> None:
        """Tasks that were told to stop and go on; one that only puts things in order is not deaf."""
        asked = set()
        for record in list(self._state.tasks.values()):
            task = record.ref()
            if task is None or not private.times_cancelled(task):
                continue
            asked.add(record.id)
            since = self._asked.setdefault(record.id, moment)
            if record.id not in self._deaf and moment - since >= PATIENCE:
                fault = _if_deaf(record, task, since)
                if fault is not None:
                    self._deaf[record.id] = fault
            del task
        for key in self._asked.keys() - asked:
            del self._asked[key]
            if key in self._deaf:
                faults.end(self._deaf.pop(key))

    def _note_last_waits(self, batch: Batch) -> None:
        """The garbage collector closes a coroutine before its task complains; where it stood we have seen."""
        for fault in batch.faults:
            if fault.kind == COLLECTED and fault.place is NOWHERE and fault.task is not None:
                seen = [*self._state.waits.values(), *batch.waits]
                fault.place = next((wait.site for wait in seen if wait.task is fault.task), NOWHERE)

    def _note_late_ends(self, batch: Batch) -> None:
        """Who has ended is deaf no more. This may be the last look there is."""
        for task in batch.tasks:
            fault = self._deaf.pop(task.id, None)
            if fault is not None and recorder.open_faults.pop(fault.id, None) is not None:
                fault.ended = task.ended
                batch.faults.append(fault)

    def _look_at_ended_jobs(self, batch: Batch) -> None:
        """Tasks that go on after their job is over."""
        ended = {job.id for job in batch.jobs}
        for task in list(self._state.tasks.values()) if ended else ():
            if task.job is not None and task.job.id in ended:
                fault = faults.note(
                    OUTLIVED, task.coroutine, task.site, task.job.site, task=task, by=task.parent
                )
                fault.at = fault.ended = task.job.ended


def _note_silent_ends(moment: int) -> None:
    """Tasks that `gather` made are collected without a word, when nobody keeps what it returned."""
    for key, (record, place) in recorder.collected.copy().items():
        if moment - record.ended > LAST_WORD and recorder.collected.pop(key, None) is not None:
            faults.note(COLLECTED, record.coroutine, record.site, place, task=record, by=0)


def _look_at_failures(moment: int) -> None:
    """Exceptions that somebody has retrieved are no fault, those that nobody did for a while are."""
    for key, failed in recorder.failed.copy().items():
        task = failed.ref()
        if task is not None and private.is_unretrieved(task):
            if failed.fault is None and moment - failed.task.ended > LOOK_AFTER:
                failed.fault = failed.note(faults.begin)
        elif recorder.failed.pop(key, None) is failed and failed.fault is not None:
            faults.withdraw(failed.fault)
        del task


def _if_deaf(record: Task, task: Any, since: int) -> Fault | None:
    if any(map(private.times_cancelled, private.awaited_by(task))):
        return None  # the cancellation was passed on, and it is the other one that does not stop
    stands = tuple(places.resolve(raw) for raw in reversed(awaits.walk(task.get_coro())))
    found = handlers.what_swallows(stands)
    if not stands or not (found is None or isinstance(found, Place)):
        return None
    fault = faults.begin(
        SWALLOWED,
        record.coroutine,
        record.site,
        found or places.culprit(stands),
        task=record,
        detail=(CAUGHT if private.times_cancelled(task) == 1 else CAUGHT_AGAIN) if found else "",
        by=0,
    )
    fault.at = since
    return fault


def _look_at_shutdown(moment: int) -> None:
    """Name what stands in the way of an end that takes long: the thread that is waited for, and its line."""
    for fault in list(recorder.open_faults.values()):
        if fault.kind == SHUTDOWN and fault.subject in WAITS_FOR and moment - fault.at > STANDS_AFTER:
            name, place = _busy_thread(WAITS_FOR[fault.subject])
            if name:
                fault.detail, fault.site = name, place


def _busy_thread(is_waited_for: Callable[[threading.Thread], bool]) -> tuple[str, Place]:
    """A thread that keeps the process alive, and what it does in the program's own code."""
    frames = sampling.other_frames()
    for thread in filter(is_waited_for, threading.enumerate()):
        place = places.culprit(tuple(places.stack(frames.get(thread.ident or 0))))
        if place.line and places.origin(place.file) != places.STANDARD:
            return thread.name, place
    return "", NOWHERE


def _is_main(thread: threading.Thread) -> bool:
    return thread is threading.main_thread()


def _keeps_process(thread: threading.Thread) -> bool:
    return not thread.daemon and not _is_main(thread)


WAITS_FOR = {END_OF_EXECUTOR: _keeps_process, END_OF_THREADS: _keeps_process, AT_EXIT: _is_main}
