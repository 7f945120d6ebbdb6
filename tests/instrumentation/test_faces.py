"""What is replaced looks like what it replaces, to whoever asks: inspect, pydoc, pickle, a framework."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pickle

import pytest

LIBRARIES = (
    "aiohttp",
    "anyio._backends._asyncio",
    "asyncpg",
    "concurrent.futures.process",
    "fastapi.routing",
    "httpx",
    "multiprocessing.pool",
    "redis.asyncio",
    "sqlalchemy",
    "starlette.applications",
    "uvicorn.server",
    "uvloop",
)


@pytest.fixture
def replaced(observe):
    """Owner, name, original and replacement of everything that hooks have put in place."""
    for library in LIBRARIES:
        importlib.import_module(library)
    found = [
        (getattr(o, "__name__", ""), name, w.__wrapped__, w) for o, name, _, w in observe().handle.patches
    ]
    assert {"BaseEventLoop", "Lock", "Queue", "Pool", "Starlette", "AsyncHTTPTransport"} <= {
        o for o, *_ in found
    }
    return found


def shape(function):
    """As `inspect.signature` tells it; a builtin may have none."""
    try:
        return str(inspect.signature(function))
    except ValueError:
        return None


def round_trip(function):
    """Does pickle find it again by its name?"""
    try:
        return pickle.loads(pickle.dumps(function)) is function
    except (pickle.PicklingError, AttributeError):
        return False


@pytest.mark.parametrize(
    "ask",
    [
        asyncio.iscoroutinefunction,
        inspect.isasyncgenfunction,
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isroutine,
        shape,
        lambda function: function.__doc__,
        lambda function: function.__module__,
        lambda function: function.__name__,
        lambda function: function.__qualname__,
        lambda function: getattr(function, "__annotations__", {}),
    ],
)
def test_a_replacement_answers_as_its_original_does(replaced, ask):
    """Kind of function, signature, documentation, names and annotations."""
    different = [f"{owner}.{name}" for owner, name, theirs, ours in replaced if ask(theirs) != ask(ours)]
    assert different == []


def test_a_replacement_is_pickled_by_the_name_of_its_original(replaced):
    """A method that is sent to another process arrives as its own; C functions are not looked at."""
    python = [
        (f"{owner}.{name}", ours) for owner, name, theirs, ours in replaced if inspect.isfunction(theirs)
    ]
    assert [name for name, ours in python if not round_trip(ours)] == []


def test_what_is_wrong_in_a_call_is_said_as_before(observe):
    """Same type, same words; no replacement takes arguments that its original refuses."""

    def complaints():
        async def main():
            said = []
            lock, slots, queue = asyncio.Lock(), asyncio.Semaphore(), asyncio.Queue()
            for call in (
                lambda: lock.acquire(1),
                lambda: lock.release(1),
                lambda: slots.acquire(blocking=True),
                queue.put,
                lambda: queue.put(1, 2),
                lambda: queue.get(1),
                queue.put_nowait,
                lambda: asyncio.Event(3),
                lambda: asyncio.Semaphore("many"),
                lambda: asyncio.get_running_loop().create_task(),
                lambda: asyncio.get_running_loop().create_task(3),
            ):
                try:
                    waiting = call()
                    await waiting
                except TypeError as error:
                    said.append(str(error))
                else:
                    said.append("nothing")
            return said

        return asyncio.run(main())

    bare = complaints()
    observe()
    assert complaints() == bare
