"""Ill with locks, permits or turns; the line to blame has the program's name in a comment."""

import asyncio

import anyio

FOREVER = 60


async def self_lock():
    """A task takes a lock twice."""
    lock = asyncio.Lock()
    async with lock:
        await lock.acquire()  # self_lock


async def crossed_locks():
    """Two tasks take two locks in opposite order."""
    left, right = asyncio.Lock(), asyncio.Lock()

    async def take(first, second):
        async with first:
            await asyncio.sleep(0.01)
            async with second:  # crossed_locks
                pass

    await asyncio.gather(take(left, right), take(right, left))


async def lock_across_child():
    """A task holds a lock and waits for a child that wants it."""
    ledger = asyncio.Lock()

    async def audit():
        async with ledger:  # lock_across_child
            pass

    async with ledger:
        await asyncio.create_task(audit())


async def permits_inside_permits():
    """Every holder of a permit waits for a second one."""
    slots = asyncio.Semaphore(3)

    async def inner():
        async with slots:  # permits_inside_permits
            pass

    async def outer():
        async with slots:
            await asyncio.sleep(0.01)
            await inner()

    await asyncio.gather(*(outer() for _ in range(4)))


async def awaiting_each_other():
    """Two tasks await one another."""
    tasks = []

    async def follow(other):
        await asyncio.sleep(0.01)
        await tasks[other]  # awaiting_each_other

    tasks += [asyncio.create_task(follow(1)), asyncio.create_task(follow(0))]
    await asyncio.wait(tasks)


async def backing_off_with_permit():
    """Requests sleep for long with a permit in hand, which is usually held for a moment."""
    quota = asyncio.Semaphore(2)

    async def retry_later():
        await asyncio.sleep(FOREVER)  # backing_off_with_permit

    async def request(number):
        async with quota:
            await asyncio.sleep(0.02)
            if number > 7:
                await retry_later()

    await asyncio.gather(*(request(number) for number in range(14)))


async def forgotten_release():
    """A task ends without giving back its permit."""
    desk = asyncio.Semaphore(1)

    async def borrow():
        await desk.acquire()  # forgotten_release

    async def want():
        async with desk:
            pass

    await borrow_and_wait(borrow, want)


async def borrow_and_wait(borrow, want):
    await asyncio.create_task(borrow())
    await want()


async def one_lock_for_all():
    """A lock is held across a slow call."""
    session = asyncio.Lock()

    async def slow_call():
        await asyncio.sleep(0.1)

    async def fetch():
        async with session:  # one_lock_for_all
            await slow_call()

    while True:
        await asyncio.gather(*(fetch() for _ in range(8)))


async def limit_of_one():
    """A semaphore of one permit serialises what was meant to run side by side."""
    gate = asyncio.Semaphore(1)

    async def slow_call():
        await asyncio.sleep(0.1)

    async def fetch():
        async with gate:  # limit_of_one
            await slow_call()

    while True:
        await asyncio.gather(*(fetch() for _ in range(8)))


async def borrowers_inside_borrowers():
    """The same with anyio's limiter, through a task group."""
    tokens = anyio.CapacityLimiter(2)

    async def inner():
        async with tokens:  # borrowers_inside_borrowers
            pass

    async def outer():
        async with tokens:
            await asyncio.sleep(0.01)
            async with anyio.create_task_group() as group:
                group.start_soon(inner)

    await asyncio.gather(outer(), outer())


async def lost_on_the_way_out():
    """A worker that lives on forgets to release when something fails."""
    doors = asyncio.Semaphore(2)
    numbers = iter(range(1000))

    async def work():
        for number in numbers:
            await doors.acquire()  # lost_on_the_way_out
            await asyncio.sleep(0.01)
            if number % 3:
                doors.release()

    await asyncio.gather(*(work() for _ in range(4)))


async def a_circle_of_three():
    """Through gather, shield and wait."""
    tasks = {}

    async def first():
        await asyncio.sleep(0.01)
        await asyncio.gather(tasks["second"])

    async def second():
        await asyncio.sleep(0.01)
        await asyncio.shield(tasks["third"])

    async def third():
        await asyncio.sleep(0.02)
        await asyncio.wait([tasks["first"]])  # a_circle_of_three

    for part in (first, second, third):
        tasks[part.__name__] = asyncio.create_task(part())
    await asyncio.wait(tasks.values())


async def awaited_as_soon_as_made():
    """A task for each item, awaited before the next is made."""

    async def fetch():
        await asyncio.sleep(0.1)

    while True:
        await asyncio.create_task(fetch())  # awaited_as_soon_as_made


async def a_single_worker():
    """Many messages, and one worker that mostly waits."""
    letters = asyncio.Queue()

    async def post():
        while True:
            await letters.get()
            await asyncio.sleep(0.1)
            letters.task_done()

    postman = asyncio.create_task(post())  # a_single_worker
    for number in range(100):
        letters.put_nowait(number)
    await letters.join()
    return postman


async def one_by_one():
    """The items of a list are awaited in turn, two functions further in."""

    async def call():
        await asyncio.sleep(0.1)

    async def enrich():
        await call()

    for _ in range(100):
        await enrich()  # one_by_one


PROGRAMS = {
    self_lock: "lock_cycle",
    crossed_locks: "lock_cycle",
    lock_across_child: "lock_cycle",
    permits_inside_permits: "semaphore_starvation",
    awaiting_each_other: "await_cycle",
    backing_off_with_permit: "semaphore_starvation",
    forgotten_release: "semaphore_starvation",
    one_lock_for_all: "convoy",
    limit_of_one: "serialised",
    borrowers_inside_borrowers: "semaphore_starvation",
    lost_on_the_way_out: "semaphore_starvation",
    a_circle_of_three: "await_cycle",
    awaited_as_soon_as_made: "serialised",
    a_single_worker: "serialised",
    one_by_one: "serialised",
}
