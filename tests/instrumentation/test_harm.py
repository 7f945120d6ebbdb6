"""Whatever of ours fails, one thing after the other: the program's result stays its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import inspect
import pkgutil
from types import FunctionType, MethodType, ModuleType, SimpleNamespace

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import loopscope
from loopscope import context, hooks
from loopscope.detail import Detail
from loopscope.hooks import holding, steps, sync, tasks, thin
from loopscope.loop_clock import LoopClock
from loopscope.recorder import recorder

CANNOT_FAIL = {"now", "step_out", "outcome_of"}  # a clock, and looks at an exception that is there
HOOKS = [
    importlib.import_module(f"{hooks.__name__}.{found.name}")
    for found in pkgutil.iter_modules(hooks.__path__)
    if found.name != "_fast"  # compiled: it has tests of its own
]


def is_ours(value):
    return getattr(value, "__module__", "").partition(".")[0] == "loopscope"


def is_the_hook(value):
    """What passes a program's call on, and what catches failures of all that it calls itself."""
    is_written = isinstance(value, FunctionType | MethodType | type)  # the recorder has a builtin for its ids
    if is_written and any(mark in inspect.getsource(value) for mark in (".fault(", "step_out(")):
        return True
    return inspect.iscoroutinefunction(value)


def entry_points():
    """All that hooks call when a program runs: their own functions, other modules', records, the recorder."""
    found = {}
    for module in HOOKS:
        for name, value in vars(module).items():
            if isinstance(value, ModuleType) and value.__name__.startswith("loopscope."):
                functions = [(n, f) for n, f in vars(value).items() if isinstance(f, FunctionType)]
                found |= {(value, n): f for n, f in functions if is_ours(f)}
            elif isinstance(value, FunctionType | type) and is_ours(value):
                found[module, name] = value
    for owner in (recorder, Detail, LoopClock):
        methods = inspect.getmembers(owner, inspect.isroutine)
        found |= {(owner, n): f for n, f in methods if not n.startswith("__") and n != "fault"}
    return [
        pytest.param(owner, name, id=f"{getattr(owner, '__name__', 'recorder')}.{name}")
        for (owner, name), value in found.items()
        if name not in CANNOT_FAIL and not is_the_hook(value)
    ]


async def primitives():
    """Every primitive, waited for and given back."""
    lock, slots, event, queue = asyncio.Lock(), asyncio.Semaphore(1), asyncio.Event(), asyncio.Queue(1)
    condition, barrier = asyncio.Condition(), asyncio.Barrier(2)

    async def enter(number):
        async with lock, slots:
            await asyncio.sleep(0)
        await queue.put(number)
        await event.wait()
        return number

    async def signal():
        async with condition:
            condition.notify_all()
        await barrier.wait()
        event.set()

    async def listen():
        async with condition:
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, signal())
            await condition.wait()
        return [await queue.get() for _ in range(3)], queue.task_done(), await barrier.wait()

    got = await asyncio.gather(*map(enter, range(3)), listen())
    return [*got[:3], sorted(got[3][0])]


async def endings():
    """Tasks that fail, that are cancelled, and time-outs."""

    async def fails():
        await asyncio.sleep(0)
        raise LookupError("theirs")

    sleeping = asyncio.create_task(asyncio.sleep(9), name="sleeping")
    await asyncio.sleep(0)
    sleeping.cancel()
    said = await asyncio.gather(fails(), sleeping, return_exceptions=True)
    try:
        await asyncio.wait_for(asyncio.Lock().acquire(), 5)
        await asyncio.wait_for(asyncio.Event().wait(), 0.006)
    except TimeoutError:
        said.append("late")
    return list(map(repr, said))


async def threads():
    """The loop's own pool, one of its own, work that fails."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = asyncio.get_running_loop().run_in_executor(pool, len, "four")
        failing = pool.submit(int, "no number")
        return await running, repr(failing.exception()), await asyncio.to_thread(sum, (1, 2))


async def eager():
    """A factory of the program's own; eager where there are eager tasks."""
    loop = asyncio.get_running_loop()
    plain = lambda loop, coroutine, **options: asyncio.Task(coroutine, loop=loop, **options)  # noqa: E731
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", plain))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
    finally:
        loop.set_task_factory(None)
    return [task.result() for task in tasks]


async def web():
    """Requests to an application, one of which fails; work after the response; a server that is not there."""
    done = []

    async def index(request):
        with loopscope.job("inside"):
            return PlainTextResponse("hello", background=BackgroundTask(done.append, 1))

    async def broken(request):
        raise LookupError("theirs")

    application = Starlette(routes=[Route("/", index), Route("/broken", broken)])
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answers = [await client.get(path) for path in ("/", "/broken", "/nowhere")]
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.get("http://127.0.0.1:9/")
        except httpx.ConnectError as error:
            done.append(type(error).__name__)
    return [(answer.status_code, answer.text) for answer in answers], done


async def groups():
    """Tasks and threads of anyio."""
    numbers = []
    limiter = anyio.CapacityLimiter(1)
    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(lambda n: anyio.to_thread.run_sync(numbers.append, n, limiter=limiter), number)
    return sorted(numbers)


async def everything():
    parts = (primitives, endings, threads, eager, web, groups)
    return {part.__name__: await part() for part in parts}


@pytest.fixture(scope="module")
def expected():
    """What comes of it when nobody looks."""
    return asyncio.run(everything())


def refuse(*_, **__):
    raise AssertionError("a bug of ours")


def of_thin_tasks(parameters):
    """What runs otherwise, or only, when the budget for records is used up."""
    owners = (context, holding, sync, steps, tasks, thin, recorder, Detail)
    return [parameter for parameter in parameters if parameter.values[0] in owners]


@pytest.mark.parametrize(("owner", "name"), entry_points())
def test_a_failure_of_ours_does_not_change_the_program(owner, name, expected, observe, monkeypatch):
    """Each of our functions in turn does nothing but raise, from the moment that the hooks are in place."""
    observe()
    with monkeypatch.context() as broken:
        broken.setattr(owner, name, refuse)
        result = asyncio.run(everything())
    assert result == expected


@pytest.mark.parametrize(("owner", "name"), of_thin_tasks(entry_points()))
def test_nor_does_one_while_tasks_are_thin(owner, name, expected, observe, monkeypatch):
    """The same under heavy load; the pump keeps still, so that a task that begins thin ends thin."""
    observe(detail_rate=1, detail_burst=0, drain_interval=60.0, compiled=False)
    recorder.detail.left = -1000.0
    with monkeypatch.context() as broken:
        broken.setattr(owner, name, refuse)
        result = asyncio.run(everything())
    assert result == expected


def test_an_exporter_that_fails_at_the_end_does_not_keep_the_others_from_closing(observe, caplog):
    """What stops after it is stopped as well, and `uninstrument()` raises nothing."""
    seen, stopped = observe(), []

    class Failing(SimpleNamespace):
        def stop(self):
            raise OSError("the disk is gone")

    last = SimpleNamespace(drain=lambda _: None, stop=lambda: stopped.append(1))
    seen.handle.exporters.update(failing=Failing(drain=lambda _: None), last=last)
    loopscope.uninstrument()
    assert stopped == [1]
    assert seen.state.faults == {"exporter failing": 1}
    assert "the disk is gone" in caplog.text
