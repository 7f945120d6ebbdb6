"""multiprocessing.Pool: every call and chunk is a work item, timed in the child; a lost one is noticed."""

from __future__ import annotations

import pytest

from programs import run

METHODS = ["fork", "forkserver", "spawn"]
POOL = """
    import multiprocessing, multiprocessing.pool, os, signal, sys, time

    def nap(seconds):
        time.sleep(seconds)
        return os.getpid()

    def add(left, right):
        return left + right

    def fail(_):
        raise LookupError("gone")

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def pool(workers, **options):
        context = multiprocessing.get_context(sys.argv[1] if len(sys.argv) > 1 else "fork")
        return context.Pool(workers, **options)
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_call_is_timed_in_the_child_that_runs_it(tmp_path, method):
    """One worker: the second call begins when the first one has ended."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as workers:
                results = [workers.apply_async(nap, (0.2,)) for _ in range(2)]
                print(*[result.get() for result in results])
                workers.close()
                workers.join()
    """
    ran = run(tmp_path, POOL, program, arguments=(method,))
    first, second = ran.items("batch")
    for item in (first, second):
        assert (item.function, item.outcome, item.executor.capacity) == ("nap", "ok", 1)
        assert 200_000_000 <= item.ended - item.started < 300_000_000
        assert f"(pid {ran.said.split()[0]})" in item.worker
        assert item.place.line
    assert first.ended <= second.started


def test_chunks_and_elements_bear_the_name_of_the_users_function(tmp_path):
    """map, starmap and imap_unordered: four chunks a worker, or one item an element."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(2) as workers:
                print(workers.starmap(add, [(1, 2), (3, 4)]), len(list(workers.imap_unordered(nap, [0] * 3))))
                try:
                    workers.map(fail, range(2), chunksize=2)
                except LookupError:
                    print("failed")
                workers.close()
                workers.join()
    """
    ran = run(tmp_path, POOL, program)
    assert ran.said.split("\n") == ["[3, 7] 3", "failed"]
    assert [(i.function, i.outcome, i.exception) for i in ran.items("batch")] == [
        *[("add", "ok", "")] * 2,
        *[("nap", "ok", "")] * 3,
        ("fail", "error", "LookupError"),
    ]


def test_an_item_whose_worker_was_killed_is_lost(tmp_path):
    """The pool itself puts in another worker and lets the caller wait for ever."""
    program = """
        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), pool(1) as workers:
                result = workers.apply_async(die)
                result.wait(1.5)
                print(result.ready(), workers.apply(add, (1, 2)))
    """
    ran = run(tmp_path, POOL, program)
    assert ran.said == "False 3"
    (item,) = ran.items("batch", "die")
    assert (item.outcome, item.open) == ("lost", False)


def test_a_thread_pool_runs_its_items_in_threads_of_the_job(tmp_path):
    """What they open inside is a part of the job that asked."""
    program = """
        def inner(number):
            with loopscope.job("inner", key=number):
                return number

        if __name__ == "__main__":
            observe()
            with loopscope.job("batch"), multiprocessing.pool.ThreadPool(2) as threads:
                print(threads.map(inner, range(4), chunksize=1))
    """
    ran = run(tmp_path, POOL, program)
    assert ran.said == "[0, 1, 2, 3]"
    items = ran.items("batch", "inner")
    assert [item.outcome for item in items] == ["ok"] * 4
    assert {item.worker.split("-")[0] for item in items} == {"Thread"}
    jobs = {job.name: job for job in ran.journal.jobs()}
    assert jobs["inner"].parent == jobs["batch"].id
