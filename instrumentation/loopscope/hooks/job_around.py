"""The job that a hook opens around a program's own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.jobs import JobContext
from loopscope.recorder import recorder

if TYPE_CHECKING:
    from types import TracebackType

    from loopscope.records import Job, Place, RawPlace


class JobAround:
    """Like `JobContext`, but never fails: the code inside runs without a job when that cannot be opened."""

    def __init__(self, name: str, kind: str, site: Place | RawPlace | None) -> None:
        self._name = name
        self._kind = kind
        self._site = site
        self._context: JobContext | None = None

    def __repr__(self) -> str:
        return f"<JobAround {self._context or self._name!r}>"

    def __enter__(self) -> Job | None:
        try:
            self._context = context = JobContext(self._name, kind=self._kind, site=self._site)
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
