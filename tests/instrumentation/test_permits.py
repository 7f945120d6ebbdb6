"""Permits of thin tasks: taken, waited for and given back as asyncio does it, by either kind of hook."""

from __future__ import annotations

import asyncio

import pytest

import loopscope
from loopscope.hooks import compiled, holding
from loopscope.recorder import recorder


def look(primitive):
    """What asyncio keeps of it."""
    return {name: kept for name, kept in vars(primitive).items() if "loopscope" not in name}


async def permits(make):
    """One permit of two taken, both, given back; a third task that has to wait."""
    gate, seen = make(), []

    async def work():
        seen.append((await gate.acquire(), look(gate)["_value"]))
        async with gate:
            seen.append(look(gate)["_value"])
            third = asyncio.create_task(gate.acquire())
            await asyncio.sleep(0)
            seen.append((gate.locked(), third.done()))
        gate.release()
        seen.append((await third, gate.locked(), look(gate)["_value"]))
        gate.release()
        seen.append(look(gate)["_value"])

    await asyncio.create_task(work())
    return seen


@pytest.mark.parametrize("kind", [asyncio.Semaphore, asyncio.BoundedSemaphore])
def test_permits_are_what_they_are(under_load, kind):
    """Taken at once or after a wait, in the order of asyncio."""
    seen = asyncio.run(permits(lambda: kind(2)))
    assert seen == [(True, 1), 0, (True, False), (True, False, 1), 2]


def test_compiled_code_takes_them(observe):
    """For thin tasks, and asyncio's own `acquire` is not asked."""
    seen = observe(detail_rate=1, detail_burst=0, detail_over=60.0, drain_interval=60.0)
    take, _ = compiled.permits(seen.handle.settings)
    gate, lock = asyncio.Semaphore(1), asyncio.Lock()

    async def work():
        took = [take(gate), take(lock)]
        return took, gate.locked(), lock.locked(), take(gate) is True

    async def main():
        recorder.detail.left = -1000.0
        return await asyncio.create_task(work())

    assert asyncio.run(main()) == ([True, True], True, True, False)


def test_a_lock_is_what_it_is(under_load):
    """Taken once; giving back what nobody has is an error, and so is one permit too many."""

    async def work():
        lock, bounded = asyncio.Lock(), asyncio.BoundedSemaphore(1)
        async with lock, bounded:
            taken = lock.locked(), bounded.locked()
        for free in (lock, bounded):
            with pytest.raises((RuntimeError, ValueError), match=r"not acquired|too many times"):
                free.release()
        return taken, lock.locked(), bounded.locked()

    async def main():
        return await asyncio.create_task(work())

    assert asyncio.run(main()) == ((True, True), False, False)


def test_a_permit_is_taken_when_acquire_is_awaited(under_load):
    """Not when it is called: whoever drops the coroutine has none."""

    async def work():
        gate = asyncio.Semaphore(1)
        gate.acquire().close()
        return look(gate)["_value"]

    async def main():
        return await asyncio.create_task(work())

    assert asyncio.run(main()) == 1


class Barred(asyncio.Semaphore):
    """A class of the program's, which says of itself when it is locked."""

    open = False

    def locked(self):
        return not self.open


def test_a_class_of_the_programs_own_decides_for_itself(under_load):
    """A free value is not enough for it."""

    async def work():
        gate = Barred(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.acquire(), 0.01)
        return look(gate)["_value"]

    async def main():
        return await asyncio.create_task(work())

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("name", ["acquire", "release"])
def test_what_somebody_put_before_us_is_called(observe, monkeypatch, name):
    """Another tool's wrapper of a method is not passed over."""
    original, called = getattr(asyncio.Semaphore, name), []

    def counting(self):
        called.append(self)
        return original(self)

    monkeypatch.setattr(asyncio.Semaphore, name, counting)
    observe(detail_rate=1, detail_burst=0, detail_over=60.0, drain_interval=60.0)
    recorder.detail.left = -1000.0

    async def work():
        async with asyncio.Semaphore(1):
            pass

    async def main():
        await asyncio.create_task(work())

    asyncio.run(main())
    assert len(called) == 1
    loopscope.uninstrument()  # before the wrapper goes


def test_methods_that_somebody_put_in_asyncios_place_are_asked(under_load, monkeypatch):
    """On one semaphore, or on the class, after loopscope came."""
    woken = []

    def wake_up(self):
        woken.append(self)

    async def work():
        gate = asyncio.Semaphore(1)
        gate.locked = lambda: True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.acquire(), 0.01)
        other = asyncio.Semaphore(1)
        monkeypatch.setattr(asyncio.Semaphore, "_wake_up_next", wake_up)
        async with other:
            pass

    async def main():
        await asyncio.create_task(work())

    asyncio.run(main())
    assert len(woken) == 1


class Interrupting(asyncio.Semaphore):
    """Whoever asks it for what it does not have is interrupted."""

    def __getattr__(self, name):
        raise KeyboardInterrupt(name)


def test_an_interrupt_while_a_permit_is_noted_is_not_lost(under_load):
    """It is no error of ours."""

    async def work():
        await Interrupting(1).acquire()

    async def main():
        await asyncio.create_task(work())

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


def test_a_permit_that_is_being_given_back_is_no_hold(under_load):
    """The pump looks at who holds it while its next holder is being woken."""
    gates = []

    class Loop(asyncio.SelectorEventLoop):
        def call_soon(self, callback, *args, context=None):
            if gates and gates[0]._waiters:
                under_load.handle.snapshot()
            return super().call_soon(callback, *args, context=context)

    async def take(gate):
        async with gate:
            await asyncio.sleep(0)

    async def main():
        gate = asyncio.Semaphore(1)
        gates.append(gate)
        await asyncio.gather(*(asyncio.create_task(take(gate)) for _ in range(3)))
        return holding.resource_of(gate, "semaphore")

    with asyncio.Runner(loop_factory=Loop) as runner:
        resource = runner.run(main())
    assert (resource.holders, resource.in_use) == ({}, 0)
