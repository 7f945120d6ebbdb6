"""Waits and holds: who waits for what, since when, and who holds it meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from loopscope.records import CANCELLED, OK

BRIEF = 0.02


def waits_of(batch, kind):
    return [w for w in batch.waits if w.kind == kind]


def test_a_semaphore_knows_its_waiters_and_its_holders(seen):
    """The wait names the resource by its variable, the user's line, and who held the permits."""

    async def worker(slots):
        async with slots:
            await asyncio.sleep(BRIEF)

    async def main():
        slots = asyncio.Semaphore(2)
        await asyncio.gather(*(worker(slots) for _ in range(3)))

    batch = seen.run(main())
    (wait,) = waits_of(batch, "semaphore")
    first, second, third = (t for t in batch.tasks if t.coroutine.endswith("worker"))
    assert wait.resource.name == "slots"
    assert wait.resource.capacity == 2
    assert wait.site.function.endswith("worker")
    assert set(wait.held_by) <= {first.id, second.id, third.id}
    assert len(wait.held_by) == 2
    assert wait.ended - wait.started >= BRIEF * 0.9e9
    assert [h.task.coroutine for h in batch.holds] == [first.coroutine] * 3
    assert wait.resource.in_use == wait.resource.waiting == 0


def test_a_lock_held_now_shows_its_holder(seen):
    """Open holds and waits stand in the snapshot."""

    async def holder(lock, held):
        async with lock:
            held.set()
            await asyncio.sleep(60)

    async def main():
        lock, held = asyncio.Lock(), asyncio.Event()
        tasks = [asyncio.create_task(holder(lock, held))]
        await held.wait()
        tasks.append(asyncio.create_task(lock.acquire(), name="victim"))
        await asyncio.sleep(0.01)
        snapshot = seen.handle.snapshot()
        (wait,) = [w for w in snapshot.waits if w.kind == "lock"]
        assert wait.task.ref().get_name() == "victim"
        (hold,) = snapshot.holds
        assert hold.task.coroutine.endswith("holder")
        assert wait.held_by == (hold.task.id,)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    batch = seen.run(main())
    assert waits_of(batch, "lock")[0].outcome == CANCELLED


@pytest.mark.parametrize(
    ("kind", "make", "wait", "wake"),
    [
        ("event", asyncio.Event, lambda e: e.wait(), lambda e: e.set()),
        ("queue", asyncio.Queue, lambda q: q.get(), lambda q: q.put_nowait(1)),
        ("barrier", lambda: asyncio.Barrier(2), lambda b: b.wait(), lambda b: asyncio.create_task(b.wait())),
    ],
)
def test_each_primitive_that_suspends_is_a_wait(seen, kind, make, wait, wake):
    """Of its kind, with its outcome, for as long as it took."""

    async def main():
        primitive = make()
        waiting = asyncio.create_task(wait(primitive))
        await asyncio.sleep(BRIEF)
        woken = wake(primitive)
        await waiting
        del woken

    batch = seen.run(main())
    found = waits_of(batch, kind)[0]
    assert found.outcome == OK
    assert found.ended - found.started >= BRIEF * 0.9e9


# Eager tasks came with Python 3.12; before it, the only factory makes tasks as ever.
FACTORIES = [None, asyncio.eager_task_factory] if hasattr(asyncio, "eager_task_factory") else [None]


@pytest.mark.parametrize("factory", FACTORIES)
def test_what_an_eager_task_waits_for_is_its_own(seen, factory):
    """Its first step runs inside its creator's, and is not mistaken for it."""

    async def child(event):
        await event.wait()

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        event, lock = asyncio.Event(), asyncio.Lock()
        await lock.acquire()
        task = asyncio.create_task(child(event))
        loop.call_later(BRIEF, event.set)
        loop.call_later(2 * BRIEF, lock.release)
        await lock.acquire()
        await task
        assert not seen.handle.snapshot().waits
        await asyncio.create_task(asyncio.sleep(0))

    batch = seen.run(main())
    assert [w.task for w in waits_of(batch, "event")] == [seen.task("child")]
    assert [w.task for w in waits_of(batch, "lock")] == [seen.task("main")]
    assert seen.task("child").parent == seen.task("main").id
    assert seen.task("child").site.function.endswith("main")


def test_a_condition_is_a_wait_of_its_own_and_gives_its_lock_away(seen):
    """While a task waits for the condition it holds no lock."""

    async def waiter(condition):
        async with condition:
            await condition.wait()

    async def main():
        condition = asyncio.Condition()
        task = asyncio.create_task(waiter(condition))
        await asyncio.sleep(BRIEF)
        assert seen.handle.snapshot().holds == ()
        async with condition:
            condition.notify()
        await task

    batch = seen.run(main())
    assert len(waits_of(batch, "condition")) == 1


def test_what_does_not_suspend_is_no_wait(seen):
    """Free permits, set events and filled queues leave only holds, and brief ones leave nothing."""

    async def main():
        slots, event, queue = asyncio.Semaphore(1), asyncio.Event(), asyncio.Queue()
        event.set()
        queue.put_nowait(1)
        async with slots:
            await event.wait()
            await queue.get()
        queue.task_done()
        await queue.join()

    batch = seen.run(main())
    assert batch.waits == []
    assert batch.holds == []


def test_waits_too_short_for_a_record_are_counted(seen):
    """The totals have them, so that rates stay true."""

    async def worker(slots):
        async with slots:
            await asyncio.sleep(0)

    async def main():
        slots = asyncio.Semaphore(1)
        await asyncio.gather(*(worker(slots) for _ in range(4)))
        await asyncio.sleep(0.25)

    batch = seen.run(main())
    recorded = len(waits_of(batch, "semaphore"))
    assert seen.state.wait_durations["semaphore", "slots"].count == 3
    assert recorded <= 3


def test_a_resource_is_forgotten_with_what_it_is_about(seen):
    """Also one that came and went between two drains; its short waits are in the totals all the same."""

    async def main():
        for _ in range(50):
            event = asyncio.Event()
            waiting = asyncio.create_task(event.wait())
            await asyncio.sleep(0)
            event.set()
            await waiting
        del event, waiting
        await asyncio.sleep(0.25)
        assert not [r for r in seen.state.resources.values() if r.kind == "event"]

    seen.run(main())
    counted = sum(h.count for (kind, _), h in seen.state.wait_durations.items() if kind == "event")
    assert counted == 50


def test_other_suspensions_are_told_by_their_await_chain(seen):
    """No hook: the frames of the suspended coroutine say what it waits for and on which line."""

    async def helper():
        await asyncio.sleep(BRIEF)

    async def main():
        await helper()
        await asyncio.gather(asyncio.sleep(BRIEF), asyncio.sleep(BRIEF))
        await asyncio.wait_for(asyncio.create_task(helper()), 5)
        server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            writer.close()

    seen.run(main())
    main_waits = [w for w in seen.batch.waits if w.task is seen.task("main")]
    kinds = [w.kind for w in main_waits]
    assert kinds[0] == "sleep"
    assert main_waits[0].site.function.endswith("helper")
    assert "gather" in kinds
    assert "task" in kinds or "sleep" in kinds[2:]  # wait_for awaits in place from 3.12 on


def test_an_open_suspension_is_visible_after_200_ms(seen):
    """A task that never ends is seen while it hangs, with its line."""

    async def hangs():
        await asyncio.get_running_loop().create_future()

    async def main():
        task = asyncio.create_task(hangs())
        deadline = time.monotonic() + 5
        while not (waits := [w for w in seen.handle.snapshot().waits if w.task.coroutine.endswith("hangs")]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert waits[0].kind == "future"
        assert waits[0].site.function.endswith("hangs")
        task.cancel()

    seen.run(main())
    assert seen.task("hangs").outcome == CANCELLED


def test_primitives_that_are_older_than_loopscope_work(observe):
    """They have no creation site, and lose no permit."""

    async def main():
        slots = asyncio.Semaphore(1)
        await slots.acquire()
        seen = observe()
        waiting = asyncio.create_task(slots.acquire())
        await asyncio.sleep(BRIEF)
        slots.release()
        assert await waiting
        slots.release()
        assert not slots.locked()
        return seen

    seen = asyncio.run(main())
    (wait,) = waits_of(seen.finish(), "semaphore")
    assert wait.held_by == ()


def test_a_queue_takes_its_item_by_keyword(seen):
    """The hook has the arguments of what it replaces."""

    async def main():
        queue = asyncio.Queue()
        await queue.put(item=7)
        assert await queue.get() == 7

    seen.run(main())


def test_a_queue_of_another_make_says_itself_when_it_is_empty(seen):
    """A subclass may keep its messages elsewhere."""

    class Mailbox(asyncio.Queue):
        def _init(self, _):
            self.letters = []

        def _put(self, item):
            self.letters.append(item)

        def _get(self):
            return self.letters.pop()

        def qsize(self):
            return len(self.letters)

        def empty(self):
            return not self.letters

    async def main():
        mailbox = Mailbox()
        await mailbox.put(1)
        assert await mailbox.get() == 1

    seen.run(main())
