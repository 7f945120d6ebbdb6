"""What has ended is none of the cyclic collector's business, and is freed without it."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from collections import deque
from time import sleep

import pytest

import loopscope
from loopscope.diagnosis.history import History
from loopscope.diagnosis.tally import Tallies, WaitKey
from loopscope.hooks import compiled, web
from loopscope.jobs import JobContext
from loopscope.recorder import recorder
from loopscope.records import EVENT, NOWHERE, SEMAPHORE, Task, Wait
from loopscope.untracked import untrack, untrack_code

pytestmark = pytest.mark.skipif(not compiled.there, reason="it takes a compiler")


class Mortal:
    """Something whose end can be seen."""


async def work():
    gate = asyncio.Semaphore(1)

    async def part():
        async with gate:
            await asyncio.sleep(0.002)

    with loopscope.job("work"):
        await asyncio.gather(part(), part(), asyncio.to_thread(sleep, 0.02))


def test_records_that_ended_are_not_looked_at(observe):
    batch = observe(hold_threshold=0.0).run(work())
    ended = [batch.tasks, batch.waits, batch.holds, batch.items]
    assert all(ended)
    assert not any(gc.is_tracked(record) for records in ended for record in records)


def test_a_job_stays_in_sight(seen):
    """A program holds it, and may write into it what leads back to it."""
    with loopscope.job("work") as job:
        pass
    seen.finish()
    assert gc.is_tracked(job)


def test_a_request_does_not(seen):
    """Its job is given to nobody."""
    batch = seen.run(web.serving(answering)(None, {"type": "http", "method": "GET"}, None, None))
    assert [gc.is_tracked(job) for job in batch.jobs] == [False]


async def answering(*_):
    """An application that says nothing."""


def test_a_resource_goes_with_its_owner(seen):
    """What remains of it is a name."""
    event = asyncio.Event()
    record = recorder.resource(EVENT, event, NOWHERE)
    assert gc.is_tracked(record)
    del event
    assert not gc.is_tracked(record)
    assert record.ref() is None
    assert record.id not in recorder.resources
    seen.finish()


def test_what_is_remembered_is_not_looked_at_either():
    """Deques of thousands of records: the collector would touch each of them."""
    kept = [part for part in vars(History()).values() if isinstance(part, deque)]
    assert len(kept) > 10
    assert not any(map(gc.is_tracked, kept))


def test_our_code_is_not_looked_at():
    """It stays for as long as the process; asked twice, nothing more is done."""
    untrack_code()
    parts = [vars(loopscope), JobContext, vars(JobContext)["__slots__"], JobContext.__enter__]
    parts += [Task, vars(Task)["wait"], Task.__init__, Task.__dataclass_fields__["wait"]]
    assert not any(map(gc.is_tracked, parts))
    before = [sys.getrefcount(part) for part in parts]
    untrack_code()
    assert [sys.getrefcount(part) for part in parts] == before


LEAVING = """
import asyncio, sysconfig, loopscope
loopscope.instrument(journal="off", metrics_port=-1, spans="off").exporter("wait for the start")
ours = asyncio.Semaphore.release
def release(gate):
    return ours(gate)
asyncio.Semaphore.release = release  # wrapped by somebody, it is left in place
async def main():
    gate = asyncio.Semaphore(1)
    await asyncio.gather(gate.acquire(), asyncio.sleep(0))
    return gate
class Late:
    def __del__(self, gate=asyncio.run(main())):
        print("released", gate.release())
sysconfig.late = Late()
"""


def test_hooks_work_to_the_very_end():
    """Modules that were kept alive would be emptied before the last objects have gone."""
    command = [sys.executable, "-c", LEAVING]
    left = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (left.stdout, left.stderr) == ("released None\n", "")


def test_what_a_program_makes_of_it_is_collected():
    """A class of its own, with an object that refers to itself."""
    untrack_code()

    class Own(JobContext):
        pass

    own, gone = Own("part"), []
    own.itself = own
    weakref.finalize(Own, gone.append, "class")
    weakref.finalize(own, gone.append, "object")
    del own, Own
    gc.collect()
    assert sorted(gone) == ["class", "object"]


def test_a_task_that_its_wait_leads_back_to_stays_in_sight(seen):
    """One that was destroyed while it waited: only the collector can take such a pair apart."""
    lost, done = (Task(number, None, 0, "part", NOWHERE, 1, lambda: None) for number in (1, 2))
    lost.wait = Wait(lost, SEMAPHORE, None, NOWHERE, 1)
    recorder.ended_tasks.extend((lost, done))
    batch = seen.finish()
    assert [gc.is_tracked(task) for task in batch.tasks] == [True, False]


def test_tallies_and_their_keys_neither():
    tallies = Tallies()
    key = WaitKey("semaphore", NOWHERE, 1)
    tallies.add([(key, (1, 2, 1, 0, False)), ("by name", (1, 2, 1, 0, False))])
    assert not gc.is_tracked(key)
    assert not any(gc.is_tracked(tally) for tally in tallies.values())


def test_weak_references_and_things_of_c_stay_in_sight():
    thing, several = Mortal(), [[]]
    reference = weakref.KeyedRef(thing, print, 1)
    untrack(reference, several, 7, "seven", None)
    assert gc.is_tracked(reference)
    assert gc.is_tracked(several)
    untrack(thing)
    assert not gc.is_tracked(thing)
    del thing
    assert reference() is None
