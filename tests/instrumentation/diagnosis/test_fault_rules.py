"""Rules about faults: small programs that lose work without a word, and their healthy doubles."""

import pytest

from programs import LIMITED, run, side_by_side

COLLECTED = """
    import weakref

    async def notify(user):
        answer = asyncio.get_running_loop().create_future()
        waiting[user] = answer
        await answer

    async def main():
        for user in "ab":
            asyncio.ensure_future(notify(user))  # culprit
        await asyncio.sleep(0.2)
        gc.collect()
        await asyncio.sleep(0.2)

    waiting = weakref.WeakValueDictionary()
    asyncio.run(main())
"""

CLEARED = """
    async def notify(number, peers):
        await peers

    async def main():
        loop = asyncio.get_running_loop()
        group = {loop.create_task(notify(n, asyncio.Event().wait())) for n in range(3)}  # culprit
        await asyncio.sleep(0.1)
        group.clear()
        gc.collect()
        await asyncio.sleep(0.1)

    asyncio.run(main())
"""

UNRETRIEVED = """
    async def refresh(prices, feeds):
        for feed in feeds:
            await asyncio.sleep(0.05)
            prices["tea"] = feed["tea"]  # culprit

    async def main():
        prices = {}
        refreshing = asyncio.create_task(refresh(prices, [{"tea": 1}, {}, {"tea": 3}]))
        while prices.get("tea") != 3:
            await asyncio.sleep(0.5)

    limit(2.5)
    asyncio.run(main())
"""

LOGGED = """
    def failed():
        raise ValueError("no")  # culprit

    async def report():
        failed()

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.create_task(report()))
        await asyncio.sleep(0.3)

    asyncio.run(main())
"""

NOT_AWAITED = """
    import warnings
    warnings.simplefilter("ignore")

    class Store:
        async def flush(self):
            await asyncio.sleep(0)

    async def main():
        store = Store()
        async with asyncio.timeout(1):
            store.flush()  # culprit
        await asyncio.sleep(0.2)

    asyncio.run(main())
"""

WRONG_THREAD = """
    async def main():
        inbox = asyncio.Queue()

        def produce():
            for number in range(3):
                time.sleep(0.1)
                inbox.put_nowait(number)  # culprit

        threading.Thread(target=produce, daemon=True).start()
        while True:
            await inbox.get()

    limit(2.0)
    asyncio.run(main())
"""

SWALLOWED = """
    async def worker():
        while True:
            try:
                await asyncio.sleep(0.05)
            except (asyncio.CancelledError, ValueError):  # culprit
                print("cancelled? not me")

    async def main():
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(worker())
            await asyncio.sleep(0.1)
            raise KeyError

    limit(4.0)
    asyncio.run(main())
"""

SWALLOWED_AT_THE_END = """
    import contextlib

    async def heartbeat():
        while True:
            with contextlib.suppress(BaseException):  # culprit
                await asyncio.sleep(30)

    async def main():
        asyncio.get_running_loop().beat = asyncio.create_task(heartbeat())
        await asyncio.sleep(0.1)

    limit(4.0)
    asyncio.run(main())
"""

OVER_RELEASED = """
    async def call(permits, number):
        try:
            async with asyncio.timeout(0.05):
                await permits.acquire()
            await asyncio.sleep(0.2)
        except TimeoutError:
            pass
        finally:
            permits.release()  # culprit

    async def main():
        permits = asyncio.Semaphore(2)
        await asyncio.gather(*(call(permits, number) for number in range(6)))

    asyncio.run(main())
"""

ANYIO_OVER_RELEASED = """
    import anyio

    async def call(permits):
        with anyio.move_on_after(0.05):
            await permits.acquire()
        try:
            await anyio.sleep(0.2)
        finally:
            permits.release()  # culprit

    async def main():
        permits = anyio.Semaphore(2)
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(call, permits)

    anyio.run(main)
"""

SICK = {
    "task_garbage_collected": [COLLECTED, CLEARED],
    "exception_never_retrieved": [UNRETRIEVED, LOGGED],
    "coroutine_never_awaited": [NOT_AWAITED],
    "wrong_thread_wakeup": [WRONG_THREAD],
    "cancel_swallowed": [SWALLOWED, SWALLOWED_AT_THE_END],
    "over_released": [OVER_RELEASED, ANYIO_OVER_RELEASED],
}
CASES = [(kind, program) for kind, programs in SICK.items() for program in programs]


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    """The programs as they run or have run, in the order of the cases."""
    with side_by_side(
        tmp_path_factory.mktemp("sick"), [(LIMITED, program) for _, program in CASES]
    ) as started:
        yield started


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(CASES)]
)
def test_lost_work_has_a_name_and_a_line(sick, number):
    """The first finding has the right kind and names the line that starts, drops, releases or swallows."""
    kind, _ = CASES[number]
    ran = sick[number].result()
    findings = ran.findings()
    assert [found.kind for found in findings[:1]] == [kind]
    assert ran.line(findings[0].culprit).endswith("# culprit")
    assert findings[0].explain.endswith(".")
    assert findings[0].fix


def test_a_deaf_task_is_told_with_who_cancelled_it(sick):
    """The group that failed, at the line that waits for its tasks."""
    ran = sick[CASES.index(("cancel_swallowed", SWALLOWED))].result()
    assert " ago by main at program.py:" in ran.findings()[0].explain


HEALTHY = """
    import signal

    async def fails(after):
        await asyncio.sleep(after)
        raise OSError

    async def awaited_one_by_one():
        tasks = [asyncio.create_task(asyncio.sleep(1.8)), asyncio.create_task(fails(0.01))]
        await tasks[0]
        try:
            await tasks[1]
        except OSError:
            pass

    async def looked_at_by_a_callback():
        asyncio.get_running_loop().create_task(fails(0.01)).add_done_callback(lambda task: task.exception())

    async def tidies_up():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1.8)

    async def stops_politely():
        task = asyncio.create_task(tidies_up())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    async def refreshes():
        for _ in range(5):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass

    async def woken_by_cancelling():
        task = asyncio.create_task(refreshes())
        for _ in range(5):
            await asyncio.sleep(0.4)
            task.cancel()
        await task

    async def signalled_properly():
        ready, loop = asyncio.Event(), asyncio.get_running_loop()
        threading.Timer(0.3, loop.call_soon_threadsafe, args=(ready.set,)).start()
        await ready.wait()

    async def counted():
        items = asyncio.Semaphore(0)
        for _ in range(3):
            items.release()
        await items.acquire()

    async def main():
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
        await stop.wait()
        await asyncio.gather(
            awaited_one_by_one(), looked_at_by_a_callback(), stops_politely(), woken_by_cancelling(),
            signalled_properly(), counted(),
        )

    asyncio.run(main())
    print("done")
"""


def test_healthy_programs_that_look_alike_raise_no_alarm(tmp_path):
    """Exceptions that are looked at late, polite ends, a stop that takes its time, cancelling to wake."""
    ran = run(tmp_path, LIMITED, HEALTHY)
    assert ran.said == "done"
    assert ran.findings() == []
