"""Do incidents still take place when they are observed? Runs the corpus beside this repository.

Each program runs under `loopscope run`, and what it prints must meet its `expect`: an incident must neither
vanish nor be healed by observation. With --uvloop its loops are uvloop's. Some programs do not allow that:
what they print does not meet their `expect` unobserved either. They are told apart by such a run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import corpus

if TYPE_CHECKING:
    from types import ModuleType

PATIENCE = 60  # s for a program that takes ten at most
# Python runs a module of this name at the start of each process, without a word in the program.
USE_UVLOOP = """\
import asyncio
import uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
"""
AS_EXPECTED, CHANGED, NOT_ALLOWED = "as expected", "changed", "does not allow uvloop"


class Outcome(NamedTuple):
    """What became of a case; ``unmet`` is what its program said instead."""

    case: str
    verdict: str
    unmet: str = ""


class Runner:
    """Runs programs of the corpus and compares their evidence with what is expected."""

    def __init__(self, scorer: Path, python_path: str, tries: int) -> None:
        self._judge: ModuleType = corpus.judge(scorer)
        self._environment = corpus.environment() | ({"PYTHONPATH": python_path} if python_path else {})
        self._tries = tries

    def __repr__(self) -> str:
        return f"<Runner: up to {self._tries} tries a program>"

    def observed(self, case: Path) -> Outcome:
        """Run it under `loopscope run`, with a journal of its own."""
        with tempfile.TemporaryDirectory() as journal:
            unmet = self._tried(case, [sys.executable, "-m", "loopscope", "run", "--journal", journal, "--"])
        return Outcome(case.name, CHANGED if unmet else AS_EXPECTED, unmet)

    def on_uvloop(self, case: Path) -> Outcome:
        """The same, and unobserved as well where that does not go as expected."""
        outcome = self.observed(case)
        if outcome.verdict == CHANGED and (unmet := self._tried(case, [])):
            return Outcome(case.name, NOT_ALLOWED, unmet)
        return outcome

    def _tried(self, case: Path, under: list[str]) -> str:
        unmet = ""
        for _ in range(self._tries):
            if not (unmet := self._unmet(case, under)):
                break
        return unmet

    def _unmet(self, case: Path, under: list[str]) -> str:
        expected = json.loads((case / corpus.TRUTH).read_text())["expect"]
        command = [*under, sys.executable, str(case / corpus.PROGRAM)]
        try:
            ran = subprocess.run(
                command,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no end within {PATIENCE} s"
        evidence: dict[str, Any] | None = self._judge.last_json(ran.stdout)
        if evidence is None or ran.returncode:
            last = (ran.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
            return f"exit {ran.returncode}: {last}"
        meets = self._judge.meets
        unmet = {key: evidence.get(key) for key in expected if not meets(evidence.get(key), expected[key])}
        return str(unmet) if unmet else ""


def main(arguments: list[str]) -> int:
    """1 when an incident does not take place under observation as it does without."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="of the corpus")
    parser.add_argument("cases", nargs="*", help="names of cases; default: all")
    parser.add_argument("--uvloop", action="store_true", help="run their loops on uvloop")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time (more disturb their timing)")
    parser.add_argument("--tries", type=int, default=2, help="for a program that a busy host may disturb")
    options = parser.parse_args(arguments)
    scorer = corpus.scorer_in(options.folder, "incidents")
    if scorer is None:
        return 0
    with tempfile.TemporaryDirectory() as python_path:
        if options.uvloop:
            (Path(python_path) / "sitecustomize.py").write_text(USE_UVLOOP)
        runner = Runner(scorer, python_path if options.uvloop else "", options.tries)
        run = runner.on_uvloop if options.uvloop else runner.observed
        with ThreadPoolExecutor(options.jobs) as pool:
            return report(list(pool.map(run, corpus.cases_in(Path(options.folder), options.cases))))


def report(outcomes: list[Outcome]) -> int:
    """Print a line for each case that is not as expected, then the sums; exit code."""
    for outcome in outcomes:
        if outcome.verdict != AS_EXPECTED:
            print(f"{outcome.case:30} {outcome.verdict}: {outcome.unmet}")
    count = [outcome.verdict for outcome in outcomes].count
    allowed = len(outcomes) - count(NOT_ALLOWED)
    others = f", {count(NOT_ALLOWED)} do not allow uvloop" if count(NOT_ALLOWED) else ""
    print(f"{count(AS_EXPECTED)} of {allowed} as expected{others}")
    return 1 if count(CHANGED) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
