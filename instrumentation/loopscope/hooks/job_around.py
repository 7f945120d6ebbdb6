"""The job that a hook opens around a program's own code."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from loopscope.jobs import JobContext
from loopscope.recorder import recorder
from loopscope.records import NOWHERE

if TYPE_CHECKING:
    from types import TracebackType

    from loopscope.records import Job, Place, RawPlace


class JobAround:
    """Like `JobContext`, but never fails: the code inside runs without a job when that cannot be opened."""

    def __init__(
        self, name: str, kind: str, site: Place | RawPlace | None = NOWHERE, key: object = ""
    ) -> None:
        self._name = name
        self._key = key
        self._kind = kind
        self._site = site
        self._context: JobContext | None = None

    def __repr__(self) -> str:
        return f"<JobAround {self._context or self._name!r}>"

    def __enter__(self) -> Job | None:
        try:
            self._context = context = JobContext(self._name, self._key, self._kind, self._site)
            return context.__enter__()
        except Exception:
            recorder.fault("job")
            return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._context is not None:
                self._context.__exit__(kind, error, traceback)
        except Exception:
            recorder.fault("job")


def first_line(function: Any) -> Place | RawPlace:
    """Where a handler is written, inside its decorators; NOWHERE for an object without code."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    return (code, 0) if code is not None else NOWHERE


def rename(job: Job | None, name: str, function: Any) -> None:
    """What a job is called after its handler is found."""
    if job is not None:
        job.name, job.site = name, first_line(function)
