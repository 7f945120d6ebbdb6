"""Pools that stand still for good are found, and the line that did it; busy and mended ones are not."""

from __future__ import annotations

import pytest

from programs import run

PARTS = """
    import asyncio, multiprocessing, os, signal, sys, threading, time
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
    from os import _exit as vanish  # at once: that workers were killed is not to be on record

    def leave_after(seconds):
        threading.Timer(seconds, leave).start()

    def leave():
        for child in multiprocessing.active_children():
            child.kill()
        vanish(0)

    def leaf(number):
        time.sleep(0.01)
        return number

    threads = ThreadPoolExecutor(2)
    FORK = multiprocessing.get_context("fork")
"""


@pytest.mark.parametrize(
    ("inner", "culprit"),
    [
        ("return threads.submit(leaf, 1).result()", "return threads.submit(leaf, 1).result()"),
        ("return list(threads.map(leaf, range(3)))", "return list(threads.map(leaf, range(3)))"),
        ("return wait([threads.submit(leaf, n) for n in range(3)])", "return wait("),
        ("return [one.result() for one in as_completed([threads.submit(leaf, 1)])]", "as_completed("),
        ("return asyncio.run(inside())", "return asyncio.run(inside())"),
    ],
)
def test_a_pool_whose_workers_wait_for_their_own_pool(tmp_path, inner, culprit):
    """Whichever way they wait, and without any loop in the main thread."""
    program = f"""
        async def inside():
            return await asyncio.get_running_loop().run_in_executor(threads, leaf, 1)

        def outer():
            time.sleep(0.2)
            {inner}

        observe()
        threads = ThreadPoolExecutor(2)
        leave_after(2.5)
        jobs = [threads.submit(outer) for _ in range(2)]
        wait(jobs)
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert (finding.kind, finding.severity, finding.resource) == ("executor_self_wait", "critical", "threads")
    assert culprit in ran.line(finding.culprit)
    assert finding.evidence["blocked"] == 2


def test_two_pools_that_wait_for_each_other(tmp_path):
    """Neither waits for itself, and no worker of either will ever be free."""
    program = """
        left, right = ThreadPoolExecutor(1), ThreadPoolExecutor(1)

        def ask(other, number):
            time.sleep(0.2)
            return other.submit(leaf, number).result()

        observe()
        leave_after(2.5)
        wait([left.submit(ask, right, 1), right.submit(ask, left, 2)])
    """
    ran = run(tmp_path, PARTS, program)
    findings = ran.findings()
    assert {finding.kind for finding in findings} == {"executor_self_wait"}
    assert {ran.line(finding.culprit) for finding in findings} == {
        "return other.submit(leaf, number).result()"
    }


@pytest.mark.parametrize(
    "hand_over", ["loop.run_in_executor(threads, leaf, 1)", "asyncio.gather(helped(loop))"]
)
def test_a_pool_whose_workers_wait_for_a_coroutine_that_needs_it(tmp_path, hand_over):
    """The circle goes through the loop: worker, coroutine, and back into the queue of the pool."""
    program = f"""
        async def helped(loop):
            return await loop.run_in_executor(threads, leaf, 1)

        async def ask(loop):
            return await {hand_over}

        def outer(loop):
            return asyncio.run_coroutine_threadsafe(ask(loop), loop).result()

        async def main():
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(threads, outer, loop) for _ in range(2)))

        observe()
        leave_after(2.5)
        threads = ThreadPoolExecutor(2)
        asyncio.run(main())
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "executor_self_wait"
    assert "run_coroutine_threadsafe" in ran.line(finding.culprit)


def test_the_victims_are_the_tasks_that_wait(tmp_path):
    """All whose items are in the pool, under the names the program gave them."""
    program = """
        def outer():
            return threads.submit(leaf, 1).result()

        async def main():
            loop = asyncio.get_running_loop()
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(ask(loop), name=f"report {number}")

        async def ask(loop):
            await loop.run_in_executor(threads, outer)

        observe()
        leave_after(2.5)
        threads = ThreadPoolExecutor(1)
        with loopscope.job("reports"):
            asyncio.run(main())
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "executor_self_wait"
    assert set(finding.victims) == {"report 0", "report 1", "report 2"}
    assert finding.job == "reports"


def test_a_pool_that_came_with_the_fork(tmp_path):
    """The worker uses the very pool it works for, by a name of its module."""
    program = """
        processes = None

        def outer(number):
            time.sleep(0.2)
            return processes.submit(leaf, number).result()

        async def main():
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(processes, outer, n) for n in range(3)))

        observe()
        leave_after(3)
        processes = ProcessPoolExecutor(2, mp_context=FORK)
        asyncio.run(main())
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert (finding.kind, finding.severity) == ("nested_pool", "critical")
    assert ran.line(finding.culprit) == "return processes.submit(leaf, number).result()"
    assert finding.victims == ("main",)


def test_a_thread_pool_that_came_with_the_fork(tmp_path):
    """Its threads have stayed in the parent: what the child submits is never begun."""
    program = """
        def outer():
            return threads.submit(leaf, 1).result()

        observe()
        list(threads.map(leaf, range(4)))
        time.sleep(0.1)
        leave_after(3)
        child = FORK.Process(target=outer)
        child.start()
        child.join()
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "nested_pool"
    assert ran.line(finding.culprit) == "return threads.submit(leaf, 1).result()"


@pytest.mark.parametrize("take", ["with permit:", "if permit.acquire():"])
def test_a_pool_inside_a_pool_whose_permit_is_held_above(tmp_path, take):
    """The inner work has begun, and waits for what the worker above it keeps until the inner work is done."""
    program = f"""
        permit = FORK.Semaphore(1)

        def inner(number):
            {take}
                return leaf(number)

        def outer(number):
            with permit, ProcessPoolExecutor(2, FORK, leave_after, (5,)) as chunks:
                return list(chunks.map(inner, range(6)))

        async def main():
            loop = asyncio.get_running_loop()
            pool = ProcessPoolExecutor(2, mp_context=FORK)
            await asyncio.gather(*(loop.run_in_executor(pool, outer, n) for n in range(3)))

        observe()
        leave_after(5)
        asyncio.run(main())
    """
    (finding,) = (ran := run(tmp_path, PARTS, program)).findings()
    assert (finding.kind, finding.severity) == ("nested_pool", "critical")
    assert ran.line(finding.culprit) == "return list(chunks.map(inner, range(6)))"
    assert "what has begun waits for a lock between processes" in finding.explain


@pytest.mark.parametrize(
    ("death", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("os._exit(3)", "exited with status 3"),
    ],
)
def test_a_pool_that_is_used_after_a_worker_died(tmp_path, death, how):
    """The line that handed in the deadly work, not those that came later."""
    program = f"""
        def deadly():
            time.sleep(0.3)
            {death}

        observe()
        with ProcessPoolExecutor(2, mp_context=FORK) as pool:
            first = pool.submit(leaf, 1)
            second = pool.submit(deadly)
            wait([first, second])
            for number in range(3):
                try:
                    pool.submit(leaf, number)
                except Exception as error:
                    print(type(error).__name__)
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert (finding.kind, finding.severity) == ("broken_pool", "critical")
    assert ran.line(finding.culprit) == "second = pool.submit(deadly)"
    assert how in finding.explain
    assert finding.evidence["refused_later"] == 3


def test_a_pool_whose_initializer_fails(tmp_path):
    """No work is to blame: the line that made the pool is named."""
    program = """
        def prepare():
            raise RuntimeError("no licence")

        observe()
        with ProcessPoolExecutor(2, mp_context=FORK, initializer=prepare) as pool:
            print(type(pool.submit(leaf, 1).exception()).__name__)
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "broken_pool"
    assert "initializer=prepare" in ran.line(finding.culprit)


def test_a_lost_result_that_a_library_function_waits_for(tmp_path):
    """The pool's own method runs in a thread: the line that sent it there is the user's."""
    program = """
        def deadly(number):
            os.kill(os.getpid(), signal.SIGKILL)

        async def main():
            await asyncio.to_thread(pool.apply, deadly, (1,))

        observe()
        leave_after(2.5)
        pool = FORK.Pool(2)
        asyncio.run(main())
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "broken_pool"
    assert ran.line(finding.culprit) == "await asyncio.to_thread(pool.apply, deadly, (1,))"


def test_workers_that_are_replaced_for_ever(tmp_path):
    """multiprocessing.Pool starts the next one when an initializer fails; its work never begins."""
    program = """
        def prepare():
            raise RuntimeError("no licence")

        observe()
        leave_after(2.5)
        pool = FORK.Pool(2, initializer=prepare)
        pool.map(leaf, range(3))
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "broken_pool"
    assert ran.line(finding.culprit) == "pool = FORK.Pool(2, initializer=prepare)"


def test_a_result_that_died_with_its_worker(tmp_path):
    """multiprocessing.Pool lets its caller wait."""
    program = """
        def deadly(number):
            os.kill(os.getpid(), signal.SIGKILL)

        observe()
        leave_after(2.5)
        with FORK.Pool(2) as pool:
            pool.map(deadly, [1])
    """
    ran = run(tmp_path, PARTS, program)
    (finding,) = ran.findings()
    assert finding.kind == "broken_pool"
    assert ran.line(finding.culprit) == "pool.map(deadly, [1])"


@pytest.mark.parametrize(
    "work",
    [
        "with threads: list(threads.map(leaf, range(100)))",
        "list(pool.map(nap, [0.4] * 6))",
        "pool.submit(nested).result()",
        "wait([threads.submit(helped, pool) for _ in range(2)])",
        "crashed(); list(ProcessPoolExecutor(2, mp_context=FORK).map(leaf, range(4)))",
    ],
    ids=["busy threads", "busy processes", "a pool inside that works", "another pool", "a new pool"],
)
def test_pools_that_are_merely_busy_are_none(tmp_path, work):
    """Queues that move, nested pools that work, and a crash after which a new pool did the work."""
    program = f"""
        def nap(seconds):
            time.sleep(seconds)

        def nested():
            with ProcessPoolExecutor(1, mp_context=FORK) as inner:
                return list(inner.map(nap, [0.5] * 3))

        def helped(pool):
            return pool.submit(nap, 0.8).result()

        def deadly():
            os._exit(1)

        def crashed():
            with ProcessPoolExecutor(2, mp_context=FORK) as fragile:
                wait([fragile.submit(deadly), *[fragile.submit(leaf, n) for n in range(4)]])

        observe()
        with ProcessPoolExecutor(2, mp_context=FORK) as pool:
            {work}
    """
    assert run(tmp_path, PARTS, program).findings() == []
