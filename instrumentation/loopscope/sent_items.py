"""Work items that other processes run: brought up to date by letters, closed when all is known; for the pump.

An item of `concurrent.futures` whose future is done waits for its child's letter a moment, and goes without
the child's times when none comes. `multiprocessing.Pool` puts another worker in the place of one that died
and never tells who waits for its result: its items are looked after one by one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope import tickets, workers
from loopscope.clock import SECOND, now
from loopscope.mailbox import BEGUN, mailbox
from loopscope.recorder import recorder
from loopscope.records import CANCELLED, LOST, OK

if TYPE_CHECKING:
    import weakref

    from loopscope.records import WorkItem

PATIENCE = SECOND // 5  # how long an ended item waits for its child's letter

done: dict[int, WorkItem] = {}  # their futures are done, and no letter has come yet; by id


class Sent(NamedTuple):
    """An item of a `multiprocessing.Pool`; its result is missing in the pool's cache, under a number."""

    item: WorkItem
    pool: weakref.ref[Any]
    number: int

    def verdict(self) -> str:
        """What became of it by all that this process can see; empty while it may still run."""
        pool = self.pool()
        if pool is None or self.number not in pool._cache:
            return OK
        return LOST if self.item.process and not _is_alive(self.item.process) else ""


sent: dict[int, Sent] = {}  # by id
_doubted: set[int] = set()  # over at the last look, though no letter had come: it may be on its way


def look(moment: int, *, last: bool) -> None:
    """Bring everything up to date; after the `last` look nothing is waited for."""
    _read_letters()
    workers.look(moment, (*list(recorder.items.values()), *done.values()))
    for item in [*done.values()]:
        if last or item.outcome == CANCELLED or moment - item.ended > PATIENCE:
            _close(item, item.ended)
    _look_after_sent()
    if tickets.desk is not None:
        tickets.desk.flush()


def _read_letters() -> None:
    for kind, id_, at, *said in mailbox.read():
        item = recorder.items.get(id_) or done.get(id_)
        if item is None:
            continue
        if kind == BEGUN:
            item.started, (item.process, item.worker) = at, said
            continue
        item.outcome, item.exception = said
        item.started = item.started or item.submitted
        _close(item, at)


def _close(item: WorkItem, at: int) -> None:
    recorder.items.pop(item.id, None)
    done.pop(item.id, None)
    item.ended = at
    item.future = None
    recorder.keep(recorder.ended_items, item)


def _look_after_sent() -> None:
    for id_, one in sent.copy().items():
        verdict = "" if one.item.ended else one.verdict()
        if verdict and id_ not in _doubted:
            _doubted.add(id_)
        elif verdict or one.item.ended:
            del sent[id_]
            _doubted.discard(id_)
            if verdict:
                one.item.outcome = verdict
                _close(one.item, now())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def forget() -> None:
    """In a forked child: those items, their processes and the pipe are the parent's."""
    done.clear()
    sent.clear()
    _doubted.clear()
    workers.forget()
    mailbox.forget()
