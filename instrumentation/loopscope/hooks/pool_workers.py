"""Pool workers, in their own process: each item they take and finish, told by their two queues.

The worker's loop is CPython's own. It is given its queues in a thin cover, and what it takes from one and
puts into the other says when an item begins and ends: nothing is wrapped around the user's function, and no
frame of ours is in its tracebacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope import tickets
from loopscope.clock import now
from loopscope.context import job_var, worker
from loopscope.recorder import recorder
from loopscope.records import ERROR, OK
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches

TICKET = "loopscope_ticket"  # on a call item, pickled with it

Outcome = tuple[str, str]  # outcome and the type of the exception, if any


class _Arrivals:
    """The queue that calls come from."""

    def __init__(self, queue: Any, desk: tickets.Desk) -> None:
        self._queue = queue
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def get(self, *args: Any, **options: Any) -> Any:
        try:
            call = self._queue.get(*args, **options)
        except BaseException as error:
            step_out(error)
            raise
        ticket = getattr(call, TICKET, None)
        if ticket is not None:
            try:
                self._desk.begin(ticket)
            except Exception:
                recorder.fault("pool worker")
        return call


class _Departures:
    """The queue that results go to; `outcome_of` reads one."""

    def __init__(self, queue: Any, desk: tickets.Desk, outcome_of: Callable[[Any], Outcome]) -> None:
        self._queue = queue
        self._desk = desk
        self._outcome_of = outcome_of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def put(self, result: Any, *args: Any, **options: Any) -> Any:
        moment = now()
        try:
            sent = self._queue.put(
                result, *args, **options
            )  # raises for what cannot be pickled; that comes next
        except BaseException as error:
            step_out(error)
            raise
        try:
            self._desk.end(moment, *self._outcome_of(result))
        except Exception:
            recorder.fault("pool worker")
        return sent


def install(patches: Patches, module: Any, name: str, outcome_of: Callable[[Any], Outcome]) -> None:
    """Hook the function ``module.name(calls, results, …)`` that is a worker's whole life."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def work(calls: Any, results: Any, /, *args: Any, **options: Any) -> Any:
            try:
                worker.item = None  # a forked worker has inherited whatever its parent was at
                job_var.set(None)
                desk = tickets.Desk()
                calls = _Arrivals(calls, desk)
                results = _Departures(results, desk, outcome_of)
            except Exception:
                recorder.fault("pool worker")
            try:
                return original(calls, results, *args, **options)
            except BaseException as error:
                step_out(error)
                raise

        return work

    patches.replace(module, name, make)


def outcome_of_future(result: Any) -> Outcome:
    """Of what `concurrent.futures` sends back; a number is a worker that says that it leaves."""
    error = getattr(result, "exception", None)
    if error is None:
        return OK, ""
    return ERROR, type(getattr(error, "exc", error)).__qualname__


def outcome_of_pool(result: Any) -> Outcome:
    """Of what `multiprocessing.Pool` sends back: number, index, and a pair of success and value."""
    success, value = result[2]
    return (OK, "") if success else (ERROR, type(getattr(value, "exc", value)).__qualname__)
