"""The processes of pools: which have died, of what, and at which work.

`concurrent.futures` calls the whole pool broken then, and does not say which item it was.
`multiprocessing.Pool` puts in another worker and says nothing at all.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loopscope import private
from loopscope.fault_kinds import WORKER_DIED
from loopscope.recorder import recorder
from loopscope.records import NOWHERE, Fault

if TYPE_CHECKING:
    from collections.abc import Collection

    from loopscope.records import Place, RawPlace, Resource, WorkItem

BROKEN = "BrokenProcessPool"  # what the futures of a pool say of which a worker died
TOLD = -signal.SIGTERM  # a pool that is terminated, or broken, ends its workers so


@dataclass(slots=True)
class _Worker:
    handle: Any  # multiprocessing's of the process, which knows how it ended
    name: str
    executor: Resource | None
    site: Place | RawPlace
    doubted: bool = False  # it ended in order; a letter of its last item may be on its way


_alive: dict[int, _Worker] = {}  # by pid


def started(process: Any, executor: Resource | None, site: Place | RawPlace) -> None:
    """A pool's process was started, on a line of the user's or by a thread of the pool for one that ended."""
    _alive[process.pid] = _Worker(private.handle_of(process), process.name, executor, site)


def look(moment: int, items: Collection[WorkItem]) -> None:
    """Record the workers that died since the last look, at work on one of the items or not; for the pump."""
    for pid, worker in _alive.copy().items():
        status = private.exit_status(worker.handle)
        if status is None:
            continue
        item = next((item for item in items if item.process == pid), None)
        certain = item is None or status or item.exception == BROKEN
        if not certain and not worker.doubted:
            worker.doubted = True
            continue
        del _alive[pid]
        if item is None and worker.executor is None and worker.site == NOWHERE:
            continue  # a pool's own thread goes on replacing those that cannot begin
        if status != TOLD and (status or item is not None):
            _record(worker, status, item, moment)


def _record(worker: _Worker, status: int, item: WorkItem | None, moment: int) -> None:
    how = f"was killed by {_name(-status)}" if status < 0 else f"exited with status {status}"
    what = f" in the middle of {item.function}" if item is not None else " before it took any work"
    executor = item.executor if item is not None else worker.executor
    recorder.keep(
        recorder.ended_faults,
        Fault(
            recorder.new_id(),
            WORKER_DIED,
            moment,
            worker.name,
            executor.site if executor is not None else worker.site,
            item.site if item is not None else NOWHERE,
            job=item.job if item is not None else None,
            resource=executor,
            detail=how + what,
            ended=moment,
        ),
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def forget() -> None:
    """In a forked child: those processes are the parent's."""
    _alive.clear()
