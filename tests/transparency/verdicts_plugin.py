"""A plugin for pytest that writes what `unittest_run.py` writes: a line when a test begins and ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


class Verdicts:
    """The first outcome of set-up, call and tear-down that is not "passed" is the verdict of a test."""

    def __init__(self, report: str) -> None:
        self._report = Path(report)
        self._verdict = "passed"

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._verdict = "passed"
        self._say(nodeid, "begun")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._verdict == "passed":
            self._verdict = report.outcome

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._say(nodeid, self._verdict)

    def _say(self, nodeid: str, verdict: str) -> None:
        with self._report.open("a") as lines:
            lines.write(json.dumps([nodeid, verdict]) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Verdicts(os.environ["VERDICTS"]))
