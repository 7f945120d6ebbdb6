"""Workers of arq, taskiq, Celery and RQ: each message that they work on is a job, its id the job's key."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loopscope.hooks.handlers import first_line
from loopscope.jobs import JobContext
from loopscope.recorder import recorder
from loopscope.records import NOWHERE
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Job
    from loopscope.settings import Settings

ARQ, TASKIQ, CELERY = "arq.worker", "taskiq.receiver.receiver", "celery.signals"
RQ_JOB, RQ_WORKER = "rq.job", "rq.worker.base"
FAILURE = "FAILURE"  # Celery's word


def install_arq(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[ARQ].Worker, "__init__", _with_jobs)


def _with_jobs(original: Callable[..., None]) -> Callable[..., None]:
    """Arq keeps the functions it can run in objects of its own, each with the coroutine function in it."""

    def __init__(self: Any, /, *args: Any, **options: Any) -> None:  # noqa: N807
        try:
            original(self, *args, **options)
        except BaseException as error:
            step_out(error)
            raise
        try:
            for function in self.functions.values():
                function.coroutine = _as_job(function.name, function.coroutine)
        except Exception:
            recorder.fault("arq")

    return __init__


def _as_job(name: str, coroutine: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    site = first_line(coroutine)

    async def run(context: Any, /, *args: Any, **options: Any) -> Any:
        try:
            with JobContext(name, context.get("job_id", ""), site=site):
                return await coroutine(context, *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return run


def install_taskiq(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[TASKIQ].Receiver, "run_task", _running_task)


def _running_task(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Taskiq makes a result of whatever the task raises."""

    async def run_task(self: Any, target: Any, message: Any, *args: Any, **options: Any) -> Any:
        try:
            with JobContext(message.task_name, message.task_id, site=first_line(target)) as job:
                result = await original(self, target, message, *args, **options)
                if result.is_err:
                    job.exception = type(result.error).__qualname__
                return result
        except BaseException as error:
            step_out(error)
            raise

    return run_task


def install_rq_job(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules[RQ_JOB].Job, "perform", _performing)


def install_rq_worker(patches: Patches, say_goodbye: Callable[[], None]) -> None:
    """The child that RQ forks for each job leaves through `os._exit`."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def perform_job(self: Any, /, *args: Any, **options: Any) -> Any:
            try:
                return original(self, *args, **options)
            except BaseException as error:
                step_out(error)
                raise
            finally:
                if getattr(self, "_is_horse", False):
                    say_goodbye()

        return perform_job

    patches.replace(sys.modules[RQ_WORKER].BaseWorker, "perform_job", make)


def _performing(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def perform(self: Any) -> Any:
        try:
            with JobContext(str(self.func_name), self.id, site=NOWHERE):
                return original(self)
        except BaseException as error:
            step_out(error)
            raise

    return perform


class _Celery:
    """Listens to Celery's own signals; tasks of several threads are open at a time."""

    def __init__(self, say_goodbye: Callable[[], None]) -> None:
        self._open: dict[str, tuple[JobContext, Job]] = {}
        self._say_goodbye = say_goodbye

    def begin(self, task_id: str, task: Any, **_: Any) -> None:
        around = JobContext(task.name, task_id, site=first_line(task.run))
        self._open[task_id] = around, around.__enter__()

    def end(self, task_id: str, state: str, retval: Any, **_: Any) -> None:
        if task_id not in self._open:
            return
        around, job = self._open.pop(task_id)
        if state == FAILURE:
            job.exception = type(retval).__qualname__
        around.__exit__(None, None, None)

    def leave(self, **_: Any) -> None:
        """A child of Celery's own pool is about to leave through `os._exit`."""
        self._say_goodbye()


def install_celery(patches: Patches, say_goodbye: Callable[[], None]) -> None:
    signals, listener = sys.modules[CELERY], _Celery(say_goodbye)
    for signal, hear in (
        (signals.task_prerun, listener.begin),
        (signals.task_postrun, listener.end),
        (signals.worker_process_shutdown, listener.leave),
    ):
        signal.connect(hear, weak=False)
        patches.on_restore(lambda signal=signal, hear=hear: signal.disconnect(hear))  # type: ignore[misc]
