"""Jobs: the unit of work a person asks about; what a job spawns belongs to it by a context variable."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from loopscope import places, tracing
from loopscope.clock import now
from loopscope.context import current_task, job_var, recorded_task
from loopscope.recorder import recorder
from loopscope.records import ERROR, NOWHERE, OK, Job
from loopscope.tracebacks import outcome_of, step_out

try:
    from loopscope.hooks._fast import close_job
except ImportError:  # no compiler where it was installed

    def close_job(job: Job, /) -> bool:  # noqa: ARG001
        """A thin job that ended well and soon is counted, and True; else nothing."""
        return False


if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import TracebackType

    from loopscope.records import Place, RawPlace

P = ParamSpec("P")
R = TypeVar("R")


class JobContext:
    """One job as a context manager, or a maker of jobs as a decorator. Not reusable while it is open."""

    __slots__ = ("_before", "_job", "_key", "_kind", "_name", "_site", "_span", "_token")

    def __init__(
        self, name: str, key: object = "", kind: str = "job", site: Place | RawPlace | None = None
    ) -> None:
        self._name = name
        self._site = site
        self._key = str(key)
        self._kind = kind
        self._job: Job | None = None  # the one that is open

    def __repr__(self) -> str:
        return f"<job {self._name!r} {self._key!r}>"

    def __enter__(self) -> Job:
        """Open the job; its record is returned for reading, `id` and `key` above all."""
        if self._job is not None:
            raise RuntimeError(
                f"{self!r} is already open; make a new loopscope.job(...) for each piece of work"
            )
        try:
            return self._begin()
        except Exception:
            recorder.fault("job")
            return Job(0, self._name, self._key, self._kind, 0, 0, NOWHERE, now())

    def _begin(self) -> Job:
        parent = job_var.get()
        thin = parent.thin if parent is not None else recorder.detail.left <= 0
        task = recorded_task() if thin else current_task()
        started = now()
        job = Job(
            recorder.new_id(),
            self._name,
            self._key,
            self._kind,
            parent.id if parent is not None else 0,
            task.id if task is not None else 0,
            _caller() if self._site is None else self._site,
            started,
            progress=started,
            thin=thin,
        )
        self._span: Any = tracing.enter_job(job) if tracing.enabled and not thin else None
        if task is not None:
            self._before, task.job = task.job, job
        recorder.open(recorder.jobs, job)
        self._token: Token[Job | None] = job_var.set(job)
        self._job = job
        return job

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        job, self._job = self._job, None
        try:
            if job is not None:
                self._end(job, error)
        except Exception:
            recorder.fault("job")

    def _end(self, job: Job, error: BaseException | None) -> None:
        try:
            job_var.reset(self._token)
        except ValueError:  # closed in another context than it was opened in, as generators do
            job_var.set(None)
        del self._token
        if self._span is not None:
            tracing.leave_job(self._span)
        task = current_task() if job.root_task else None
        if task is not None and task.id == job.root_task:
            task.job = self._before
        close(job, error)

    async def __aenter__(self) -> Job:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Run each call of the function, or each coroutine it returns, as a job of its own."""
        return _decorate(function, self._name, self._key)


def _caller() -> Place | RawPlace:
    try:
        return places.note_caller(sys._getframe(2))
    except Exception:
        recorder.fault("job")
        return NOWHERE


def close(job: Job, error: BaseException | None) -> None:
    """End an open job; the outcome follows from the exception it ended with."""
    if error is None and job.thin and recorder.settings.compiled and close_job(job):
        return
    if recorder.jobs.pop(job.id, None) is None:
        return
    job.ended = now()
    if error is None:
        job.outcome = ERROR if job.exception else OK
    else:
        job.outcome = outcome_of(error)
        job.exception = type(error).__qualname__
    detail = recorder.detail
    if job.thin and job.outcome == OK and job.ended - job.started < detail.over:
        detail.count_job(job)
    else:
        recorder.keep(recorder.ended_jobs, job)


def _decorate(function: Callable[P, R], name: str, key: str) -> Callable[P, R]:
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            f"loopscope.job got the generator function {function.__qualname__!r}; it takes functions and "
            "coroutine functions. Open the job inside it: with loopscope.job(name): ..."
        )
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: P.args, **options: P.kwargs) -> Any:
            try:
                with JobContext(name, key):
                    return await function(*args, **options)
            except BaseException as error:
                step_out(error)
                raise

        return run_async  # type: ignore[return-value]  # the coroutine function it replaces

    @functools.wraps(function)
    def run(*args: P.args, **options: P.kwargs) -> R:
        try:
            with JobContext(name, key):
                return function(*args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return run


@overload
def job(name: str, key: object = "") -> JobContext: ...
@overload
def job(name: Callable[P, R]) -> Callable[P, R]: ...


def job(name: str | Callable[..., Any], key: object = "") -> Any:
    """Make a piece of work a job.

    As ``with job("podcast", key=id):``, or ``@job`` or ``@job("podcast")`` above a function.
    ``key`` tells one job from another of the same name and is shown, searched and linked to; it is no label
    of any metric. Raises TypeError for anything that is neither a name nor a function.
    """
    if isinstance(name, str):
        return JobContext(name, key)
    if callable(name):
        return _decorate(name, getattr(name, "__name__", repr(name)), "")
    raise TypeError(
        f"loopscope.job got {name!r}; expected a name, as in job('podcast', key=7), or a function to decorate"
    )
