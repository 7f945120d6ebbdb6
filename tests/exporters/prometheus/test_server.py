"""The metrics over HTTP: where they are served, when they answer, and what is said when they cannot be."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import loopscope
from loopscope.diagnosis.words import KINDS
from loopscope.exporter import ExporterError
from loopscope.records import Batch
from loopscope_exporters.prometheus import PrometheusExporter, server

HOST = "127.0.0.1"


@pytest.fixture
def start(state):
    """Starts an exporter with the given settings; stopped after the test."""
    started = []

    def start(**settings):
        exporter = PrometheusExporter(state, replace(state.settings, **({"metrics_port": 0} | settings)))
        exporter.start()
        started.append(exporter)
        return exporter

    yield start
    for exporter in started:
        exporter.stop()


def get(port, **headers):
    request = urllib.request.Request(f"http://{HOST}:{port}/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def run(program):
    """A program in an interpreter of its own; what it printed, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_text_format_can_be_parsed(start):
    """What Prometheus' own parser reads: loopscope's families and nobody else's."""
    content_type, text = get(start().port)
    names = {family.name for family in text_string_to_metric_families(text)}
    assert content_type.startswith("text/plain")
    assert "loopscope_tasks_finished" in names
    assert all(name.startswith("loopscope_") for name in names)


def test_a_finding_is_counted_in_the_next_scrape():
    """By its kind, once however long it lasts; the other kinds stand at 0."""

    async def work(lock):
        async with lock:
            await lock.acquire()  # the fault under test

    async def main():
        stuck = asyncio.create_task(work(asyncio.Lock()))
        await asyncio.sleep(1.2)
        _, text = get(handle.exporter("prometheus").port)
        stuck.cancel()
        await asyncio.wait([stuck])
        return text

    handle = loopscope.instrument(metrics_port=0, journal="off", spans="off", diagnosis_interval=0.2)
    try:
        text = asyncio.run(main())
    finally:
        handle.close()
    counted = {
        sample.labels["kind"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "loopscope_findings_total"
    }
    assert counted.pop("lock_cycle") == 1
    assert set(counted) == set(KINDS) - {"lock_cycle"}
    assert set(counted.values()) == {0}


def switches(name):
    """How often the thread of that name has gone to sleep so far."""
    (thread,) = (thread for thread in threading.enumerate() if thread.name == name)
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("voluntary"))
    return int(line.split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
def test_nobody_asks_and_nothing_wakes_up(start):
    """A thread that looked whether to stop would take the GIL each time."""
    port = start().port
    get(port)  # it serves by now
    time.sleep(0.1)
    before = switches("loopscope-metrics")
    time.sleep(0.7)
    assert switches("loopscope-metrics") == before
    get(port)
    assert switches("loopscope-metrics") > before


def test_openmetrics_is_served_to_those_who_ask_for_it(start):
    """Prometheus does."""
    content_type, text = get(start().port, Accept="application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_a_taken_port_is_a_sentence_that_says_what_to_do(start):
    """Found, expected, to do."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ExporterError) as refused:
            start(metrics_port=port)
    assert str(refused.value) == (
        f"the metrics cannot be served on {HOST} port {port}: another program listens there; "
        "set LOOPSCOPE_METRICS_PORT to another port, to 0 for any free one, or to -1 for no server"
    )


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"metrics_port": 70_000}, "set LOOPSCOPE_METRICS_PORT to a port from 1 to 65535"),
        ({"metrics_host": "192.0.2.1"}, "set LOOPSCOPE_METRICS_HOST to an address of this machine"),
        (
            {"metrics_host": "no-such-host.invalid"},
            "set LOOPSCOPE_METRICS_HOST to an address of this machine",
        ),
    ],
)
def test_an_impossible_address_is_a_sentence_too(start, settings, hint):
    """Each names the variable that has to change."""
    with pytest.raises(ExporterError, match=hint):
        start(**settings)


def test_minus_one_means_no_server(start):
    """For services that mount the metrics, or want none."""
    before = threading.active_count()
    assert start(metrics_port=-1).port == 0
    assert threading.active_count() == before


def test_ipv6_is_an_address_like_any_other(start):
    """A host with a colon in it."""
    port = start(metrics_host="::1").port
    with urllib.request.urlopen(f"http://[::1]:{port}/metrics", timeout=10) as answer:
        assert answer.status == 200


def test_stop_frees_the_port(start):
    """At once: the next process may want it."""
    exporter = start()
    port = exporter.port
    exporter.stop()
    assert exporter.port == 0
    socket.create_server((HOST, port)).close()


def test_a_silent_client_keeps_nobody_waiting(start):
    """Each request has a thread of its own."""
    port = start().port
    with socket.create_connection((HOST, port)):
        assert "loopscope_tasks" in get(port)[1]


def test_a_silent_client_is_shown_the_door(start, monkeypatch):
    """Or a port scanner would leave a thread behind for ever."""
    monkeypatch.setattr(server._Handler, "timeout", 0.05)
    with socket.create_connection((HOST, start().port), timeout=10) as client:
        assert client.recv(1) == b""


def test_the_metrics_answer_while_the_loop_is_blocked():
    """The whole point of a thread of their own: the block that lasts is already in them."""
    seen = run("""
import asyncio, json, threading, time, urllib.request
import loopscope

handle = loopscope.instrument(metrics_port=0, journal="off", spans="off")
address = f"http://127.0.0.1:{handle.exporter('prometheus').port}/metrics"
texts = []

def scrape():
    while not texts or 'blocks_total{cause="blocking_call"} 1.0' not in texts[-1]:
        texts.append(urllib.request.urlopen(address).read().decode())
    let_go.set()

async def block():
    let_go.wait(timeout=20)

let_go = threading.Event()
scraper = threading.Thread(target=scrape, daemon=True)

async def main():
    scraper.start()
    await asyncio.create_task(block())

asyncio.run(main())
print(json.dumps({"answered": let_go.is_set(), "text": texts[-1]}))
""")
    assert seen["answered"]
    assert 'loopscope_tasks{state="running"} 1.0' in seen["text"]


def test_scrapes_beside_a_busy_loop_and_forks_never_fail():
    """Tasks, waits, resources and blocks come and go while they are counted; each scrape is whole."""
    seen = run("""
import asyncio, json, os, threading, urllib.request, warnings
import loopscope

warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside threads
handle = loopscope.instrument(metrics_port=0, journal="off", spans="off", block_threshold=0.01)
address = f"http://127.0.0.1:{handle.exporter('prometheus').port}/metrics"
families = []

def scrape():
    while len(families) < 150:
        text = urllib.request.urlopen(address).read().decode()
        families.append(text.count("# TYPE"))

async def come_and_go(number):
    with loopscope.job(f"job {number}"):
        semaphore = asyncio.Semaphore(1)

        async def use():
            async with semaphore:
                await asyncio.sleep(0)

        await asyncio.gather(*(use() for _ in range(20)), asyncio.to_thread(sum, [1]))

def fork():
    if os.fork() == 0:
        os._exit(0)
    os.wait()

async def main():
    number = 0
    while scraper.is_alive():
        await asyncio.gather(*(come_and_go(number + one) for one in range(5)))
        number += 5
        fork()

scraper = threading.Thread(target=scrape, daemon=True)
scraper.start()
asyncio.run(main())
print(json.dumps({"families": families, "faults": dict(handle.state.faults)}))
""")
    assert seen["faults"] == {}
    assert seen["families"] == sorted(seen["families"])  # none goes missing; some begin with the first sample


def test_a_forked_worker_of_multiprocessing_serves_nothing():
    """The port is its parent's; the parent goes on serving and the worker holds no socket of it."""
    seen = run("""
import json, multiprocessing, socket, time, urllib.request, warnings
import loopscope

warnings.simplefilter("ignore")  # newer Pythons warn of any fork beside threads
handle = loopscope.instrument(metrics_port=0, journal="off", spans="off")
port = handle.exporter("prometheus").port

def work(answers):
    time.sleep(0.5)  # several drains
    answers.put(handle.exporter("prometheus").port)
    end.wait(60)

context = multiprocessing.get_context("fork")
answers, end = context.Queue(), context.Event()
worker = context.Process(target=work, args=(answers,))
worker.start()
answer = answers.get()
served = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").status
handle.close()
socket.create_server(("127.0.0.1", port)).close()  # free, though the worker lives
end.set()
worker.join()
print(json.dumps({"worker": answer, "served": served}))
""")
    assert seen == {"worker": 0, "served": 200}


def test_a_forked_server_process_serves_metrics_of_its_own():
    """Prefork servers load the application once and fork; each worker is a process to observe."""
    seen = run("""
import json, os, time, urllib.request, warnings
import loopscope

warnings.simplefilter("ignore")
handle = loopscope.instrument(metrics_port=0, journal="off", spans="off")
mine = handle.exporter("prometheus").port
reading, writing = os.pipe()
if os.fork() == 0:
    exporter = handle.exporter("prometheus")
    end = time.monotonic() + 20
    while not exporter.port and time.monotonic() < end:
        time.sleep(0.05)
    status = urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/metrics").status
    os.write(writing, json.dumps({"port": exporter.port, "status": status}).encode())
    os._exit(0)
theirs = json.loads(os.read(reading, 1000))
os.wait()
print(json.dumps({"apart": theirs["port"] != mine, "status": theirs["status"]}))
""")
    assert seen == {"apart": True, "status": 200}


def test_metrics_mounted_before_a_fork_are_those_of_the_child():
    """Prefork servers load the application, its mounts included, and fork then."""
    seen = run("""
import json, os, warnings
import loopscope
from prometheus_client import CollectorRegistry, generate_latest
from loopscope_exporters.prometheus import LoopscopeCollector

warnings.simplefilter("ignore")
handle = loopscope.instrument(metrics_port=-1, journal="off", spans="off")
registry = CollectorRegistry()
registry.register(LoopscopeCollector(handle))
reading, writing = os.pipe()
if os.fork() == 0:
    with loopscope.job("of the child"):
        os.write(writing, generate_latest(registry))
    os._exit(0)
os.wait()
child = os.read(reading, 100_000).decode()
print(json.dumps({"child": child, "parent": generate_latest(registry).decode()}))
""")
    running = 'loopscope_jobs_running{job_name="of the child"} 1.0'
    assert (running in seen["child"], running in seen["parent"]) == (True, False)


def test_a_spawned_worker_of_multiprocessing_serves_nothing(start, monkeypatch):
    """Its command line gives it away before `multiprocessing` itself does."""
    command = ["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()"]
    monkeypatch.setattr(sys, "orig_argv", command)
    exporter = start()
    exporter.drain(Batch(now=0))
    assert exporter.port == 0
