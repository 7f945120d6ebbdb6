"""The demo as a user runs it: real processes, a real journal, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from loopscope_dashboard.demo.ailments import AILMENTS
from loopscope_exporters.journal.reader import Journal

PACKAGE = "loopscope_dashboard.demo"
MARK = "LOOPSCOPE_DEMO_UNDER_TEST"
PATIENCE = 20.0


def fresh_environment():
    """An environment of its own for a demo: whatever it starts, at any depth, inherits the mark."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOPSCOPE_")}
    return {**environment, MARK: uuid.uuid4().hex, "LOOPSCOPE_METRICS_PORT": "0"}


@pytest.fixture
def marked():
    return fresh_environment()


def demo(environment, journal, *arguments):
    command = [sys.executable, "-m", "loopscope", "demo", "--headless", f"--journal={journal}", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def eventually(what):
    """What the function returns, as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what.__name__}"
        time.sleep(0.05)
    return found


def left_behind(environment):
    """The pids of all living processes that carry the mark."""
    mark = f"{MARK}={environment[MARK]}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def assert_nothing_left_behind(environment):
    def all_gone():
        return not left_behind(environment)

    eventually(all_gone)


def jobs_named(journal, name):
    return [job for job in Journal(journal).jobs() if job.name == name]


def test_a_healthy_demo_ends_by_itself_with_a_summary(marked, tmp_path):
    """After its seconds the demo ends with 0, has finished podcasts, and said where to look."""
    running = demo(marked, tmp_path, "--seconds=6")
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    finished = [job for job in jobs_named(tmp_path, "podcast") if job.state == "ok"]
    assert finished
    assert max(job.parallelism for job in finished) > 1.5
    assert "podcasts" in out
    assert "slowest" in out
    assert f"journal    {tmp_path}" in out
    assert "service    http://127.0.0.1:" in out
    assert "metrics    http://127.0.0.1:" in out
    assert_nothing_left_behind(marked)


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    """What a sick demo of twenty-five seconds printed, and its journal."""
    journal = tmp_path_factory.mktemp("sick")
    environment = fresh_environment() | {"LOOPSCOPE_STUCK_AFTER": "3"}  # the last ailment has but 8 s
    running = demo(environment, journal, "--sick", "--seconds=25")
    out, err = running.communicate(timeout=90)
    assert running.returncode == 0, err
    assert_nothing_left_behind(environment)
    return out, journal


def told(out, name):
    """The summary's line about a job."""
    return next(line for line in out.splitlines() if line.strip().startswith(name))


def the_job(journal, name):
    (job,) = jobs_named(journal, name)
    return Journal(journal).job(job.id)


@pytest.mark.parametrize("ailment", AILMENTS, ids=lambda ailment: ailment.name)
def test_each_ailment_is_announced_and_a_job_of_its_own(sick, ailment):
    """A newcomer finds every ailment on the console, and by the same name in the journal."""
    out, journal = sick
    assert f"planted {ailment.name}: {ailment.look}" in out
    assert len(jobs_named(journal, ailment.name)) == 1


def test_podcasts_go_on_beside_the_ailments(sick):
    """Podcasts that began after the last ailment was planted still finish."""
    _, journal = sick
    (last,) = jobs_named(journal, AILMENTS[-1].name)
    podcasts = jobs_named(journal, "podcast")
    assert [job for job in podcasts if job.started > last.started and job.state == "ok"]


def test_the_blocking_upload_names_its_line(sick):
    """The loop was blocked during each of the three uploads, by the helper that posts synchronously."""
    history = the_job(sick[1], "sick-1-blocking-upload")
    uploads = [block for block in history.blocks if block.culprit.function == "ImageHost.upload"]
    assert len(uploads) == 3
    assert "blocking_call" in {block.cause for block in uploads}
    assert history.job.blocked > 2


def test_the_double_semaphore_is_stuck_without_a_request(sick):
    """At the end the podcast was stuck: six chunks waited for the semaphore, none for the network."""
    out, journal = sick
    assert "stuck" in told(out, "sick-2-double-semaphore")
    waits = [wait for wait in the_job(journal, "sick-2-double-semaphore").waits if wait.kind == "semaphore"]
    assert len({wait.task for wait in waits}) == 6
    assert not [w for w in the_job(journal, "sick-2-double-semaphore").waits if w.kind in {"http", "io"}]


def test_the_gathered_reads_ran_one_after_another(sick):
    """Each of the four assessments held the loop while it decoded, and the next could only follow."""
    history = the_job(sick[1], "sick-3-gathered-reads")
    decodings = [block for block in history.blocks if block.culprit.function == "_decode"]
    assert len({block.task for block in decodings}) == 4
    decodings.sort(key=lambda block: block.started)
    assert all(earlier.ended <= later.started for earlier, later in pairwise(decodings))


def test_the_forgotten_task_was_destroyed_while_it_waited(sick):
    """The task that writes the notes did not end: it was destroyed pending."""
    history = the_job(sick[1], "sick-4-forgotten-task")
    (task,) = [task for task in history.tasks if task.coroutine == "_write_notes"]
    assert task.outcome == "destroyed_pending"


def test_the_nested_pools_finished_two_voices_of_six(sick):
    """The others were in a worker or queued for one when the demo ended; none of their chunks was done."""
    out, journal = sick
    assert "stuck" in told(out, "sick-5-nested-pools")
    items = the_job(journal, "sick-5-nested-pools").items
    voices = [item.outcome for item in items if item.function == "measure_voice"]
    assert len(voices) == 6
    assert voices.count("ok") == 2
    assert "ok" not in [item.outcome for item in items if item.function == "measure_chunk"]


def busy_demo(environment, journal):
    """A demo without end in which a podcast is being made."""
    running = demo(environment, journal)

    def a_podcast_runs():
        return list(journal.glob("*.db")) and jobs_named(journal, "podcast")

    eventually(a_podcast_runs)
    assert len(left_behind(environment)) > 2  # the demo, its service and the vendors
    return running


def test_ctrl_c_ends_the_demo_and_all_its_children(marked, tmp_path):
    """Without --seconds the demo runs until SIGINT, then ends with 0, a summary and no temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    marked["TMPDIR"] = str(temporary)
    running = busy_demo(marked, tmp_path)
    assert list(temporary.iterdir())
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert "podcasts" in out
    assert not list(temporary.iterdir())
    assert_nothing_left_behind(marked)


def test_a_killed_demo_takes_its_children_along(marked, tmp_path):
    """Children of a demo that had no chance to end them notice it and end themselves."""
    marked["TMPDIR"] = str(tmp_path)
    with busy_demo(marked, tmp_path) as running:
        running.kill()
    assert_nothing_left_behind(marked)


@pytest.mark.parametrize("part", ["service", "vendors"])
def test_a_taken_port_is_a_sentence(marked, part):
    """A part that cannot have its port says which, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "-m", f"{PACKAGE}.{part}", f"--port={port}"],
            env={**marked, "PODCAST_VENDORS": "http://127.0.0.1:1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode != 0
    assert refused.stderr.startswith(f"cannot listen on 127.0.0.1 port {port}")
    assert "choose another --port" in refused.stderr


def test_a_service_without_vendors_says_what_to_start(marked):
    """Alone, the service tells what it needs."""
    refused = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.service"], env=marked, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "PODCAST_VENDORS is not set; start" in refused.stderr


@contextmanager
def started(module, environment):
    """A process of the demo alone, and what it said when it was ready."""
    with subprocess.Popen(
        [sys.executable, "-m", f"{PACKAGE}.{module}"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def post(address, article):
    request = urllib.request.Request(
        f"{address}/webhook/create-podcast",
        data=json.dumps(article).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["id"]


def open_parts(history):
    """The open tasks that make a part of the podcast, and what kind of thing each open task waits for."""
    tasks = [task for task in history.tasks if task.open]
    parts = {task.id for task in tasks if task.coroutine.endswith("_produce_part")}
    return parts, {wait.task: wait.kind for wait in history.waits if wait.open}


def test_a_killed_service_leaves_its_open_work_in_the_journal(marked, tmp_path):
    """After a SIGKILL in mid-job the journal tells that the process died, and what open tasks waited for."""
    environment = {**marked, "LOOPSCOPE_JOURNAL": str(tmp_path), "TMPDIR": str(tmp_path)}
    with started("vendors", environment) as (_, vendors):
        environment["PODCAST_VENDORS"] = vendors["address"]
        with started("service", environment) as (service, ready):
            key = post(ready["address"], {"title": "The river", "text": "It was silent. " * 400})

            def all_parts_wait():
                for job in jobs_named(tmp_path, "podcast"):
                    parts, waiting = open_parts(Journal(tmp_path).job(job.id))
                    if job.key == key and parts and parts <= waiting.keys():
                        return job
                return None

            job = eventually(all_parts_wait)
            os.kill(service.pid, signal.SIGKILL)
            service.wait()
        (process,) = [one for one in Journal(tmp_path).processes() if one.pid == service.pid]
        assert process.state == "died"
        history = Journal(tmp_path).job(job.id)
        assert history.job.state == "lost"
        parts, waiting = open_parts(history)
        assert parts
        assert parts <= waiting.keys()
        assert set(waiting.values()) >= {"semaphore", "http"}
    assert_nothing_left_behind(marked)


def test_the_explorer_stays_when_the_service_is_killed(marked, tmp_path):
    """What was open is there to look at until Ctrl-C; then the demo says that it failed."""
    command = [sys.executable, "-m", "loopscope", "demo", f"--journal={tmp_path}", "--dashboard-port=0"]
    with subprocess.Popen(command, env=marked, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.split()[:1] == ["explorer"]:
                address = line.split()[1]
            if line.split()[:1] == ["journal"]:
                break
        service = eventually(lambda: [found for found in Journal(tmp_path).processes() if found.pid])[0]
        os.kill(service.pid, signal.SIGKILL)
        told_where = next(line for line in process.stdout if "what was open is at" in line)
        assert address in told_where
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(address, timeout=PATIENCE) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=PATIENCE) == 2
    assert_nothing_left_behind(marked)
