"""Jobs in a journal written by hand, and an explorer that shows them."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
from handmade_journal import DEAD_PID, Segment, cut_short, finished

from loopscope_exporters.journal.reader import Journal

COMMAND = [sys.executable, "-c", "from loopscope_dashboard.cli import main; raise SystemExit(main())"]


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
def explorer(tmp_path):
    """An explorer on what this test writes."""
    with exploring(tmp_path) as address:
        yield address


@pytest.fixture
def allowing_explorer(tmp_path):
    """An explorer that browsers may also reach as obs.example."""
    with exploring(tmp_path, "--allow-host", "obs.example") as address:
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
