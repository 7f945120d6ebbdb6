"""Process pools: the child says when work began and ended, and what it spawns belongs to the parent's job."""

from __future__ import annotations

import pytest

from programs import run

METHODS = ["fork", "forkserver", "spawn"]
POOL = """
    import multiprocessing, os, signal, sys, time
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    def nap(seconds):
        time.sleep(seconds)
        return os.getpid()

    def fail():
        raise LookupError("gone")

    def inside():
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(nap, 0.01).result()

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def pool(workers, **options):
        context = multiprocessing.get_context(sys.argv[1] if len(sys.argv) > 1 else "fork")
        return ProcessPoolExecutor(workers, mp_context=context, **options)
"""


@pytest.mark.parametrize("method", METHODS)
def test_an_item_is_timed_in_the_child_that_runs_it(tmp_path, method):
    """Start-up of the worker is no part of the run, and queueing ends when a worker takes the item."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as executor:
                futures = [executor.submit(nap, 0.2) for _ in range(3)]
                print(*[future.result() for future in futures])
    """
    ran = run(tmp_path, POOL, program, arguments=(method,))
    first, second, third = ran.items("batch", "nap")
    assert [item.outcome for item in (first, second, third)] == ["ok"] * 3
    for item in (first, second, third):
        assert 200_000_000 <= item.ended - item.started < 300_000_000
        assert f"(pid {ran.said.split()[0]})" in item.worker
    assert first.submitted < first.started
    assert first.ended <= second.started
    assert second.ended <= third.started


@pytest.mark.parametrize("method", METHODS)
def test_what_an_item_spawns_in_its_child_belongs_to_the_parents_job(tmp_path, method):
    """And says in which item it was submitted."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as executor:
                executor.submit(inside).result()
            with loopscope.job("next"), pool(1) as executor:
                executor.submit(inside).result()
    """
    ran = run(tmp_path, POOL, program, arguments=(method,))
    for job in ("batch", "next"):
        (outer,), (inner,) = ran.items(job, "inside"), ran.items(job, "nap")
        assert inner.outer == outer.id
        assert inner.executor.name == "threads"
        assert outer.started <= inner.submitted
        assert inner.ended <= outer.ended


def test_an_item_that_fails_says_with_what(tmp_path):
    """The outcome is the future's, with the type of the exception."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as executor:
                print(repr(executor.submit(fail).exception()))
    """
    ran = run(tmp_path, POOL, program)
    (item,) = ran.items("batch", "fail")
    assert (item.outcome, item.exception) == ("error", "LookupError")
    assert ran.said == "LookupError('gone')"


def test_what_was_queued_in_a_pool_that_broke_never_started(tmp_path):
    """One item was in the worker that was killed, one waited behind it, one came too late."""
    program = """
        from concurrent.futures.process import BrokenProcessPool

        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as executor:
                futures = [executor.submit(nap, 0.3), executor.submit(die), executor.submit(nap, 0.1)]
                print(type(futures[2].exception()).__name__)
                try:
                    executor.submit(nap, 0.1)
                except BrokenProcessPool:
                    print("refused")
    """
    ran = run(tmp_path, POOL, program)
    assert ran.said.split() == ["BrokenProcessPool", "refused"]
    first, killed, queued, refused = ran.items("batch")
    assert first.outcome == "ok"
    assert killed.started
    for item in (killed, queued, refused):
        assert (item.outcome, item.exception) == ("error", "BrokenProcessPool")
    assert not queued.started
    assert not refused.started


def test_a_result_that_cannot_be_pickled_is_an_error(tmp_path):
    """The child learns it when it sends the result; item and future say the same."""
    program = """
        def closure():
            return lambda: None

        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as executor:
                print(executor.submit(closure).exception() is not None)
    """
    ran = run(tmp_path, POOL, program)
    (item,) = ran.items("batch", "closure")
    assert ran.said == "True"
    assert item.outcome == "error"


def test_a_chunk_of_map_bears_the_name_of_the_function(tmp_path):
    """Not of what `concurrent.futures` wraps around it."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(2) as executor:
                print(len(list(executor.map(nap, [0.01] * 6, chunksize=3))))
    """
    ran = run(tmp_path, POOL, program)
    assert ran.said == "6"
    assert [item.function for item in ran.items("batch")] == ["nap", "nap"]


@pytest.mark.parametrize("method", METHODS)
def test_a_child_that_is_killed_leaves_its_item_in_its_journal(tmp_path, method):
    """Open work is first class in the child too: its segment names the item and where it came from."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as executor:
                future = executor.submit(nap, 60)
                time.sleep(1.5)
                for worker in multiprocessing.active_children():
                    worker.kill()
                print(type(future.exception()).__name__)
    """
    ran = run(tmp_path, POOL, program, arguments=(method,))
    (item,) = ran.items("batch", "nap")
    assert item.started
    states = [process.state for process in ran.journal.processes()]
    assert sorted(states) == ["died", "ended"]


@pytest.mark.parametrize(
    ("method", "death", "said"),
    [
        ("fork", "os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL in the middle of die"),
        ("forkserver", "os._exit(3)", "exited with status 3 in the middle of die"),
        ("spawn", "os._exit(0)", "exited with status 0 in the middle of die"),
    ],
)
def test_a_worker_that_dies_is_a_fault_that_names_its_work(tmp_path, method, death, said):
    """The line that handed it the work, the pool, and how it ended; nothing of the other workers."""
    program = f"""
        def die():
            {death}

        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(2) as executor:
                futures = [executor.submit(nap, 5), executor.submit(die)]
                print(type(futures[1].exception()).__name__)
    """
    ran = run(tmp_path, POOL, program, arguments=(method,))
    assert ran.said == "BrokenProcessPool"
    (fault,) = ran.faults("worker_died")
    (item,) = ran.items("batch", "die")
    assert fault.detail == said
    assert fault.place == item.place


def test_an_initializer_that_kills_its_worker_is_told_from_work(tmp_path):
    """No item had begun."""
    program = """
        def prepare():
            os._exit(7)

        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1, initializer=prepare) as executor:
                print(type(executor.submit(nap, 0).exception()).__name__)
    """
    ran = run(tmp_path, POOL, program)
    (fault,) = ran.faults("worker_died")
    assert fault.detail == "exited with status 7 before it took any work"
    assert fault.site.line


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_that_ends_in_order_leaves_no_fault(tmp_path, method):
    """Neither one that is shut down nor one that renews its workers."""
    program = """
        if __name__ == "__main__":
            observe()
            options = {} if sys.argv[1] == "fork" else {"max_tasks_per_child": 1}
            with loopscope.job("batch"), pool(1, **options) as executor:
                print(len({executor.submit(nap, 0).result() for _ in range(2)}))
    """
    ran = run(tmp_path, POOL, program, arguments=(method,))
    assert ran.said == ("1" if method == "fork" else "2")
    assert not ran.faults("worker_died")


def test_loky_reuses_workers_and_its_items_are_timed_in_them(tmp_path):
    """Its pool follows the model of the standard library's; it starts processes in a way of its own."""
    program = """
        from loky import get_reusable_executor

        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"):
                executor = get_reusable_executor(max_workers=1)
                print(*[executor.submit(nap, 0.2).result() for _ in range(2)])
                print(executor.submit(inside).result() > 0)
            executor.shutdown()
    """
    ran = run(tmp_path, POOL, program)
    worker = ran.said.split()[0]
    naps = [item for item in ran.items("batch", "nap") if not item.outer]
    assert [item.outcome for item in naps] == ["ok", "ok"]
    for item in naps:
        assert 200_000_000 <= item.ended - item.started < 300_000_000
        assert f"(pid {worker})" in item.worker
    (outer,) = ran.items("batch", "inside")
    assert [item.outer for item in ran.items("batch", "nap") if item.outer] == [outer.id]
