"""Runs a suite twice, bare and observed, and tells which tests pass only bare."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PASSED, ALTERED = "passed", "altered"
GOOD = (PASSED, ALTERED)
RETRIES = 3  # of a test that failed under observation: many of CPython's own depend on time
FAULT = "loopscope: the hook"  # what loopscope says of itself when a hook of its own raised

Verdicts = dict[str, str]  # of a test: passed, failed, skipped, altered (left something behind), begun (hung)


class Suite(Protocol):
    """A test suite that can be run as a command, in whole or in part."""

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path | None:
        """Where it wants to be run; None is an empty one."""

    @property
    def patience(self) -> float:
        """Seconds after which it hangs."""

    @property
    def path(self) -> Sequence[Path]:
        """Where it finds modules besides what is installed."""

    def command(self, tests: Sequence[str]) -> list[str]:
        """What runs these tests, else all, and writes a line of JSON a verdict to the file VERDICTS."""


class Run(NamedTuple):
    """What came of one run of a suite."""

    verdicts: Verdicts
    output: str

    @property
    def faults(self) -> list[str]:
        return [line for line in self.output.splitlines() if FAULT in line]


@dataclass(frozen=True)
class Comparison:
    """`broken` are the tests that pass bare and do not pass observed, also when tried again alone."""

    suite: str
    bare: Run
    observed: Run
    broken: dict[str, str]

    def __str__(self) -> str:
        passed = [
            sum(verdict in GOOD for verdict in run.verdicts.values()) for run in (self.bare, self.observed)
        ]
        line = f"{self.suite}: {passed[0]} pass bare, {passed[1]} observed, {len(self.broken)} newly fail"
        return "\n".join([line, *(f"    {test}: {verdict}" for test, verdict in self.broken.items())])


def compare(suite: Suite, folder: Path) -> Comparison:
    """What failed only under observation is tried again, alone; what passes then had another reason."""
    bare, observed = _both(suite, folder, ())
    suspects = newly_failing(bare.verdicts, observed.verdicts)
    for number in range(RETRIES):
        if not suspects:
            break
        again = _both(suite, folder / f"again-{number}", tuple(suspects))
        kept = newly_failing(again[0].verdicts, again[1].verdicts)
        suspects = {test: verdict for test, verdict in suspects.items() if test in kept}
    return Comparison(suite.name, bare, observed, suspects)


def _both(suite: Suite, folder: Path, tests: Sequence[str]) -> tuple[Run, Run]:
    """At the same time, each in a process and a folder of its own."""
    with ThreadPoolExecutor(2) as threads:
        bare = threads.submit(run, suite, folder / "bare", tests, observed=False)
        observed = threads.submit(run, suite, folder / "observed", tests, observed=True)
        return bare.result(), observed.result()


def newly_failing(bare: Verdicts, observed: Verdicts) -> Verdicts:
    """The tests that pass bare and are worse when observed, with what became of them."""
    worse = {}
    for test, verdict in bare.items():
        seen = observed.get(test, "not run")
        if verdict in GOOD and seen not in (GOOD if verdict == ALTERED else (PASSED,)):
            worse[test] = seen
    return worse


def run(suite: Suite, folder: Path, tests: Sequence[str] = (), *, observed: bool) -> Run:
    """Run a suite, or some of its tests; one that hangs is killed with what it has started."""
    folder.mkdir(parents=True)
    report = folder / "report"
    report.touch()
    command = suite.command(tests)
    if observed:
        ours = [sys.executable, "-m", "loopscope", "run", "--journal", str(folder / "journal"), "--"]
        command = [*ours, *command]
    with (folder / "output").open("w+", errors="replace") as output:
        process = subprocess.Popen(
            command,
            cwd=suite.folder or folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(suite, report),
            start_new_session=True,
        )
        try:
            process.wait(timeout=suite.patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        verdicts = dict(json.loads(line) for line in report.read_text().splitlines())
        return Run(verdicts, output.read())


def _environment(suite: Suite, report: Path) -> dict[str, str]:
    """Quiet: a port that is open, or a line on stderr, is what some tests look for."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("LOOPSCOPE_")}
    path = [*map(str, suite.path), *filter(None, [theirs.get("PYTHONPATH")])]
    ours = {"LOOPSCOPE_METRICS_PORT": "-1", "VERDICTS": str(report)}
    return {**theirs, **ours, **({"PYTHONPATH": os.pathsep.join(path)} if path else {})}
