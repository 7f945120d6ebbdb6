"""Servers of several processes under `loopscope run`: each process keeps its own record, and answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from loopscope_exporters.journal import Journal

APP = """
import asyncio, os
from fastapi import FastAPI
app = FastAPI()

@app.get("/work")
async def work():
    await asyncio.sleep(0.02)
    return os.getpid()
"""
SERVERS = {
    "uvicorn": ["uvicorn", "app:app", "--port", "{port}"],
    "uvicorn workers": ["uvicorn", "app:app", "--port", "{port}", "--workers", "2"],
    "uvicorn reload": ["uvicorn", "app:app", "--port", "{port}", "--reload"],
    "gunicorn": [
        "gunicorn",
        "app:app",
        "-b",
        "127.0.0.1:{port}",
        "-w",
        "2",
        "-k",
        "uvicorn_worker.UvicornWorker",
    ],
    "hypercorn": ["hypercorn", "app:app", "-b", "127.0.0.1:{port}", "-w", "2"],
}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    """A server that was started as its manual says; its process, its port, its journal."""
    (tmp_path / "app.py").write_text(APP)
    port = free_port()
    words = [word.format(port=port) for word in SERVERS[request.param]]
    journal = tmp_path / "journal"
    command = [
        sys.executable,
        "-m",
        "loopscope",
        "run",
        "--journal",
        str(journal),
        "--",
        sys.executable,
        "-m",
    ]
    with subprocess.Popen(
        [*command, *words],
        cwd=tmp_path,
        env=os.environ | {"LOOPSCOPE_METRICS_PORT": "-1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        yield process, port, journal
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def ask(port):
    """The pid of the worker that answers, once one does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 30
    while True:
        try:
            with opener.open(f"http://127.0.0.1:{port}/work", timeout=20) as answer:
                return int(answer.read())
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_server_answers_and_its_workers_keep_records_of_their_own(server):
    """Each request is a job of the worker that answered it, and all ended in order at SIGTERM."""
    process, port, journal = server
    answered = {ask(port) for _ in range(8)}
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    read = Journal(journal)
    jobs = [job for job in read.jobs() if job.name == "GET /work"]
    assert len(jobs) == 8
    assert {job.pid for job in jobs} == answered
    assert {job.state for job in jobs} == {"ok"}
    states = {found.pid: found.state for found in read.processes()}
    assert {states[pid] for pid in answered} == {"ended"}
