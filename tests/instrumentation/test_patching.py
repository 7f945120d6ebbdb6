"""Installing and removing hooks: idempotent twins that respect what others patched."""

from __future__ import annotations

import asyncio
import concurrent.futures
import subprocess
import sys
import textwrap
from asyncio import events

import pytest

import loopscope
from loopscope.context import open_tasks
from loopscope.hooks.patching import Patches

PATCHED = [
    (asyncio.BaseEventLoop, "create_task"),
    (events.Handle, "_run"),
    (events, "_set_running_loop"),
    (asyncio.Semaphore, "acquire"),
    (asyncio.Lock, "release"),
    (asyncio.Queue, "get"),
    (concurrent.futures.ThreadPoolExecutor, "submit"),
]


def test_uninstrument_restores_what_instrument_replaced(observe):
    """Every name, to the very object; doing either twice changes nothing."""
    before = [getattr(owner, name) for owner, name in PATCHED]
    handle = observe().handle
    during = [getattr(owner, name) for owner, name in PATCHED]
    assert all(a is not b for a, b in zip(before, during, strict=True))
    assert loopscope.instrument() is handle
    assert [getattr(owner, name) for owner, name in PATCHED] == during
    loopscope.uninstrument()
    loopscope.uninstrument()
    assert [getattr(owner, name) for owner, name in PATCHED] == before


def test_a_patch_made_over_ours_stays(observe, monkeypatch):
    """We restore only what is still ours."""
    observe()
    theirs = object()
    monkeypatch.setattr(asyncio.Lock, "acquire", theirs)
    loopscope.uninstrument()
    assert asyncio.Lock.acquire is theirs


def test_a_hook_that_somebody_wrapped_keeps_nothing_after_uninstrument(observe, monkeypatch):
    """It cannot be taken out any more, and must not grow."""
    observe()
    ours = asyncio.BaseEventLoop.create_task

    def theirs(*args, **options):
        return ours(*args, **options)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_task", theirs)
    loopscope.uninstrument()

    async def main():
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(50)))

    asyncio.run(main())
    assert open_tasks == {}


def test_uninstrument_with_work_in_flight(observe):
    """Tasks that wait under a hook go on when the hooks are gone."""

    async def main():
        seen = observe()
        lock = asyncio.Lock()
        await lock.acquire()
        waiting = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0)
        seen.finish()
        lock.release()
        assert await waiting
        lock.release()
        return await asyncio.to_thread(int, "7")

    assert asyncio.run(main()) == 7


def test_what_is_older_than_the_second_instrument_is_observed_again(observe):
    """Its record of the first time is not used on: nobody knows that one any more."""
    slots, pool = asyncio.Semaphore(1), concurrent.futures.ThreadPoolExecutor(1)

    async def main():
        async with slots:
            await asyncio.get_running_loop().run_in_executor(pool, int, "7")

    for _ in range(2):
        seen = observe()
        seen.run(main())
        assert {r.kind for r in seen.state.resources.values()} == {"semaphore", "executor"}
    pool.shutdown()


def test_a_selector_keeps_what_the_program_put_on_it(observe):
    """Ours goes over it, and off again."""

    async def main():
        selector = asyncio.get_running_loop()._selector
        select = selector.select
        selector.select = theirs = lambda timeout=None: select(timeout)
        observe()
        assert selector.select is not theirs
        await asyncio.sleep(0.01)
        loopscope.uninstrument()
        assert selector.select is theirs

    asyncio.run(main())


def test_a_missing_name_is_passed_over():
    """Another Python may not have it."""
    patches = Patches()
    patches.replace(asyncio, "no_such_name", lambda original: original)
    assert not hasattr(asyncio, "no_such_name")
    assert repr(patches) == "<Patches: >"


def test_hooks_that_raise_do_not_change_the_program(observe, monkeypatch):
    """The fault is counted and logged once; the program's result is its own."""
    seen = observe()

    def broken(*_):
        raise OSError("a bug of ours")

    monkeypatch.setattr("loopscope.places.note_caller", broken)

    async def main():
        lock = asyncio.Lock()
        async with lock:
            return await asyncio.gather(asyncio.to_thread(len, "abc"), asyncio.sleep(0, 4))

    assert asyncio.run(main()) == [3, 4]
    assert seen.state.faults["create_task"] > 1
    assert seen.state.faults["acquire"] == 1
    assert seen.state.faults["submit"] == 1


def test_asking_whether_a_library_is_there_does_not_use_up_its_hook():
    """`find_spec` without an import is how many programs look for an optional library."""
    program = """
        import importlib.util, loopscope
        loopscope.instrument(journal="off", metrics_port=-1)
        assert importlib.util.find_spec("starlette.background")
        from starlette.background import BackgroundTask
        assert hasattr(BackgroundTask.__call__, "__loopscope_original__")
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True, timeout=60)


def test_a_library_that_is_blocked_or_half_imported_is_passed_over(observe, monkeypatch):
    """None in `sys.modules` forbids an import; instrument() does not fail for it."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    seen = observe()
    assert seen.state.faults.pop("import of uvloop") == 1


@pytest.mark.parametrize("order", ["before", "after"])
def test_libraries_are_hooked_whenever_they_are_imported(order):
    """Before or after instrument(), in an interpreter of its own."""
    program = f"""
        import loopscope
        if {order == "before"}: import starlette.applications, starlette.background
        loopscope.instrument(journal="off", metrics_port=-1)
        import starlette.applications, starlette.background
        from starlette.background import BackgroundTask
        assert hasattr(BackgroundTask.__call__, "__loopscope_original__")
        assert hasattr(starlette.applications.Starlette.__call__, "__loopscope_original__")
        loopscope.uninstrument()
        assert not hasattr(BackgroundTask.__call__, "__loopscope_original__")
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True, timeout=60)


@pytest.mark.parametrize("fails", [False, True])
def test_a_library_that_is_just_being_imported_is_hooked_at_the_end_of_its_import(fails, tmp_path):
    """It may import what instruments the process: `loopscope run` waits for the first import of asyncio."""
    library = tmp_path / "uvloop.py"
    library.write_text(
        textwrap.dedent(
            f"""
            import loopscope
            loopscope.instrument(journal="off", metrics_port=-1)
            if {fails}: raise ImportError("theirs")
            class Loop:
                def create_task(self): pass
                def run_forever(self): pass
            """
        )
    )
    program = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        try:
            import uvloop
        except ImportError as error:
            assert {fails} and str(error) == "theirs"
        else:
            assert hasattr(uvloop.Loop.create_task, "__loopscope_original__")
            assert type(uvloop.__spec__).__name__ == "ModuleSpec"
            assert uvloop.__spec__._initializing is False
        import loopscope.runtime
        assert not loopscope.runtime.current().state.faults
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True, timeout=60)
