"""Runs tests of unittest in this process: ``unittest_run.py MODULE_OR_TEST ...``.

A line of JSON goes to the file VERDICTS when a test begins and when it has ended, so that the report also
says which test hung or took the interpreter with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import unittest
from pathlib import Path
from typing import Any, ClassVar, TextIO

from test import support

BEGUN, PASSED, FAILED, SKIPPED, ALTERED = "begun", "passed", "failed", "skipped", "altered"


class Reporter(unittest.TextTestResult):
    """One verdict a test. A failing subtest fails its test; what leaves a thread behind is altered."""

    report: ClassVar[TextIO]
    verdict = PASSED

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # unittest's names, here and below
        super().startTest(test)
        self.verdict = PASSED
        support.environment_altered = False
        self._say(test, BEGUN)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        altered = self.verdict == PASSED and support.environment_altered
        self._say(test, ALTERED if altered else self.verdict)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self._set(test, SKIPPED)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._set(test, FAILED)

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._set(test, FAILED)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        self._set(test, FAILED)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._set(test, FAILED)

    def _set(self, test: Any, verdict: str) -> None:
        self.verdict = verdict
        if not isinstance(test, unittest.TestCase):  # the set-up of a class or module, which is not started
            self._say(test, verdict)

    def _say(self, test: unittest.TestCase, verdict: str) -> None:
        self.report.write(json.dumps([test.id(), verdict]) + "\n")
        self.report.flush()


def main(*names: str) -> None:
    # A job in the background of a shell is started with SIGINT ignored, and asyncio's tests wait for one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Path(os.environ["VERDICTS"]).open("a") as Reporter.report:
        tests = unittest.defaultTestLoader.loadTestsFromNames(names)
        unittest.TextTestRunner(resultclass=Reporter, verbosity=0).run(tests)


if __name__ == "__main__":
    main(*sys.argv[1:])
