"""Jobs in a journal written by hand, and an explorer that shows them."""

import asyncio
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from handmade_journal import DEAD_PID, Segment, cut_short, deadlocked, finished
from starlette.applications import Starlette

from loopscope_dashboard.explorer.launch import Launch
from loopscope_dashboard.explorer.reading import Reading
from loopscope_dashboard.explorer.routes import TOKEN_HEADER, routes
from loopscope_exporters.journal.reader import Journal
from programs import run

COMMAND = [sys.executable, "-c", "from loopscope_dashboard.cli import main; raise SystemExit(main())"]

BLOCKING = """
    import asyncio, time
    observe()

    async def render():
        with loopscope.job("render", key="ep-7"):
            await asyncio.sleep(0.1)
            time.sleep(2)
            await asyncio.sleep(0.1)

    async def main():
        await asyncio.gather(render(), asyncio.sleep(2.5))

    asyncio.run(main())
"""


@contextmanager
def exploring(folder, *more):
    """The address of an explorer on a folder, a process of its own."""
    arguments = ["dashboard", str(folder), "--port", "0", "--no-browser", *more]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()


@pytest.fixture
def segment(tmp_path):
    """An empty segment of this very process, which is alive."""
    made = Segment(tmp_path)
    yield made
    made.close()


@pytest.fixture
def dead_segment(tmp_path):
    """A segment of a process that is gone without a goodbye."""
    made = Segment(tmp_path, pid=DEAD_PID)
    yield made
    made.close()


@pytest.fixture
def history(tmp_path):
    """Read one job back through the journal's reader."""
    return lambda job: Journal(tmp_path).job(job)


@pytest.fixture
def podcast(segment):
    """Id of a finished job with something of everything."""
    return finished(segment)


@pytest.fixture
def lost_podcast(dead_segment):
    """Id of a job whose process died."""
    return cut_short(dead_segment)


@pytest.fixture
def deadlock(dead_segment):
    """A segment of a process that died of its semaphore."""
    deadlocked(dead_segment)
    return dead_segment


@pytest.fixture
def launch(tmp_path):
    return Launch(Reading(tmp_path))


class Page:
    """Asks the explorer's routes as its own page does."""

    def __init__(self, launch):
        self._transport = httpx.ASGITransport(Starlette(routes=routes(launch)))
        self._headers = {TOKEN_HEADER: launch.token}

    def get(self, path, headers=None, params=None):
        async def ask():
            address = "http://127.0.0.1"
            async with httpx.AsyncClient(transport=self._transport, base_url=address) as client:
                asked = self._headers | (headers or {})
                return await client.get(f"/loopscope/api/{path}", headers=asked, params=params)

        return asyncio.run(ask())


@pytest.fixture
def page(launch):
    return Page(launch)


@pytest.fixture
def explorer(tmp_path):
    """An explorer on what this test writes."""
    with exploring(tmp_path) as address:
        yield address


@pytest.fixture
def allowing_explorer(tmp_path):
    """An explorer that browsers may also reach as obs.example."""
    with exploring(tmp_path, "--allow-host", "obs.example") as address:
        yield address


@pytest.fixture
def blocked_explorer(tmp_path):
    """An explorer on what a real program left whose loop stood still."""
    run(tmp_path, BLOCKING)
    with exploring(tmp_path / "journal") as address:
        yield address


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    """An explorer on two jobs that nobody changes: (address, finished job, job of a dead process)."""
    folder = tmp_path_factory.mktemp("gallery")
    over, dead = Segment(folder, ended=0.0), Segment(folder, pid=DEAD_PID)
    shown = finished(over), cut_short(dead)
    over.close()
    dead.close()
    with exploring(folder) as address:
        yield address, *shown
