"""Small programs, each ill in one way; the line to blame carries the name of the program in a comment."""

import asyncio
import contextlib

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


async def unreported_messages():
    """A worker skips `task_done` for some messages."""
    inbox = asyncio.Queue()

    async def work():
        while True:
            number = await inbox.get()  # unreported_messages
            await asyncio.sleep(0.001)
            if number % 3:
                inbox.task_done()

    workers = [asyncio.create_task(work()) for _ in range(2)]
    for number in range(9):
        inbox.put_nowait(number)
    await inbox.join()
    return workers


async def dead_consumer():
    """The only consumer of a bounded queue died of a bad message."""
    belt = asyncio.Queue(maxsize=2)

    async def consume():
        while True:
            number = await belt.get()
            1 / (3 - number)  # dead_consumer

    async def produce():
        for number in range(20):
            await asyncio.sleep(0.005)
            await belt.put(number)

    consumer = asyncio.create_task(consume())
    await produce()
    return consumer


async def no_sentinel():
    """Whoever filled the queue waits for consumers that wait for more."""
    letters = asyncio.Queue()

    async def post():
        while True:
            await letters.get()  # no_sentinel
            await asyncio.sleep(0.002)

    posts = [asyncio.create_task(post()) for _ in range(2)]
    for number in range(5):
        await letters.put(number)
    await asyncio.gather(*posts)


async def gate_never_opened():
    """Of two loaders one ends without the signal that the other gives."""
    gates = [asyncio.Event() for _ in range(2)]

    async def load(number):
        await asyncio.sleep(0.1)
        if number:
            return
        gates[number].set()  # gate_never_opened

    async def enter(number):
        await gates[number].wait()

    await asyncio.gather(load(0), load(1), *(enter(number % 2) for number in range(4)))


async def signal_too_early():
    """The only signal comes before the wait."""
    bell = asyncio.Condition()

    async def ring():
        async with bell:
            bell.notify_all()

    async def hear():
        async with bell:
            await bell.wait()  # signal_too_early

    early = asyncio.create_task(hear())
    await asyncio.sleep(0.01)
    await asyncio.create_task(ring())
    await early
    await hear()


async def ever_more_tasks():
    """Lookups outlive the patience of whoever started them."""

    async def look_up():
        await asyncio.sleep(FOREVER)

    async def ask():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(look_up()), 0.01)  # ever_more_tasks

    while True:
        await asyncio.gather(ask(), ask())


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


async def consumer_called_off():
    """The consumer was cancelled, the producer was not told."""
    belt = asyncio.Queue(maxsize=2)

    async def consume():
        while True:
            await belt.get()  # consumer_called_off
            await asyncio.sleep(0.01)

    consumer = asyncio.create_task(consume())
    for number in range(100):
        await belt.put(number)
        if number == 5:
            consumer.cancel()


async def reply_lost():
    """Most requests get their answer, some never do."""
    asked = {}

    async def request(number):
        asked[number] = answer = asyncio.get_running_loop().create_future()
        await answer  # reply_lost

    async def reply():
        while True:
            await asyncio.sleep(0.02)
            for number, answer in asked.items():
                if number % 4 and not answer.done():
                    answer.set_result(number)

    replying = asyncio.create_task(reply())
    await asyncio.gather(*(request(number) for number in range(16)))
    return replying


async def a_party_is_missing():
    """One of those for whom a barrier waits gave up before."""
    start = asyncio.Barrier(3)

    async def run(number):
        if number == 1:
            return
        await start.wait()  # a_party_is_missing

    await asyncio.gather(*(run(number) for number in range(3)))


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


async def backlog():
    """Writes are started faster than two permits let them end."""
    disk = asyncio.Semaphore(2)
    started = set()

    async def write():
        async with disk:
            await asyncio.sleep(0.25)

    while True:
        started.add(asyncio.create_task(write()))  # backlog
        await asyncio.sleep(0.02)


async def watchers_left_behind():
    """Each request starts a watcher and forgets it."""
    watching = set()

    async def watch():
        while True:
            await asyncio.sleep(0.3)

    async def request():
        watching.add(asyncio.create_task(watch()))  # watchers_left_behind
        await asyncio.sleep(0.01)

    while True:
        await asyncio.create_task(request())
        await asyncio.sleep(0.04)


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
    unreported_messages: "queue_stalled",
    dead_consumer: "queue_stalled",
    no_sentinel: "queue_stalled",
    gate_never_opened: "never_signalled",
    signal_too_early: "never_signalled",
    ever_more_tasks: "task_leak",
    borrowers_inside_borrowers: "semaphore_starvation",
    lost_on_the_way_out: "semaphore_starvation",
    a_circle_of_three: "await_cycle",
    consumer_called_off: "queue_stalled",
    reply_lost: "never_signalled",
    a_party_is_missing: "never_signalled",
    awaited_as_soon_as_made: "serialised",
    a_single_worker: "serialised",
    backlog: "task_leak",
    watchers_left_behind: "task_leak",
    one_by_one: "serialised",
}
