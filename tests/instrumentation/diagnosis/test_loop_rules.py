"""Programs whose loop is blocked, crowded out, saturated or burnt, and others that only look like it."""

from __future__ import annotations

import textwrap

import pytest

SERVICE = """
    import asyncio, json, os, re, socket, sqlite3, subprocess, sys, threading, time, urllib.request, zlib
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    async def ticker():
        while True:
            await asyncio.sleep(0.02)

    def main(work):
        async def body():
            ticking = asyncio.create_task(ticker(), name="ticker")
            await asyncio.sleep(0.1)
            await work()
            ticking.cancel()

        observe()
        asyncio.run(body())
"""


BLOCKING = {
    "a sleep": ("time.sleep(1.0)", ""),
    "a program that is waited for": (
        'subprocess.run([sys.executable, "-c", "import time; time.sleep(1.0)"])',
        "",
    ),
    "a query of a locked database": (
        "second.execute('BEGIN IMMEDIATE')",
        """
        sqlite3.connect("shop.db").close()
        first = sqlite3.connect("shop.db", isolation_level=None)
        first.execute("BEGIN IMMEDIATE")
        second = sqlite3.connect("shop.db", isolation_level=None, timeout=1.2)
        """,
    ),
    "a server that answers late": (
        "urllib.request.urlopen(address, timeout=1.2)",
        """
        server = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        """,
    ),
    "an expression that backtracks": (
        "re.match(r'(a|b|ab)*c', 'ab' * 24 + 'd')",
        "",
    ),
    "a compression": ("zlib.compress(noise, 9)", "noise = os.urandom(50_000_000)"),
    "a lock that a thread keeps": (
        "lock.acquire()",
        """
        lock = threading.Lock()
        lock.acquire()
        threading.Timer(1.4, lock.release).start()
        """,
    ),
    "a result of a pool": ("POOL.submit(time.sleep, 1.0).result()", "POOL = ThreadPoolExecutor(1)"),
    "the end of a pool": (
        "POOL.shutdown(wait=True)",
        "POOL = ThreadPoolExecutor(1)\nPOOL.submit(time.sleep, 1.4)",
    ),
}


@pytest.mark.parametrize("case", BLOCKING)
def test_a_synchronous_call_on_the_loop(findings, line_of, case):
    """Whatever it is: the innermost line of the program's own code is to blame."""
    call, before = BLOCKING[case]
    program = f"""
    def inner():
        {call}

    async def work():
        try:
            inner()
        except (OSError, sqlite3.OperationalError):
            pass

    {textwrap.indent(textwrap.dedent(before), " " * 4).strip()}
    main(work)
    """
    found = findings(program)
    assert [finding.kind for finding in found] == ["loop_blocked"]
    assert line_of(found[0]) == call
    assert found[0].culprit.function == "inner"
    assert "ticker" in found[0].victims


def test_the_job_is_named_that_was_under_way(findings):
    """Also when it is over, and its task has gone on to something else."""
    found = findings("""
    import loopscope

    async def work():
        with loopscope.job("upload", key="7"):
            time.sleep(1.0)
        await asyncio.sleep(0.5)

    main(work)
    """)
    assert [finding.job for finding in found] == ["upload 7"]


def test_many_short_blocks_one_after_the_other(findings):
    """None is long, but all are ready at once: together they are a long one."""
    found = findings("""
    def decode():
        time.sleep(0.03)

    async def one():
        decode()

    async def work():
        for _ in range(3):
            await asyncio.gather(*(one() for _ in range(15)))

    main(work)
    """)
    assert [finding.kind for finding in found] == ["loop_blocked"]
    assert found[0].culprit.function == "decode"


def test_portions_that_leave_no_room_for_others(findings):
    """It gives way after each, and comes back at once: every step of others waits a portion."""
    found = findings("""
    def parse(row):
        sum(range(2_500_000))

    async def work():
        for row in range(60):
            parse(row)
            await asyncio.sleep(0)

    main(work)
    """)
    assert [finding.kind for finding in found] == ["loop_blocked"]
    assert found[0].culprit.function == "parse"


def test_many_tiny_steps_at_once(findings):
    """No step is worth a word; thousands of them are."""
    found = findings("""
    def sign(text):
        return sum(ord(letter) for letter in text)

    async def push(text):
        sign(text)

    async def work():
        for _ in range(4):
            await asyncio.gather(*(push("x" * 4000) for _ in range(2500)))

    main(work)
    """)
    assert [finding.kind for finding in found] == ["loop_saturated"]
    assert found[0].culprit.function.startswith("sign")


@pytest.mark.parametrize("pause", ["asyncio.sleep(0)", "once()"])
def test_polling_without_a_pause(findings, pause):
    """The loop is awake all the time, and one task is why."""
    found = findings(f"""
    import types

    @types.coroutine
    def once():
        yield

    async def poll(end):
        while time.monotonic() < end:
            await {pause}

    async def work():
        await asyncio.create_task(poll(time.monotonic() + 4))

    main(work)
    """)
    assert [finding.kind for finding in found] == ["busy_loop"]
    assert found[0].culprit.function in {"poll", "once"}


def test_threads_that_compute_in_python(findings, line_of):
    """The loop waits at the interpreter's lock: the line that started them is to blame."""
    found = findings("""
    def count(end):
        total = 0
        while time.monotonic() < end:
            for number in range(1000):
                total += number

    async def work():
        loop, pool, end = asyncio.get_running_loop(), ThreadPoolExecutor(4), time.monotonic() + 4
        await asyncio.gather(*(loop.run_in_executor(pool, count, end) for _ in range(4)))

    main(work)
    """)
    assert [finding.kind for finding in found] == ["gil_contention"]
    assert "run_in_executor" in line_of(found[0])


@pytest.mark.parametrize("many", ["12_000_000", "50_000_000"])
def test_a_thread_whose_c_code_keeps_the_lock(findings, line_of, many):
    """Whoever wants to say so gets the lock but once a call, however long one takes."""
    found = findings(f"""
    def add_up(end):
        while time.monotonic() < end:
            sum(range({many}))

    async def work():
        thread = threading.Thread(target=add_up, args=(time.monotonic() + 4,))
        thread.start()
        while thread.is_alive():
            await asyncio.sleep(0.01)

    main(work)
    """)
    assert [finding.kind for finding in found] == ["gil_contention"]
    assert line_of(found[0]) == f"sum(range({many}))"


WAITING = {
    "for a coroutine": "asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(timeout=1)",
    "for a thread that waits for the loop": "pool.submit(ask, loop).result(timeout=1)",
    "for an event that a task sets": "ready.wait(timeout=1)",
    "for a queue that a task fills": "box.get(timeout=1)",
    "for a lock that a task holds": "lock.acquire(timeout=1)",
}


@pytest.mark.parametrize("case", WAITING)
def test_waiting_on_the_loop_for_the_loop(findings, line_of, case):
    """A deadlock, until the time is up."""
    found = findings(f"""
    import queue

    def ask(loop):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(timeout=1)

    async def help(ready, box, lock):
        with lock:
            await asyncio.sleep(0.01)
        box.put(1)
        ready.set()

    async def work():
        loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(1)
        ready, box, lock = threading.Event(), queue.Queue(), threading.Lock()
        helper = asyncio.create_task(help(ready, box, lock))
        await asyncio.sleep(0)
        try:
            {WAITING[case]}
        except (TimeoutError, queue.Empty):
            pass
        await helper

    main(work)
    """)
    assert [finding.kind for finding in found] == ["sync_wait_on_loop"]
    assert line_of(found[0]) == WAITING[case]


def test_waiting_on_the_loop_for_another_process(findings, line_of):
    """Tasks of the loop know the future too, but it is not they who complete it."""
    found = findings("""
    async def work():
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
        result = pool.submit(time.sleep, 1.2)
        waiting = asyncio.ensure_future(asyncio.wrap_future(result))
        await asyncio.sleep(0.1)
        result.result()
        await waiting

    main(work)
    """)
    assert [finding.kind for finding in found] == ["loop_blocked"]
    assert line_of(found[0]) == "result.result()"


HEALTHY = {
    "computes in slices": """
        async def work():
            for _ in range(80):
                end = time.monotonic() + 0.015
                while time.monotonic() < end:
                    pass
                await asyncio.sleep(0.015)
    """,
    "computes once, briefly": """
        async def work():
            sum(range(3_000_000))
            await asyncio.sleep(1)
    """,
    "waits for programs in threads": """
        async def work():
            command = [sys.executable, "-c", "import time; time.sleep(0.8)"]
            await asyncio.gather(*(asyncio.to_thread(subprocess.run, command) for _ in range(3)))
    """,
    "compresses in threads": """
        async def work():
            noise = await asyncio.to_thread(lambda: bytes(2_000_000))
            for _ in range(4):
                await asyncio.gather(*(asyncio.to_thread(zlib.compress, noise, 6) for _ in range(3)))
    """,
    "imports what it needs at the start": """
        async def work():
            import decimal, email.mime.text, http.server, unittest.mock, xml.dom.minidom
            await asyncio.sleep(0.5)
    """,
    "gives way between small portions": """
        async def work():
            for _ in range(300):
                sum(range(50_000))
                await asyncio.sleep(0)
    """,
    "has much garbage": """
        async def work():
            for _ in range(5):
                rings = [[n] for n in range(60_000)]
                for ring in rings:
                    ring.append(ring)
                await asyncio.sleep(0.05)
    """,
}


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_program_gives_no_alarm(findings, line_of, case):
    """It may look busy; nobody has to wait for long."""
    program = textwrap.dedent(HEALTHY[case]) + "\nmain(work)\n"
    assert [(finding.kind, line_of(finding)) for finding in findings(program)] == []
