"""Running a small program of its own, observed, and reading what it left in the journal."""

from __future__ import annotations

import linecache
import os
import subprocess
import sys
import textwrap
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopscope.diagnosis.engine import diagnose
from loopscope_exporters.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loopscope.records import Finding, Place

PROGRAM = "program.py"
AT_ONCE = 4
OBSERVE = """
    import loopscope

    def observe(**settings):
        loopscope.instrument(metrics_port=-1, spans="off", **settings)
"""
LIMITED = """
    import asyncio, gc, os, threading, time

    def limit(seconds):
        timer = threading.Timer(seconds, os._exit, args=(0,))
        timer.daemon = True
        timer.start()

    observe()
"""


class Ran:
    """A program that ended: what it printed, and its journal."""

    def __init__(self, folder: Path, said: str) -> None:
        self.said = said
        self.journal = Journal(folder)

    def items(self, job: str, function: str = "") -> list[Any]:
        """The work items of the only job of that name, in the order of submission."""
        (found,) = [row for row in self.journal.jobs() if row.name == job]
        items = self.journal.job(found.id).items
        return [item for item in items if item.function.endswith(function)]

    def faults(self, kind: str) -> list[Any]:
        """The faults of that kind in the program's processes."""
        return [
            fault for case in self.journal.cases() for fault in case.history.last_faults if fault.kind == kind
        ]

    def findings(self) -> list[Finding]:
        """What `loopscope doctor` would say, without what is only worth a note."""
        return [found for found in diagnose(self.journal.cases()).findings if found.is_serious]

    def line(self, place: Place) -> str:
        """The text of a line of the program."""
        assert Path(place.file).name == PROGRAM
        return linecache.getline(place.file, place.line).strip()


@contextmanager
def side_by_side(folder: Path, programs: Iterable[tuple[str, ...]]) -> Iterator[list[Future[Ran]]]:
    """Start programs, a few at a time: they wait more than they work."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = []
        for number, parts in enumerate(programs):
            own = folder / str(number)
            own.mkdir()
            started.append(pool.submit(run, own, *parts))
        yield started
        pool.shutdown(cancel_futures=True)


def run(folder: Path, *parts: str, arguments: tuple[str, ...] = ()) -> Ran:
    """Run a program made of parts, with a journal of its own: it calls `observe()` to be instrumented."""
    journal = folder / "journal"
    journal.mkdir()
    (folder / PROGRAM).write_text("\n".join(map(textwrap.dedent, (OBSERVE, *parts))))
    done = subprocess.run(
        [sys.executable, folder / PROGRAM, *arguments],
        env=os.environ | {"LOOPSCOPE_JOURNAL": str(journal)},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Ran(journal, done.stdout.strip())
