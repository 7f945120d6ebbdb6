"""Messages that queue workers work on are jobs, with the message's id as key and the program's outcome."""

from __future__ import annotations

import pytest
from redis_server import redis_server

from programs import run


@pytest.fixture(scope="module")
def redis():
    with redis_server() as url:
        yield url


def outcomes(ran):
    """Name, state and exception of each job; every one has a key."""
    found = sorted(ran.journal.jobs(), key=lambda job: job.started)
    assert all(job.key for job in found)
    return [(job.name, job.state, job.exception) for job in found]


CELERY = """
    import logging
    observe()
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    app = Celery("shop", broker="memory://", backend="cache+memory://")
    logging.disable(logging.CRITICAL)

    @app.task(name="shop.add")
    def add(left, right):
        return left + right

    @app.task(name="shop.fail")
    def fail():
        raise LookupError("gone")

    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False):
        print(add.delay(1, 2).get(timeout=20))
        print(repr(fail.delay().get(timeout=20, propagate=False)))
"""


def test_celery_tasks_are_jobs(tmp_path):
    """Under the names they are registered by."""
    ran = run(tmp_path, CELERY)
    assert ran.said.splitlines() == ["3", "LookupError('gone')"]
    assert outcomes(ran) == [("shop.add", "ok", ""), ("shop.fail", "error", "LookupError")]


TASKIQ = """
    import asyncio, logging
    observe()
    from taskiq import InMemoryBroker

    broker = InMemoryBroker()
    logging.disable(logging.CRITICAL)

    @broker.task(task_name="shop:add")
    async def add(left, right):
        await asyncio.sleep(0.01)
        return left + right

    @broker.task(task_name="shop:fail")
    async def fail():
        raise LookupError("gone")

    async def main():
        await broker.startup()
        for task, arguments in ((add, (1, 2)), (fail, ())):
            result = await (await task.kiq(*arguments)).wait_result(timeout=20)
            print(result.return_value, repr(result.error))
        await broker.shutdown()

    asyncio.run(main())
"""


def test_taskiq_tasks_are_jobs(tmp_path):
    """Also those whose exception taskiq keeps as a result."""
    ran = run(tmp_path, TASKIQ)
    assert ran.said.splitlines() == ["3 None", "None LookupError('gone')"]
    assert outcomes(ran) == [("shop:add", "ok", ""), ("shop:fail", "error", "LookupError")]


ARQ = """
    import asyncio, logging, sys
    observe()
    from arq import create_pool
    from arq.connections import RedisSettings
    from arq.worker import Worker

    logging.disable(logging.CRITICAL)

    async def add(context, left, right):
        await asyncio.sleep(0.01)
        return left + right

    async def fail(context):
        raise LookupError("gone")

    async def main():
        redis = await create_pool(RedisSettings.from_dsn(sys.argv[1]))
        added = await redis.enqueue_job("add", 1, 2)
        worker = Worker([add, fail], redis_pool=redis, burst=True, poll_delay=0.05, handle_signals=False)
        await worker.async_run()
        print(await added.result(timeout=20))
        await redis.enqueue_job("fail")
        await worker.async_run()
        await worker.close()

    asyncio.run(main())
"""


def test_arq_functions_are_jobs(tmp_path, redis):
    """The worker swallows what they raise; the job does not."""
    ran = run(tmp_path, ARQ, arguments=(redis,))
    assert ran.said == "3"
    assert outcomes(ran) == [("add", "ok", ""), ("fail", "error", "LookupError")]


RQ = """
    import logging, sys
    observe()
    from redis import Redis
    from rq import Queue, Worker

    logging.disable(logging.CRITICAL)
    redis = Redis.from_url(sys.argv[1])
    queue = Queue("shop", connection=redis)
    queue.enqueue("operator.add", 1, 2)
    queue.enqueue("operator.truediv", 1, 0)
    Worker([queue], connection=redis).work(burst=True)
"""


def test_rq_jobs_are_jobs_of_the_process_that_is_forked_for_each(tmp_path, redis):
    """It leaves through `os._exit`, and has said goodbye before."""
    ran = run(tmp_path, RQ, arguments=(redis,))
    assert outcomes(ran) == [("operator.add", "ok", ""), ("operator.truediv", "error", "ZeroDivisionError")]
    assert {process.state for process in ran.journal.processes()} == {"ended"}
    assert len(ran.journal.processes()) == 3
