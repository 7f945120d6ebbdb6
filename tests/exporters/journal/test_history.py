"""The history of one job, and the numbers that the list of jobs gives for it."""

from __future__ import annotations

import pytest

from loopscope.records import CANCELLED, OK
from loopscope_exporters.journal import JournalError

SECOND = 1_000_000_000


@pytest.fixture
def podcast(record):
    """A job of 10 s: two chunks behind a semaphore of one, an encoder, a block, one chunk still open."""
    recording = record()
    root = recording.task(coroutine="main")
    job = recording.job("podcast", "7", root=root)
    voices = recording.resource(capacity=1)
    pool = recording.resource("executor", "encoders", 4)
    first, second = recording.task(job, "speak"), recording.task(job, "speak")
    hold = recording.hold(first, voices)
    queued = recording.wait(second, "semaphore", voices, held_by=(first.id,))
    request = recording.wait(first, "http", detail="speech.example")
    recording.after(4).end_wait(request)
    recording.end_hold(hold)
    recording.end_wait(queued)
    item = recording.item(first, pool)
    recording.after(2).end_item(item)
    recording.end_task(first)
    recording.block(root, seconds=1)
    recording.step(root, seconds=1)
    recording.sample()
    still = recording.wait(second, "http", detail="speech.example")
    recording.after(4).drain()
    recording.parts = locals()
    return recording


def test_a_history_has_what_ended_and_what_is_open(podcast):
    """Every record of the job is there, with places and resources resolved."""
    parts = podcast.parts
    history = podcast.journal().job(parts["job"].id)
    assert [task.coroutine for task in history.tasks] == ["main", "speak", "speak"]
    assert [task.open for task in history.tasks] == [True, False, True]
    assert history.tasks[1].place == podcast.place(20)
    assert [hold.resource.name for hold in history.holds] == ["voices"]
    (item,) = history.items
    assert (item.executor.name, item.function, item.worker) == ("encoders", "encode", "worker-1")
    assert item.ended - item.started == 2 * SECOND
    (step,), (sample,) = history.slices, history.samples
    assert step.ended - step.started == SECOND
    assert sample.memory == 1_000_000


def test_a_cancelled_task_keeps_who_cancelled_it(podcast):
    """The task and the line, for the explorer as for a diagnosis."""
    first, second = podcast.parts["first"], podcast.parts["second"]
    second.cancelled = first.id, podcast.place(50)
    podcast.end_task(second, CANCELLED)
    podcast.after(1).drain()
    told = podcast.journal().job(podcast.parts["job"].id).tasks[2]
    assert (told.outcome, told.cancelled_by, told.cancelled_at) == (CANCELLED, first.id, podcast.place(50))
    (case,) = podcast.journal().cases()
    assert case.ended_tasks[second.id].cancelled == (first.id, podcast.place(50))
    assert case.ended_tasks[first.id].cancelled is None


def test_a_wait_knows_its_resource_and_its_holders(podcast):
    """Who held the semaphore when the wait began, and where it was created."""
    history = podcast.journal().job(podcast.parts["job"].id)
    queued = next(wait for wait in history.waits if wait.kind == "semaphore")
    assert queued.held_by == (podcast.parts["first"].id,)
    assert (queued.resource.name, queued.resource.capacity) == ("voices", 1)
    assert queued.resource.place == podcast.place(30)
    assert queued.outcome == OK


def test_open_work_reaches_to_the_last_heartbeat(podcast):
    """What is open ends, so far, where the records end."""
    history = podcast.journal().job(podcast.parts["job"].id)
    request = history.waits[-1]
    assert request.open
    assert request.ended == history.now == podcast.wall(podcast.now)
    assert (request.outcome, request.resource) == ("", None)


def test_a_fault_knows_its_task_its_lines_and_whether_it_lasts(podcast):
    """What happened at once has ended; what nobody has put right is open up to where the records end."""
    first, voices = podcast.parts["first"], podcast.parts["voices"]
    podcast.fault(first, voices)
    podcast.after(1)
    podcast.fault(first, lasting=True)
    podcast.after(1).drain()
    once, lasting = podcast.journal().job(podcast.parts["job"].id).faults
    assert (once.kind, once.exception, once.subject) == ("unretrieved", "KeyError", "speak")
    assert (once.task, once.resource.name) == (first.id, "voices")
    assert (once.site, once.place) == (podcast.place(20), podcast.place(80))
    assert (once.open, once.ended - once.at) == (False, 0)
    assert (lasting.open, lasting.ended - lasting.at) == (True, SECOND)


def test_a_block_names_the_culprit_and_its_stack(podcast):
    """The stack comes back as places, outermost first."""
    (block,) = podcast.journal().job(podcast.parts["job"].id).blocks
    assert block.culprit == podcast.place(71, "Uploader.<locals>.send in vain")
    assert block.call == "time.sleep(3)"
    assert block.stack[0] == podcast.place(70, "main")


def test_the_list_and_the_history_give_the_same_numbers(podcast):
    """One truth: 10 s of which http 4 + 4, encoder 2, on the loop 0 for tasks still open."""
    journal = podcast.journal()
    (listed,) = journal.jobs()
    assert listed == journal.job(listed.id).job
    assert listed.seconds == 10
    assert listed.parallelism == pytest.approx((4 + 4 + 2) / 10)
    assert listed.blocked == pytest.approx(1)
    assert (listed.longest_wait, listed.longest_wait_kind) == (4, "http")
    assert listed.longest_wait_detail == "speech.example"


def test_gathered_work_that_ran_one_by_one_on_the_loop_is_not_parallel(record):
    """Each reads and decodes for 1 s on the loop, one is seen as a block; the requests all end together."""
    recording = record()
    job = recording.job("assess covers")
    tasks, requests = [recording.task(job) for _ in range(4)], []
    for task in tasks:
        recording.after(1).step(task, seconds=1)
        requests.append(recording.wait(task, "http"))
    recording.block(tasks[0], seconds=1)
    recording.after(1)
    for task, request in zip(tasks, requests, strict=True):
        recording.end_wait(request)
        recording.end_task(task, running=1)
    recording.end_job(job)
    recording.drain()
    journal = recording.journal()
    (listed,) = journal.jobs()
    assert listed.parallelism == pytest.approx((4 + 4) / 5)
    assert listed == journal.job(listed.id).job


def test_a_block_that_lasts_is_no_outside_wait(record):
    """Long before it ends as a slice: of a request of 4 s, the loop is blocked for the last three."""
    recording = record()
    job = recording.job()
    recording.wait(recording.task(job), "http")
    recording.after(4)
    recording.open_block(recording.task(), seconds=3)
    recording.drain()
    journal = recording.journal()
    (listed,) = journal.jobs()
    assert (listed.parallelism, listed.blocked) == (0.25, 3.0)
    assert listed == journal.job(listed.id).job


def test_waiting_for_its_own_tasks_never_is_a_jobs_longest_wait(record):
    """That a job gathers its chunks says nothing about what holds them up."""
    recording = record()
    root = recording.task(coroutine="main")
    job = recording.job(root=root)
    gather = recording.wait(root, "gather")
    child = recording.task(job)
    lock = recording.wait(child, "lock", recording.resource("lock", "encoder"))
    recording.after(5).end_wait(lock)
    recording.after(5).end_wait(gather)
    recording.drain()
    (summary,) = recording.journal().jobs()
    assert (summary.longest_wait, summary.longest_wait_resource) == (5, "encoder")


def test_a_worker_loop_gives_each_job_its_own_part(record):
    """A root task that serves job after job shows in each only what happened during it."""
    recording = record()
    worker = recording.task(coroutine="worker")
    jobs = []
    for key in ("1", "2"):
        idle = recording.wait(worker, "queue", recording.resource("queue", "inbox"))
        recording.after(10).end_wait(idle)
        worker.job = job = recording.job("message", key, root=worker)
        request = recording.wait(worker, "http")
        recording.after(2).end_wait(request)
        recording.end_job(job)
        jobs.append(job)
    recording.drain()
    journal = recording.journal()
    assert [(job.longest_wait, job.tasks) for job in journal.jobs()] == [(2, 1), (2, 1)]
    for job in jobs:
        (wait,) = journal.job(job.id).waits
        assert (wait.started, wait.ended) == (recording.wall(job.started), recording.wall(job.ended))


def test_a_wait_that_reaches_beyond_the_job_is_cut(record):
    """The root task was already waiting when the job began on it, and waits on when it has ended."""
    recording = record()
    root = recording.task(coroutine="main")
    request = recording.wait(root, "http")
    recording.after(3)
    job = recording.job(root=root)
    recording.after(4).end_job(job)
    recording.after(3).end_wait(request)
    recording.drain()
    history = recording.journal().job(job.id)
    (wait,) = history.waits
    assert (wait.started, wait.ended) == (history.job.started, history.job.ended)
    assert history.job.parallelism == 1.0


def test_a_job_that_begins_late_in_a_segment_is_whole(record):
    """What was written before the job began is skipped, and nothing that reaches into it."""
    recording = record()
    root = recording.task(coroutine="main")
    before = recording.wait(recording.task(coroutine="other"), "lock")
    for _ in range(5):
        recording.after(2).end_task(recording.task(coroutine="earlier"))
        recording.drain()
    reaching = recording.wait(root, "http")
    recording.after(2).end_wait(before)
    recording.drain()
    job = recording.job(root=root)
    child = recording.task(job)
    recording.after(1).drain()
    recording.after(1).end_wait(reaching)
    recording.end_task(child)
    recording.drain()
    journal = recording.journal()
    history = journal.job(job.id)
    assert [task.coroutine for task in history.tasks] == ["main", "speak"]
    assert [wait.kind for wait in history.waits] == ["http"]
    assert (history.job.seconds, history.job.parallelism) == (2.0, 1.0)
    assert journal.jobs() == [history.job]


def test_what_another_process_did_for_the_job_belongs_to_it(record):
    """A child process writes its own segment under the parent's job."""
    parent, child = record(), record()
    job = parent.job("podcast")
    task = child.task(job, "encode_all")
    child.after(1).sample()
    child.end_task(task)
    child.drain()
    parent.after(2).drain()
    history = parent.journal().job(job.id)
    assert [(one.coroutine, one.process) for one in history.tasks] == [("encode_all", child.state.process.id)]
    assert [sample.process for sample in history.samples] == [child.state.process.id]
    assert history.process.id == parent.state.process.id
    assert history.job.tasks == 1


def test_rows_that_ended_between_two_rewrites_show_once(record):
    """Open rows may be some drains old when many are open; the row that says how it ended counts."""
    recording = record()
    job = recording.job()
    task = recording.task(job)
    wait = recording.wait(task, "http")
    recording.after(1).drain()
    recording.after(0.000_001).end_wait(wait)
    recording.drain()
    recording.after(0.000_001).drain()
    journal = recording.journal()
    (kept,) = journal.job(job.id).waits
    assert (kept.open, kept.ended - kept.started) == (False, SECOND + 1000)
    assert journal.jobs()[0].longest_wait == (SECOND + 1000) / SECOND


def test_only_the_newest_jobs_are_listed(record):
    """A limit gives the jobs that started last, newest first, across segments."""
    recording = record(journal_segment_rows=3)
    for key in range(10):
        job = recording.job(key=str(key))
        recording.after(1).end_job(job)
        recording.drain()
    assert [job.key for job in recording.journal().jobs(limit=4)] == ["9", "8", "7", "6"]


def test_a_job_without_progress_is_stuck(record):
    """After `stuck_after` of the observed service, not of the reader."""
    recording = record(stuck_after=60)
    recording.job()
    recording.after(59).drain()
    assert recording.journal().jobs()[0].state == "running"
    recording.after(2).drain()
    assert recording.journal().jobs()[0].state == "stuck"


def test_a_job_is_stuck_when_it_is_still_for_longer_than_is_usual(record):
    """As the service knows it from the jobs before: the journal says what its metrics say."""
    recording = record(stuck_after=60)
    job = recording.job()
    recording.after(20).drain()
    assert recording.journal().jobs()[0].state == "running"
    for _ in range(30):
        recording.state.stillness.learn(job.name, (SECOND,))
    recording.after(1).drain()
    assert recording.journal().jobs()[0].state == "stuck"


def test_an_unknown_job_is_a_sentence(record):
    """Asking for a job that is not there says where to find the ones that are."""
    with pytest.raises(JournalError, match=r"no job 5 in .*loopscope jobs"):
        record().journal().job(5)
