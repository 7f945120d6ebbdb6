"""Diagnosis in the running process: history folded from each drain, and a look every few seconds."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from loopscope.clock import SECOND
from loopscope.diagnosis.case import Case
from loopscope.diagnosis.engine import Diagnosis, diagnose
from loopscope.diagnosis.history import History
from loopscope.diagnosis.rules import all_rules
from loopscope.logs import logger
from loopscope.recorder import recorder

if TYPE_CHECKING:
    from loopscope.records import Batch, Finding
    from loopscope.state import LiveState

# Under load the records of so many seconds are kept: they lie among the service's objects, which slows it by
# some percent. Rules that look for work in a row need two seconds.
SPAN = 2.5
FEWEST = 100  # records of a kind that are kept in any case
LOOK_SHARE = 50  # a look that took one part of the thread's time is followed by so many without one


class Attendant:
    """Keeps the history of a live state and finds what is new in it. Used by the pump thread.

    The lock lets another thread ask for a diagnosis between two drains.
    """

    def __init__(self, state: LiveState, began: int) -> None:
        self._state = state
        self._began = began
        self._every = int(state.settings.diagnosis_interval * SECOND)
        self._lock = threading.Lock()
        self._history = History()
        self._known: dict[object, Finding] = {}
        self._lasting: dict[object, Finding] = {}
        self._not_before = began + self._every
        all_rules()  # imported here: a fork in the middle of an import leaves the child half a module

    def __repr__(self) -> str:
        return f"<Attendant of {self._state.process.service}: {len(self._known)} findings>"

    def attend(self, batch: Batch) -> list[Finding]:
        """Fold a drained batch; at times look for findings, and give those not given before.

        Those of the last look that are not found any more are over, which the batch says.
        """
        with self._lock:
            self._history.fold(batch)
            if recorder.detail.left <= 0:
                self._history.shorten(max(FEWEST, int(self._state.settings.detail_rate * SPAN)))
        if batch.now < self._not_before:
            return []
        began = time.thread_time_ns()
        found = self.diagnose(batch.now).findings
        self._state.accused = frozenset(id_ for f in found if f.is_serious for id_ in f.jobs)
        fresh = [finding for finding in found if finding.identity not in self._known]
        spent = time.thread_time_ns() - began
        self._not_before = batch.now + max(self._every, spent * LOOK_SHARE)
        lasting: dict[object, Finding] = {finding.identity: finding for finding in found}
        batch.over += [finding for identity, finding in self._lasting.items() if identity not in lasting]
        self._lasting = lasting
        self._known.update((finding.identity, finding) for finding in fresh)
        return fresh

    def case(self, moment: int) -> Case:
        anchor = self._state.anchor
        return Case(
            snapshot=self._state.snapshot(moment),
            history=self._history,
            began=self._began,
            shift=anchor.wall - anchor.monotonic,
        )

    def diagnose(self, moment: int) -> Diagnosis:
        """What is wrong now; from any thread."""
        with self._lock:
            return diagnose([self.case(moment)])


def say(finding: Finding) -> None:
    """A log line; what is for information only is left to those who ask."""
    if finding.is_serious:
        logger().warning(
            finding.explain,
            finding=finding.kind,
            severity=finding.severity,
            culprit=str(finding.culprit),
            job=finding.job,
            fix=finding.fix,
        )
