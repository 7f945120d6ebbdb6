"""The panel beside the timeline, the headline above it and the table of open work below."""

import pytest

from loopscope_dashboard.explorer.details import block_details, task_details
from loopscope_dashboard.explorer.headline import headline, open_work


def of_task(history, name):
    return task_details(history, next(task.id for task in history.tasks if task.name == name))


def section(details, title):
    return next(section for section in details["sections"] if section["title"] == title)


def test_a_task_tells_where_it_was_created(history, podcast):
    """File, line and function of the create_task call, the coroutine and the parent's name."""
    facts = dict(of_task(history(podcast), "chunk-4")["facts"])
    assert facts["created at"] == "/srv/podcast/engine.py:42 in speak"
    assert facts["parent"] == "produce"
    assert facts["lived"] == "3.46 s"


def test_a_wait_names_its_holders_and_their_lines(history, podcast):
    """Who had the permits when the wait began, and where each acquired it."""
    first = section(of_task(history(podcast), "chunk-4"), "Waits")["rows"][0]
    assert first == (
        "semaphore speech",
        "1.93 s",
        "chunk-1 (line 51), chunk-2 (line 51), chunk-3 (line 51)",
        "engine.py:51 in speak",
    )


def test_an_exception_is_told_with_its_line(history, podcast):
    """What was raised, and where."""
    facts = dict(of_task(history(podcast), "notes")["facts"])
    assert facts["state"] == "error"
    assert facts["exception"] == "ValueError"
    assert facts["raised at"] == "/srv/podcast/engine.py:88 in write_notes"


def test_a_cancelled_task_tells_who_cancelled_it(history, segment):
    """By name and line; a task that nobody cancelled has neither."""
    job, root = segment.job("podcast", "1", 7, -9, -1), 7
    segment.task("produce", -9, -1, own=root)
    segment.task("chunk", -8, -7, parent=root, outcome="cancelled", cancelled=(root, 77))
    facts = dict(of_task(history(job), "chunk")["facts"])
    assert facts["cancelled by"] == "produce"
    assert facts["cancelled at"] == "/srv/podcast/engine.py:77 in stop"
    assert "cancelled by" not in dict(of_task(history(job), "produce")["facts"])


def test_a_block_names_culprit_call_and_stack(history, podcast):
    """The line to blame, the call it makes, and how the program got there."""
    read = history(podcast)
    details = block_details(read, read.blocks[0].id)
    facts = dict(details["facts"])
    assert details["title"] == "Loop blocked 3 s"
    assert facts["culprit"] == "/srv/podcast/engine.py:80 in _send"
    assert facts["call"] == "time.sleep(3)"
    assert details["stack"][-1].endswith(":80 in _send")


def test_children_and_work_items_are_listed(history, podcast):
    """A task's panel leads on to what it started."""
    read = history(podcast)
    assert section(of_task(read, "cover"), "Children")["rows"] == [("notes", "error", "2.36 s")]
    assert section(of_task(read, "chunk-1"), "Work items")["rows"][0][0] == "encode"


def test_what_does_not_exist_is_none(history, podcast):
    """The route turns it into a sentence."""
    read = history(podcast)
    assert task_details(read, 1) is None
    assert block_details(read, 1) is None


def test_the_headline_says_that_the_process_died_and_what_it_left(history, lost_podcast):
    """Process, time and the number of open tasks, as an alarm."""
    read = history(lost_podcast)
    still = sum(task.open for task in read.tasks)
    said = headline(read)
    assert said["state"] == "lost"
    assert said["alarm"] is True
    assert said["sentence"].startswith(f"process {read.process.pid} (podcast-engine) died at ")
    assert said["sentence"].endswith(f" with {still} tasks of this job open")


def test_a_job_that_ended_before_its_process_died_raises_no_alarm(dead_segment, history):
    """The process's death is told, but it did this job no harm."""
    job = dead_segment.job("podcast", "1", 0, -9, -5)
    dead_segment.task("chunk", -9, -5)
    assert headline(history(job))["alarm"] is False


def test_open_work_says_what_each_task_waits_for_and_who_has_it(segment, history):
    """The longest wait first; tasks that only wait for their children last."""
    job = segment.job("podcast", "1", 0, -60)
    permit = segment.resource("semaphore", "speech", 1)
    parent = segment.task("parent", -60)
    segment.wait(parent, "gather", -59, detail="asyncio.gather")
    holder = segment.task("holder", -50, parent=parent)
    segment.hold(holder, permit, -49, line=77)
    segment.wait(holder, "http", -40, detail="127.0.0.1:8080")
    waiter = segment.task("waiter", -48, parent=parent)
    segment.wait(waiter, "semaphore", -47, resource=permit, held_by=[holder])
    rows = open_work(history(job))["rows"]
    assert [row["task"] for row in rows] == ["waiter", "holder", "parent"]
    assert rows[0]["what"] == "semaphore speech"
    assert rows[0]["holders"] == "holder (line 77)"
    assert rows[0]["since"] == "47 s"


@pytest.mark.parametrize(("begun", "what"), [(None, "queued: encode"), (-2, "in a worker: encode")])
def test_open_work_in_an_executor_says_whether_it_started(segment, history, begun, what):
    """A busy worker and a full queue look alike from the loop; here they do not."""
    job = segment.job("podcast", "1", 0, -60)
    pool = segment.resource("executor", "encoder", 2)
    task = segment.task("chunk", -50)
    segment.wait(task, "executor", -3, resource=pool)
    segment.item(task, pool, -3, begun)
    [row] = open_work(history(job))["rows"]
    assert row["what"] == what


def test_open_work_that_blocks_the_loop_says_so(segment, history):
    """While it lasts, the block is the answer, with the line."""
    job = segment.job("podcast", "1", 0, -60)
    segment.block(segment.task("chunk", -50), -3)
    [row] = open_work(history(job))["rows"]
    assert row["what"] == "blocks the loop: time.sleep(3)"
    assert row["where"] == "engine.py:80 in _send"


def test_the_root_of_a_job_that_is_over_is_no_open_work(segment, history):
    """A worker task goes on to the next job; a task that this job left behind does count."""
    root = 4711
    job = segment.job("podcast", "1", root, -60, -20)
    segment.task("worker", -70, own=root)
    segment.task("left behind", -50, parent=root)
    work = open_work(history(job))
    assert work["title"] == "Still open after the job ended"
    assert [row["task"] for row in work["rows"]] == ["left behind"]
