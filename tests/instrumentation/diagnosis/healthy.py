"""Small programs that look like trouble and are healthy by design."""

import asyncio


async def idle_consumers():
    """Workers wait for work that comes now and then, and somebody waits for the workers."""
    inbox = asyncio.Queue()

    async def work():
        while True:
            await inbox.get()
            inbox.task_done()

    async def request():
        await inbox.put(1)

    async def serve():
        await asyncio.create_task(request())
        await asyncio.sleep(60)

    workers = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.gather(*workers, serve())


async def told_to_stop_some_day():
    """A service and its helpers wait for the signal to stop."""
    stop = asyncio.Event()
    await asyncio.gather(*(stop.wait() for _ in range(5)))


async def pub_sub():
    """Some subscribers hear something now and then, others never, and the publisher lives."""
    topics = [asyncio.Event() for _ in range(4)]

    async def subscribe(topic):
        while True:
            await topic.wait()
            topic.clear()

    subscribers = [asyncio.create_task(subscribe(topic)) for topic in topics]
    while True:
        await asyncio.sleep(0.1)
        topics[0].set()
        assert not subscribers[1].done()


async def busy_pool_of_permits():
    """Many tasks queue for a few permits, which go round."""
    encoders = asyncio.Semaphore(4)

    async def encode():
        await asyncio.sleep(0.05)

    async def upload():
        async with encoders:
            await encode()

    while True:
        await asyncio.gather(*(upload() for _ in range(40)))


async def rate_limiter():
    """Calls are spaced: the lock is held while its holder sleeps until it is time."""
    turn = asyncio.Lock()

    async def wait_for_turn():
        async with turn:
            await asyncio.sleep(0.05)

    async def call():
        while True:
            await wait_for_turn()

    await asyncio.gather(*(call() for _ in range(6)))


async def leader():
    """A lock is held for ever by the one who leads, and nobody else wants it."""
    lease = asyncio.Lock()
    async with lease:
        await asyncio.sleep(60)


async def patient_waiters():
    """Long polls: waits that end by a time-out of their own."""
    news = asyncio.Condition()

    async def poll():
        while True:
            try:
                async with asyncio.timeout(0.7), news:
                    await news.wait()
            except TimeoutError:
                continue

    await asyncio.gather(*(poll() for _ in range(20)))


async def burst():
    """Very many tasks at once, all awaited."""

    async def visit():
        await asyncio.sleep(0.3)

    while True:
        await asyncio.gather(*(visit() for _ in range(150)))


async def steady_background_work():
    """Tasks that nobody awaits, each of which ends soon."""
    keep = set()

    async def write_audit():
        await asyncio.sleep(0.4)

    while True:
        task = asyncio.create_task(write_audit())
        keep.add(task)
        task.add_done_callback(keep.discard)
        await asyncio.sleep(0.01)


async def permit_as_a_signal():
    """A semaphore counts what there is: one task acquires what another releases."""
    stock = asyncio.Semaphore(0)

    async def sell():
        while True:
            await stock.acquire()

    async def deliver():
        stock.release()

    seller = asyncio.create_task(sell())
    for _ in range(3):
        await asyncio.create_task(deliver())
        await asyncio.sleep(0.05)
    await seller


async def bounded_by_two_semaphores():
    """A producer takes places that the consumer gives back; it holds them all and waits for one more."""
    free, full = asyncio.Semaphore(3), asyncio.Semaphore(0)

    async def consume():
        while True:
            await full.acquire()
            await asyncio.sleep(0.3)
            free.release()

    async def produce():
        while True:
            await free.acquire()
            full.release()

    await asyncio.gather(produce(), consume())


async def permits_taken_with_patience():
    """Acquiring under a time-out is done by a task of its own on some Pythons; the permit is its maker's."""
    desk = asyncio.Semaphore(1)

    async def sit():
        await asyncio.wait_for(desk.acquire(), 60)
        await asyncio.sleep(60)

    async def hope():
        await asyncio.wait_for(desk.acquire(), 60)

    await asyncio.gather(sit(), hope())


async def sessions_that_came_one_by_one():
    """Clients connect at intervals and stay."""

    async def session():
        while True:
            await asyncio.sleep(0.2)

    sessions = []
    for _ in range(40):
        sessions.append(asyncio.create_task(session()))
        await asyncio.sleep(0.05)
    await asyncio.gather(*sessions)


async def scheduler():
    """A task for each turn, awaited, and then a pause."""

    async def turn():
        await asyncio.sleep(0.05)

    while True:
        await asyncio.create_task(turn())
        await asyncio.sleep(0.05)


async def patient_reader():
    """Each message is waited for with a time-out, which some Pythons make a task of."""
    inbox = asyncio.Queue()

    async def take():
        return await inbox.get()

    while True:
        try:
            await asyncio.wait_for(take(), 0.1)
        except TimeoutError:
            continue


async def slow_reply():
    """Answers take their time; those under way are no older than others were."""

    async def answer(future):
        await asyncio.sleep(0.8)
        future.set_result(1)

    async def request():
        future = asyncio.get_running_loop().create_future()
        answering = asyncio.create_task(answer(future))
        await future
        return answering

    while True:
        await asyncio.gather(*(request() for _ in range(5)))


async def writer_behind_a_queue():
    """One consumer on purpose; what it is given it has soon worked off."""
    rows = asyncio.Queue()

    async def write():
        while True:
            await rows.get()
            await asyncio.sleep(0.01)
            rows.task_done()

    writer = asyncio.create_task(write())
    while True:
        for number in range(20):
            rows.put_nowait(number)
        await rows.join()
        await asyncio.sleep(0.3)
        assert not writer.done()


async def call():
    await asyncio.sleep(0.1)


async def pages():
    """Each page names the next one."""
    page = 0
    while page is not None:
        await call()
        page += 1


async def shards():
    """Several tasks go through the same loop side by side."""

    async def shard():
        for _ in range(100):
            await call()

    await asyncio.gather(*(shard() for _ in range(4)))


async def at_intervals():
    """A loop that sleeps between its calls."""
    for _ in range(100):
        await call()
        await asyncio.sleep(0.1)


PROGRAMS = (
    idle_consumers,
    told_to_stop_some_day,
    pub_sub,
    busy_pool_of_permits,
    rate_limiter,
    leader,
    patient_waiters,
    burst,
    steady_background_work,
    permit_as_a_signal,
    bounded_by_two_semaphores,
    permits_taken_with_patience,
    sessions_that_came_one_by_one,
    scheduler,
    patient_reader,
    slow_reply,
    writer_behind_a_queue,
    pages,
    shards,
    at_intervals,
)
