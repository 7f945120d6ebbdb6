"""The document a timeline is painted from, made from a real journal."""

import json
from itertools import pairwise

from loopscope_dashboard.explorer.timeline import timeline


def lane(document, name):
    """What a lane shows: [(kind, label, start, end)] in seconds since the job began."""
    index = document["lanes"]["name"].index(name)
    columns = document["segments"]
    return [
        (
            document["kinds"][columns["kind"][at]],
            document["labels"][columns["label"][at]],
            columns["start"][at] / 1e6,
            columns["end"][at] / 1e6,
        )
        for at in range(columns["offset"][index], columns["offset"][index + 1])
    ]


def kinds(document, name):
    return [kind for kind, *_ in lane(document, name)]


def test_lanes_are_the_tree_of_tasks(history, podcast):
    """Parents stand before their children, children in the order they were created, indented by depth."""
    lanes = timeline(history(podcast))["lanes"]
    chunks = [f"chunk-{number}" for number in range(1, 13)]
    assert lanes["name"] == ["produce", *chunks, "cover", "notes"]
    assert lanes["depth"] == [0] + [1] * 13 + [2]
    assert lanes["name"][lanes["parent"][lanes["name"].index("notes")]] == "cover"


def test_a_task_is_painted_without_gaps_from_start_to_end(history, podcast):
    """Each lane's segments touch and cover the lane."""
    document = timeline(history(podcast))
    for name, start, end in zip(
        *(document["lanes"][column] for column in ("name", "start", "end")), strict=True
    ):
        shown = lane(document, name)
        assert shown[0][2] == start / 1e6
        assert shown[-1][3] == end / 1e6
        assert all(one[3] == other[2] for one, other in pairwise(shown))


def test_a_chunk_waits_speaks_queues_and_encodes(history, podcast):
    """Work items show instead of the wait for their executor; what is between is running or ready."""
    shown = kinds(timeline(history(podcast)), "chunk-4")
    assert [kind for kind in shown if kind != "active"] == ["ready", "semaphore", "http", "queued", "worker"]


def test_a_wait_says_which_one_and_who_holds_it(history, podcast):
    """The label names the semaphore and the tasks that had its permits."""
    waits = {kind: label for kind, label, *_ in lane(timeline(history(podcast)), "chunk-4")}
    assert waits["semaphore"] == "speech, held by chunk-1, chunk-2 and 1 more"


def test_the_task_that_blocks_the_loop_shows_it(history, podcast):
    """The block covers whatever else was recorded, names its line, and is a band across all lanes."""
    document = timeline(history(podcast))
    assert ("blocked", "_send line 80", 3.0, 6.0) in lane(document, "cover")
    [band] = document["bands"]
    assert (band["start"], band["end"]) == (3_000_000, 6_000_000)
    assert band["title"] == "/srv/podcast/engine.py:80 in _send"


def test_a_long_step_shows_as_running(history, podcast):
    """A slice is painted as what it is, between stretches of small steps."""
    assert ("running", "", 1.4, 1.9) in lane(timeline(history(podcast)), "cover")


def test_a_root_task_that_serves_other_jobs_is_cut_to_this_one(history, podcast):
    """A worker task lives longer than the job: its lane begins and ends with the job."""
    document = timeline(history(podcast))
    assert (document["lanes"]["start"][0], document["lanes"]["end"][0]) == (0, 9_400_000)
    assert document["lanes"]["outcome"][0] == "ok"


def test_tasks_of_a_dead_process_end_lost_at_its_last_heartbeat(history, lost_podcast):
    """What was open when the process died is painted up to the last thing known, and called lost."""
    document = timeline(history(lost_podcast))
    lanes = dict(zip(document["lanes"]["name"], document["lanes"]["outcome"], strict=True))
    assert lanes["produce"] == lanes["chunk-8"] == "lost"
    assert lanes["chunk-1"] == "ok"
    assert document["live"] is False
    assert lane(document, "produce")[-1][3] == 6.0


def test_a_running_job_is_live_and_its_tasks_are_open(segment, history):
    """The page asks again while the document says so."""
    job = segment.job("podcast", "now", 0, -5)
    segment.task("chunk", -4)
    document = timeline(history(job))
    assert document["live"] is True
    assert document["lanes"]["outcome"] == ["open"]


def test_a_task_that_never_ran_is_not_painted_as_running(segment, history):
    """A forgotten task that was collected before its first step shows only that it did not start."""
    job = segment.job("podcast", "now", 0, -5, -1)
    segment.task("forgotten", -4, -2, first=None, outcome="never_started")
    document = timeline(history(job))
    assert kinds(document, "forgotten") == ["ready"]
    assert document["lanes"]["outcome"] == ["never_started"]


def test_an_item_that_never_left_the_queue_is_queued_to_the_end(segment, history):
    """An executor whose workers are all busy: no start, no worker."""
    job = segment.job("podcast", "now", 0, -5)
    pool = segment.resource("executor", "encoder", 2)
    task = segment.task("chunk", -4)
    segment.wait(task, "executor", -3, resource=pool)
    segment.item(task, pool, -3, depth=9)
    shown = lane(timeline(history(job)), "chunk")
    assert shown[-1][:2] == ("queued", "encode, 9 ahead in encoder")
    assert "worker" not in kinds(timeline(history(job)), "chunk")


def test_work_that_no_task_submitted_gets_a_lane_of_its_own(segment, history):
    """A thread that hands on work is no task: its item stands below the tree."""
    job = segment.job("calibrate", "songs", 0, -5, -1)
    pool = segment.resource("executor", "encoder", 2)
    segment.task("root", -5, -1)
    segment.item(0, pool, -4, -3.5, -2)
    document = timeline(history(job))
    assert document["lanes"]["name"] == ["root", "encode"]
    assert kinds(document, "encode") == ["queued", "worker"]


def test_a_job_without_tasks_has_an_empty_document(segment, history):
    """A job opened in plain threads is a headline without lanes."""
    document = timeline(history(segment.job("batch", "1", 0, -5, -1)))
    assert document["lanes"]["id"] == []
    assert document["segments"]["offset"] == [0]


def test_ids_survive_a_browser(history, podcast):
    """64-bit ids do not fit a browser's numbers, so none travels as a number."""
    document = json.loads(json.dumps(timeline(history(podcast))))
    assert all(isinstance(identity, str) for identity in document["lanes"]["id"])
    assert int(document["job"]) == podcast


def test_tasks_of_one_coroutine_are_told_apart(segment, history):
    """Nobody named them: they are numbered as they were created, also where they hold something."""
    job = segment.job("podcast", "1", 0, -9, -1)
    permit = segment.resource("semaphore", "slots", 1)
    first = segment.task("Task-7", -8, -2, coroutine="Client.fetch.<locals>.attempt")
    second = segment.task("", -7.5, -2, coroutine="Client.fetch.<locals>.attempt")
    segment.wait(second, "semaphore", -7, -2, resource=permit, held_by=[first, 99])
    document = timeline(history(job))
    assert document["lanes"]["name"] == ["fetch.attempt #1", "fetch.attempt #2"]
    labels = [label for _, label, *_ in lane(document, "fetch.attempt #2")]
    assert "slots, held by fetch.attempt #1, a task of another job" in labels


def test_after_its_last_step_a_task_no_longer_runs(segment, history):
    """What it waited for was never recorded, but running it was not."""
    job = segment.job("notes", "1", 0, -9, -1)
    segment.task("forgotten", -8, -2, outcome="destroyed_pending", last=-7)
    assert kinds(timeline(history(job)), "forgotten") == ["ready", "active", "suspended"]
