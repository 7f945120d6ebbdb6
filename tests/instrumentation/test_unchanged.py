"""What a program can see of itself is the same with and without us."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import copy
import gc
import multiprocessing
import pickle
import re
import sys
import types
import warnings
import weakref

import pytest

import loopscope

ADDRESS = re.compile(r"0x[0-9a-f]+")
NUMBER = re.compile(r"Task-\d+")
SUSPENDED = re.compile(r"\.py:\d+(?=> wait_for)")  # the line: ours stands on the first one of its original
VARIABLE = contextvars.ContextVar("variable", default="default")


async def nothing():
    await asyncio.sleep(0)


def shown(thing):
    return SUSPENDED.sub(".py", NUMBER.sub("Task-n", ADDRESS.sub("0x", repr(thing))))


async def reprs():
    """Of tasks, primitives with and without waiters, coroutines, the loop."""
    lock, slots, event, queue = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Event(), asyncio.Queue(3)
    condition, barrier = asyncio.Condition(lock), asyncio.Barrier(2)
    things = [lock, slots, event, queue, condition, barrier]
    await lock.acquire()
    waiting = [
        asyncio.create_task(a(), name=f"w{n}") for n, a in enumerate([lock.acquire, event.wait, queue.get])
    ]
    await asyncio.sleep(0)
    seen = [*map(shown, things), *map(shown, waiting)]
    never = lock.acquire()
    seen += [shown(never), shown(asyncio.get_running_loop()), shown(asyncio.current_task())]
    never.close()
    lock.release()
    event.set()
    queue.put_nowait(1)
    await asyncio.gather(*waiting)
    return [*seen, *map(shown, things), *map(shown, waiting)]


async def books():
    """Those of asyncio: all tasks, the current one, names, coroutines, stacks, factories."""
    inside = []

    async def look():
        me = asyncio.current_task()
        inside.append((me.get_name(), me.get_coro().__qualname__, len(asyncio.all_tasks())))
        await asyncio.sleep(0)
        names = [frame.f_code.co_name for frame in me.get_stack()]
        inside.append(names[names.index("look") :])  # below it is the loop, which runs us too

    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(look(), name=f"t{n}") for n in range(2)]
    names = sorted(task.get_name() for task in asyncio.all_tasks() if not task.get_name().startswith("Task-"))
    await asyncio.sleep(0)
    stacks = [[frame.f_code.co_name for frame in task.get_stack()] for task in tasks]
    await asyncio.gather(*tasks)
    return inside, names, stacks, loop.get_task_factory(), loop.get_debug(), loop._default_executor


async def collection():
    """What goes with its last reference, without the garbage collector's help."""
    gone = []

    def watch(thing, name):
        weakref.finalize(thing, gone.append, name)
        return thing

    async def fails():
        raise LookupError

    async def waits(primitive):
        await primitive.acquire()

    gc.collect()
    gc.disable()
    try:
        watch(asyncio.Lock(), "lock")
        watch(asyncio.Queue(), "queue")
        for primitive, name in ((asyncio.Lock(), "taken lock"), (asyncio.Semaphore(), "taken slots")):
            watch(primitive, name)
            await primitive.acquire()
            waiter = asyncio.create_task(waits(primitive))
            await asyncio.sleep(0)
            primitive.release()
            await waiter
            del waiter, primitive
        task = watch(asyncio.create_task(nothing()), "task")
        await task
        del task
        task = watch(asyncio.create_task(fails()), "failed task")
        await asyncio.wait([task])
        task.exception()
        del task
        task = watch(asyncio.create_task(asyncio.sleep(9)), "cancelled task")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        del task
        pool = watch(concurrent.futures.ThreadPoolExecutor(1), "pool")
        await asyncio.get_running_loop().run_in_executor(pool, len, "")
        pool.shutdown()
        del pool
        for _ in range(200):  # one of our threads may be looking at it just now
            if "pool" in gone:
                break
            await asyncio.sleep(0.01)
        return gone
    finally:
        gc.enable()


async def references():
    """Counted: a reference more would keep what somebody wants to be gone."""
    lock = asyncio.Lock()
    task = asyncio.create_task(nothing())
    coroutine = task.get_coro()
    await lock.acquire()
    before = [sys.getrefcount(thing) for thing in (lock, task, coroutine)]
    await task
    lock.release()
    await asyncio.sleep(0)  # until now the callback that woke us had the task as its argument, once or twice
    return before, [sys.getrefcount(thing) for thing in (lock, task, coroutine)]


async def order():
    """In which order callbacks, tasks, waiters and done callbacks come."""
    seen = []
    loop, lock, queue, slots = (
        asyncio.get_running_loop(),
        asyncio.Lock(),
        asyncio.Queue(1),
        asyncio.Semaphore(2),
    )

    async def through(number):
        seen.append(("begins", number))
        async with slots:
            async with lock:
                seen.append(("has", number))
                await asyncio.sleep(0)
            await queue.put(number)
        seen.append(("put", number))

    async def take():
        for _ in range(5):
            number = await queue.get()
            seen.append(("took", number))

    tasks = [asyncio.create_task(through(number)) for number in range(5)]
    for number, task in enumerate(tasks):
        task.add_done_callback(lambda _, number=number: seen.append(("done", number)))
        loop.call_soon(seen.append, ("called", number))
    tasks.append(asyncio.create_task(take()))
    await asyncio.gather(*tasks)
    await asyncio.sleep(0)
    return seen


async def cancellation():
    """Who is asked to end how often, and what is left of it."""
    slots, seen = asyncio.Semaphore(0), []

    async def stubborn():
        try:
            await slots.acquire()
        except asyncio.CancelledError:
            seen.append(asyncio.current_task().cancelling())
            seen.append(asyncio.current_task().uncancel())
        async with asyncio.timeout(0.01) as limit:
            try:
                await slots.acquire()
            except asyncio.CancelledError as error:
                seen.append((asyncio.current_task().cancelling(), error.args))
                raise
        return limit.expired()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel("one")
    task.cancel("two")
    with pytest.raises(TimeoutError):
        await task
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slots.acquire(), 0.01)
    slots.release()
    seen.append(
        (shown(slots), await asyncio.wait_for(slots.acquire(), 1), asyncio.current_task().cancelling())
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(slots.acquire())
            group.create_task(asyncio.wait_for(slots.acquire(), 0.01))
    except* TimeoutError as errors:
        seen.append(len(errors.exceptions))
    return seen, asyncio.current_task().cancelling(), shown(slots)


async def variables():
    """Each task has the values of its creator, and nothing of ours is among them."""
    VARIABLE.set("outer")

    async def inner():
        before = VARIABLE.get()
        VARIABLE.set("inner")
        await asyncio.Lock().acquire()
        return before, VARIABLE.get(), sorted(var.name for var in contextvars.copy_context())

    apart = contextvars.Context()
    apart.run(VARIABLE.set, "apart")
    return (
        await asyncio.gather(inner(), inner()),
        await asyncio.create_task(inner(), context=apart),
        apart[VARIABLE],
        VARIABLE.get(),
        await asyncio.to_thread(VARIABLE.get),
    )


async def said_of_coroutines():
    """What Python says of one that is never awaited: its name, and the line that is to blame."""

    def forget():
        asyncio.Lock().acquire()
        nothing()

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        forget()
        gc.collect()
    return [(str(w.message), w.category, w.filename, w.lineno) for w in seen]


async def copies():
    """Primitives can be copied and, without a loop, pickled."""
    primitives = [
        asyncio.Lock(),
        asyncio.Semaphore(3),
        asyncio.Event(),
        asyncio.Queue(2),
        asyncio.Condition(),
    ]
    for primitive in primitives[:2]:
        await primitive.acquire()
    await primitives[3].put("message")
    seen = []
    for again in (copy.deepcopy, lambda primitive: pickle.loads(pickle.dumps(primitive))):
        seen += [shown(again(primitive)) for primitive in primitives]
    again = pickle.loads(pickle.dumps(primitives[1]))
    again.release()
    return [*seen, shown(again), await again.acquire(), shown(again)]


class Sent:
    """Knows what it was pickled with."""

    def __init__(self):
        self.text = "sent"

    def __call__(self, other):
        return vars(self), sorted(vars(other))


async def pools():
    """What comes out of a process pool."""
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return [await loop.run_in_executor(pool, Sent(), Sent()), list(pool.map(abs, range(-3, 0)))]


PROGRAMS = [
    books,
    cancellation,
    collection,
    copies,
    order,
    references,
    reprs,
    said_of_coroutines,
    variables,
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_sees_of_itself_what_it_sees_without_us(program, observe):
    """The same values from the same program, first bare, then observed."""
    bare = asyncio.run(program())
    seen = observe()
    assert asyncio.run(program()) == bare
    assert not seen.state.faults


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_sees_the_same_inside_a_job(program, observe):
    """A job adds a context variable, which its code can see, and nothing else."""

    async def enclosed(by):
        with by:
            return await program()

    bare = contextvars.Context().run(asyncio.run, enclosed(contextlib.nullcontext()))
    seen = observe()
    observed = contextvars.Context().run(asyncio.run, enclosed(loopscope.job("named", key=1)))
    assert str(observed).replace("'loopscope_job', ", "") == str(bare)
    assert not seen.state.faults


def test_work_for_a_process_pool_is_pickled_as_it_is(observe, monkeypatch):
    """The child gets what was sent, and nothing more."""
    # Spawned children run the main module again, and Streamlit's tests leave theirs in its place.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    bare = asyncio.run(pools())
    seen = observe()
    assert asyncio.run(pools()) == bare
    assert not seen.state.faults
