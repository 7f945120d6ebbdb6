"""Children of multiprocessing: those that are spawned are instrumented as their parent is.

A forked child has everything by its birth (`runtime`). A spawned one, or one of a fork server, gets a
greeting among the settings that its process object carries; unpickling it instruments the child before the
module with its work is looked up. What the user gives to the process is pickled as it would be without us.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from loopscope import places, private, workers
from loopscope.context import current_job, job_var
from loopscope.hooks.process_pools import submitting
from loopscope.recorder import recorder
from loopscope.tickets import JobTicket, adopt_job, job_ticket
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

_KEY = "loopscope"  # among a process object's settings
ANY_PORT, NO_PORT = 0, -1


def install(patches: Patches, settings: Settings) -> None:
    given = dataclasses.asdict(settings)
    if settings.metrics_port != NO_PORT:
        given["metrics_port"] = ANY_PORT  # the parent has the one that was asked for
    process = sys.modules["multiprocessing.process"].BaseProcess
    patches.replace(process, "start", lambda original: _starting(original, given))


class _Greeting:
    """Unpickles as a call of `greet`."""

    def __init__(self, settings: dict[str, Any], job: JobTicket | None) -> None:
        self._arguments = settings, job

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Any, ...]]:
        return greet, self._arguments


def greet(settings: dict[str, Any], job: JobTicket | None) -> None:
    """In the child: instrument it. It belongs to the job that its parent started it in."""
    try:
        import loopscope  # noqa: PLC0415  the facade imports us

        loopscope.instrument(**settings)
        job_var.set(adopt_job(job))
    except Exception:
        recorder.fault("greeting")


def _starting(original: Callable[[Any], None], settings: dict[str, Any]) -> Callable[[Any], None]:
    def start(self: Any) -> None:
        config = self._config if _runs_this_python() else {}
        works_for_pool = False
        try:
            works_for_pool = private.is_pool_worker(self)
            config[_KEY] = _Greeting(settings, job_ticket(current_job()))
        except Exception:
            recorder.fault("child")
        try:
            original(self)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            config.pop(_KEY, None)
        if works_for_pool:
            _note_worker(self, sys._getframe(1))

    return start


def _note_worker(process: Any, caller: FrameType | None) -> None:
    try:
        item = submitting.item
        site = places.note_caller(caller)
        workers.started(process, item.executor if item is not None else None, site)
    except Exception:
        recorder.fault("child")


def _runs_this_python() -> bool:
    """Another interpreter may not have us, and could not unpickle what we send."""
    spawn = sys.modules.get("multiprocessing.spawn")
    executable = spawn.get_executable() if spawn is not None else sys.executable
    return bool(executable in {sys.executable, sys.executable.encode()})
