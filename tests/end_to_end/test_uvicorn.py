"""Under uvicorn: with a loop of either kind, stopped in order, killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
import urllib.request

import pytest

from loopscope_exporters.journal import Journal

SERVICE = """
    import asyncio, socket, sys
    import loopscope
    loopscope.instrument(journal={journal!r}, metrics_port=-1, service="tested")
    import uvicorn
    from fastapi import FastAPI
    app = FastAPI()
    slots = asyncio.Semaphore(1)

    @app.get("/work")
    async def work():
        async def step():
            async with slots:
                await asyncio.sleep(0.02)
        await asyncio.gather(step(), step())
        return "done"

    if __name__ == "__main__":
        ours = socket.create_server(("127.0.0.1", 0))
        print(ours.getsockname()[1], flush=True)
        config = uvicorn.Config(app, loop={loop!r}, log_level="error")
        uvicorn.Server(config).run(sockets=[ours])
"""


@pytest.fixture(params=["asyncio", "uvloop"])
def service(request, tmp_path):
    """A service that has answered one request; its process and its journal."""
    journal = tmp_path / "journal"
    script = tmp_path / "service.py"
    script.write_text(textwrap.dedent(SERVICE).format(journal=str(journal), loop=request.param))
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/work", timeout=20) as answer:
            assert answer.read() == b'"done"'
        yield process, journal
        if process.poll() is None:
            process.kill()


def eventually(look):
    deadline = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_a_request_is_a_job_with_its_tasks_and_waits(service):
    """One line in the service, either loop."""
    process, journal = service
    (job,) = eventually(lambda: [job for job in Journal(journal).jobs() if job.state == "ok"])
    assert (job.name, job.kind, job.service, job.tasks) == ("GET /work", "http", "tested", 3)
    history = Journal(journal).job(job.id)
    (wait,) = [wait for wait in history.waits if wait.kind == "semaphore"]
    assert wait.resource.name == "slots"
    assert len(wait.held_by) == 1
    assert Journal(journal).processes()[0].pid == process.pid


def test_a_service_stopped_by_sigterm_has_ended_in_order(service):
    """Uvicorn shuts down and dies of the signal; the journal says ended, not died."""
    process, journal = service
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == -signal.SIGTERM
    assert [found.state for found in Journal(journal).processes()] == ["ended"]
