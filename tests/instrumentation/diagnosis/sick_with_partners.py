"""Ill with queues, signals or tasks without end; the line to blame has the program's name in a comment."""

import asyncio
import contextlib

FOREVER = 60


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


PROGRAMS = {
    unreported_messages: "queue_stalled",
    dead_consumer: "queue_stalled",
    no_sentinel: "queue_stalled",
    gate_never_opened: "never_signalled",
    signal_too_early: "never_signalled",
    ever_more_tasks: "task_leak",
    consumer_called_off: "queue_stalled",
    reply_lost: "never_signalled",
    a_party_is_missing: "never_signalled",
    backlog: "task_leak",
    watchers_left_behind: "task_leak",
}
