"""Which span is whose child: records and the program's own spans form one tree."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import loopscope


def test_a_task_is_the_child_of_the_job_that_spawned_it(tree_of):
    """The job's own span stands for the task that opened it."""

    async def chunk():
        await asyncio.sleep(0)

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(chunk())

    tree = tree_of(lambda: asyncio.run(main()))

    name = chunk.__qualname__
    assert tree.path(name) == ["podcast", name]
    assert not tree.named(main.__qualname__)


def test_a_task_created_by_a_task_is_its_child(tree_of):
    """Depth in the tree of tasks is depth in the trace."""

    async def inner():
        await asyncio.sleep(0)

    async def outer():
        await asyncio.create_task(inner())

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(outer())

    tree = tree_of(lambda: asyncio.run(main()))

    assert tree.path(inner.__qualname__) == ["podcast", outer.__qualname__, inner.__qualname__]


def test_a_users_span_inside_a_task_is_the_child_of_the_tasks_span(tree_of, tracer):
    """Tasks that run at the same time keep their spans apart."""

    async def chunk(number):
        await asyncio.sleep(0.001)
        with tracer.start_as_current_span(f"speak {number}"):
            await asyncio.sleep(0.001)

    async def main():
        with loopscope.job("podcast"):
            await asyncio.gather(chunk(1), chunk(2))

    tree = tree_of(lambda: asyncio.run(main()))

    parents = {tree.one(f"speak {number}").parent.span_id for number in (1, 2)}
    assert parents == {span.context.span_id for span in tree.named(chunk.__qualname__)}


def test_a_task_created_under_a_users_span_stands_between_it_and_the_spans_inside(tree_of, tracer):
    """User's span, task, span opened in the task: three generations."""

    async def inner():
        with tracer.start_as_current_span("inside"):
            await asyncio.sleep(0)

    async def main():
        with loopscope.job("podcast"), tracer.start_as_current_span("outside"):
            await asyncio.create_task(inner())

    tree = tree_of(lambda: asyncio.run(main()))

    assert tree.path("inside") == ["podcast", "outside", inner.__qualname__, "inside"]


def test_a_job_opened_under_a_users_span_joins_its_trace(tree_of, tracer):
    """The program's trace goes through the job and back to the program's spans."""

    async def main():
        with (
            tracer.start_as_current_span("request"),
            loopscope.job("podcast"),
            tracer.start_as_current_span("inside"),
        ):
            await asyncio.sleep(0)

    tree = tree_of(lambda: asyncio.run(main()))

    assert tree.path("inside") == ["request", "podcast", "inside"]
    assert len({span.context.trace_id for span in tree.spans}) == 1


def test_a_job_inside_a_job_is_the_child_of_the_task_that_opened_it(tree_of):
    """One trace, and the inner job hangs where it was opened."""

    async def step():
        with loopscope.job("chapter"):
            await asyncio.sleep(0)

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(step())

    tree = tree_of(lambda: asyncio.run(main()))

    assert tree.path("chapter") == ["podcast", step.__qualname__, "chapter"]


def test_a_work_item_is_the_child_of_its_task_and_the_parent_of_spans_in_the_thread(tree_of, tracer):
    """`to_thread` brings a context of its own along, which must not hide the work item."""

    def encode():
        with tracer.start_as_current_span("in the thread"):
            pass

    async def chunk():
        await asyncio.to_thread(encode)

    async def main():
        with loopscope.job("podcast"):
            await asyncio.create_task(chunk())

    tree = tree_of(lambda: asyncio.run(main()))

    item = encode.__qualname__
    assert tree.path("in the thread") == ["podcast", chunk.__qualname__, item, "in the thread"]


def test_a_work_item_submitted_under_a_users_span_stands_between_as_a_task_does(tree_of, tracer):
    """The same for `to_thread` and for a plain `submit`, with spans opened in the thread below."""

    def through_to_thread():
        with tracer.start_as_current_span("inside one"):
            pass

    def through_submit():
        with tracer.start_as_current_span("inside two"):
            pass

    async def main():
        pool, outside = ThreadPoolExecutor(1), tracer.start_as_current_span("outside")
        with pool, loopscope.job("podcast"), outside:
            await asyncio.to_thread(through_to_thread)
            await asyncio.wrap_future(pool.submit(through_submit))

    tree = tree_of(lambda: asyncio.run(main()))

    above = ["podcast", "outside"]
    assert tree.path("inside one") == [*above, through_to_thread.__qualname__, "inside one"]
    assert tree.path("inside two") == [*above, through_submit.__qualname__, "inside two"]


def test_work_in_another_process_is_a_span_of_the_job(tree_of):
    """What a process pool does is told by its parent."""

    async def main():
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1) as pool, loopscope.job("podcast"):
            await loop.run_in_executor(pool, abs, -1)

    tree = tree_of(lambda: asyncio.run(main()))

    assert tree.path("abs") == ["podcast", "abs"]


def test_a_job_in_a_plain_thread_has_a_span(tree_of, tracer):
    """No loop is needed."""

    def work():
        with loopscope.job("podcast"), tracer.start_as_current_span("inside"):
            pass

    def program():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    tree = tree_of(program)

    assert tree.path("inside") == ["podcast", "inside"]


def test_tasks_of_no_job_have_no_spans(tree_of, tracer):
    """Spans are about jobs; a program's own spans go on as ever."""

    async def stray():
        with tracer.start_as_current_span("own"):
            await asyncio.sleep(0)

    async def main():
        await asyncio.create_task(stray())

    tree = tree_of(lambda: asyncio.run(main()))

    assert [span.name for span in tree.spans] == ["own"]


def test_no_span_of_ours_is_left_without_its_parent(tree_of, tracer):
    """Every parent named by a span is itself sent, in a program that uses all there is."""

    async def leaf():
        with tracer.start_as_current_span("leaf"):
            await asyncio.to_thread(len, ())

    async def branch():
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(leaf())

    async def main():
        with loopscope.job("one"):
            await branch()
            with loopscope.job("two"):
                await asyncio.gather(branch(), branch())

    tree = tree_of(lambda: asyncio.run(main()))

    sent = {span.context.span_id for span in tree.spans}
    assert {span.parent.span_id for span in tree.spans if span.parent is not None} <= sent
    assert len(tree.named("leaf")) == 9
