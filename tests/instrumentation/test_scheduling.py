"""What a program gives its loop to run: `call_soon` and `create_task` are asyncio's own to it."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import types

import pytest

from loopscope.hooks import compiled
from loopscope.recorder import recorder


async def nothing():
    """A task that ends at once."""


@pytest.mark.parametrize("mode", ["on", "off"])
def test_compiled_no_function_in_python_is_called(observe, mode):
    """Else what stands before asyncio's own methods would be there for nothing."""
    seen = observe(compiled=mode, detail_rate=1, detail_burst=0, drain_interval=60.0)
    recorder.detail.left = -1000.0
    loop, called = asyncio.new_event_loop(), []
    coroutine = nothing()
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        loop.call_soon(loop.stop)
        task = loop.create_task(coroutine)
    finally:
        sys.setprofile(None)
    assert ("call_soon" not in called and "create_task" not in called) == (mode == "on" and compiled.there)
    assert ("__init__" not in called) == (mode == "on" and compiled.there)
    loop.run_until_complete(task)
    loop.close()
    seen.finish()


def spy_on(loop, name, seen):
    original = getattr(loop, name)

    def spy(*args):
        seen.append(name)
        return original(*args)

    setattr(loop, name, spy)


@pytest.mark.parametrize("name", ["_check_closed", "_call_soon", "get_debug"])
def test_what_somebody_put_on_a_loop_is_asked_by_call_soon(under_load, name):
    seen, loop = [], asyncio.new_event_loop()
    spy_on(loop, name, seen)
    handle = loop.call_soon(loop.stop)
    assert seen == [name]
    assert (handle._callback, handle._args, handle._source_traceback) == (loop.stop, (), None)
    loop.run_forever()
    loop.close()
    under_load.finish()


@pytest.mark.parametrize("name", ["_check_closed", "_call_soon", "get_debug"])
def test_what_somebody_puts_on_a_loop_that_runs_is_asked(under_load, monkeypatch, name):
    """On its class at once, on itself from its next iteration on."""
    seen = []

    class Loop(asyncio.SelectorEventLoop):
        pass

    async def main():
        loop = asyncio.get_running_loop()
        own = getattr(loop, name)

        def spy(*args):
            seen.append(name)
            return own(*args)

        loop.call_soon(str)
        with monkeypatch.context() as patch:
            patch.setattr(Loop, name, staticmethod(spy), raising=False)
            loop.call_soon(str)
            assert seen == [name]
        loop.call_soon(str)
        assert seen == [name]
        setattr(loop, name, spy)
        await asyncio.sleep(0)
        seen.clear()
        loop.call_soon(str)
        assert seen == [name]

    loop = Loop()
    loop.run_until_complete(main())
    loop.close()
    under_load.finish()


def test_what_somebody_put_on_handles_is_called(under_load, monkeypatch):
    made, original = [], asyncio.Handle.__init__

    def init(self, *args):
        made.append(args[0])
        original(self, *args)

    loop = asyncio.new_event_loop()
    loop.call_soon(print)
    monkeypatch.setattr(asyncio.Handle, "__init__", init)
    loop.call_soon(loop.stop)
    monkeypatch.undo()
    loop.call_soon(str)
    assert made == [loop.stop]
    loop.run_forever()
    loop.close()
    under_load.finish()


def test_call_soon_is_asyncios_own_to_its_caller(under_load):
    """Arguments, context, debugging, and what it says to a wrong call."""
    loop, own = asyncio.new_event_loop(), contextvars.copy_context()
    handle = loop.call_soon(print, 1, 2, context=own)
    assert (handle._args, handle._context, handle._loop) == ((1, 2), own, loop)
    assert (handle._repr, handle.cancelled()) == (None, False)
    assert loop.call_soon(print, context=None)._context is not own
    assert list(loop.call_soon(print)._context) == list(own)
    with pytest.raises(TypeError, match="callback"):
        loop.call_soon()
    with pytest.raises(TypeError, match="other"):
        loop.call_soon(print, other=1)
    loop.set_debug(True)
    last = loop.call_soon(print)._source_traceback[-1]
    assert last.name == "test_call_soon_is_asyncios_own_to_its_caller"
    with pytest.raises(TypeError, match="a callable object was expected"):
        loop.call_soon(1)
    loop.close()
    loop.set_debug(False)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon(print)
    under_load.finish()


class Wrapper:
    """Somebody's wrapper of a method, which says that it is the method, as those of agents do."""

    def __init__(self, wrapped):
        self.wrapped, self.calls = wrapped, 0

    def __getattr__(self, name):
        return getattr(self.wrapped, name)

    def __get__(self, instance, owner):
        return types.MethodType(self, instance) if instance is not None else self

    def __call__(self, *args, **options):
        self.calls += 1
        return self.wrapped(*args, **options)


@pytest.mark.parametrize("name", ["call_soon", "_call_soon", "create_task", "get_debug", "_check_closed"])
def test_what_stood_there_before_us_is_called(observe, monkeypatch, name):
    wrapper = Wrapper(getattr(asyncio.BaseEventLoop, name))
    monkeypatch.setattr(asyncio.BaseEventLoop, name, wrapper)
    seen = observe(detail_rate=1, detail_burst=0, drain_interval=60.0)
    recorder.detail.left = -1000.0
    loop = asyncio.new_event_loop()
    before = wrapper.calls
    loop.call_soon(str)
    task = loop.create_task(nothing())
    assert wrapper.calls > before
    loop.run_until_complete(task)
    loop.close()
    seen.finish()


class Ours(asyncio.Task):
    """A program's own kind of task, put in the place of asyncio's."""


def test_create_task_is_asyncios_own_to_its_caller(under_load, monkeypatch):
    """Names, classes, debugging, and what it says to a wrong call; each task is counted."""
    loop = asyncio.new_event_loop()
    named, unnamed = loop.create_task(nothing(), name="first"), loop.create_task(nothing(), name=None)
    assert named.get_name() == "first"
    assert unnamed.get_name().startswith("Task-")
    with pytest.raises(TypeError, match="a coroutine was expected") as complaint:
        others = [loop.create_task(7)]
    assert [entry.name for entry in complaint.traceback][1:] == ["create_task"]
    monkeypatch.setattr(asyncio.tasks, "Task", Ours)
    others = [loop.create_task(nothing())]
    monkeypatch.undo()
    loop.set_debug(True)
    others.append(loop.create_task(nothing()))
    loop.set_debug(False)
    assert [type(task) for task in others] == [Ours, asyncio.Task]
    assert others[1]._source_traceback[-1].name == "test_create_task_is_asyncios_own_to_its_caller"
    loop.run_until_complete(asyncio.wait([named, unnamed, *others]))
    loop.close()
    refused = nothing()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        others.append(loop.create_task(refused))
    refused.close()
    under_load.finish()
    assert under_load.state.tasks_finished["ok"] == 5
