"""Every private name of CPython that loopscope relies on, and what happens when it is gone."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
from asyncio import BaseEventLoop, Handle, coroutines, format_helpers, locks, tasks
from contextvars import Context
from pathlib import Path
from selectors import BaseSelector
from types import CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any

from loopscope.records import PROCESSES, THREADS

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Executor


# What methods that are done in another place do there: the names in their code, in one version or another.
_CREATE_TASK = "_check_closed _task_factory tasks Task _source_traceback"
_INIT = "contextvars copy_context _context _loop _callback _args _cancelled _repr get_debug"
KNOWN_NAMES = {
    "call_soon": ("_check_closed _debug _check_thread _check_callback _call_soon _source_traceback",),
    "_call_soon": ("events Handle _source_traceback _ready append",),
    "_check_closed": ("_closed RuntimeError",),
    "get_debug": ("_debug",),
    "__init__": (f"{_INIT} format_helpers extract_stack sys _getframe _source_traceback",),
    "create_task": (f"{_CREATE_TASK} _set_task_name", f"{_CREATE_TASK} set_name"),
}


def exception_of(task: asyncio.Task[Any]) -> BaseException | None:
    """The exception of a finished task, not marked as retrieved as `Task.exception()` would."""
    return getattr(task, "_exception", None)


def is_unretrieved(task: asyncio.Task[Any]) -> bool:
    """Would the task complain about its exception if it died now?"""
    return bool(getattr(task, "_log_traceback", False))


def say_unhandled(handle: Any, error: BaseException) -> None:
    """Hand what a callback raised to its loop, as `Handle._run` does."""
    formatted = getattr(format_helpers, "_format_callback_source", lambda callback, _, **__: repr(callback))
    options = {"debug": handle._loop.get_debug()} if sys.version_info >= (3, 13) else {}
    context = {
        "message": f"Exception in callback {formatted(handle._callback, handle._args, **options)}",
        "exception": error,
        "handle": handle,
    }
    if handle._source_traceback:
        context["source_traceback"] = handle._source_traceback
    handle._loop.call_exception_handler(context)


def soon_is_known() -> bool:
    """Does the loop's `_call_soon` do no more than make a handle and append it, as ours does in its place?"""
    return _known(BaseEventLoop, "_call_soon") is not None


def call_soon_is_known() -> bool:
    """And `call_soon` no more than ask the loop two questions and call that?"""
    return _known(BaseEventLoop, "call_soon") is not None


def questions_to_loops() -> tuple[Any, Any]:
    """What a loop is asked before it is given something; each None unless it says what it always did."""
    return _known(BaseEventLoop, "_check_closed"), _known(BaseEventLoop, "get_debug")


def making_of_handles() -> Any:
    """`Handle.__init__`; None unless it does what it always did."""
    return _known(Handle, "__init__")


def making_of_tasks() -> dict[str, Any] | None:
    """The names among which `create_task` looks for the class of tasks, if all it does is to call that."""
    return vars(tasks) if _known(BaseEventLoop, "create_task") is not None else None


def _known(owner: type, name: str) -> Any:
    """A method of asyncio's own, a plain function of its module, which names what it always did."""
    method = getattr(owner, name, None)
    method = getattr(method, "__loopscope_original__", method)
    if type(method) is not FunctionType or method.__globals__ is not vars(sys.modules[owner.__module__]):
        return None
    return method if " ".join(method.__code__.co_names) in KNOWN_NAMES[name] else None


def mark_coroutine_function(kind: type) -> None:
    """Have instances pass for coroutine functions; on 3.11 only asyncio, not `inspect`, can be told."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(kind)
    else:
        setattr(kind, "_is_coroutine", getattr(coroutines, "_is_coroutine", None))  # noqa: B010  mypy knows no such one


def permits_are_plain(semaphore: Any, lock: Any) -> bool:
    """Does asyncio's own code take these two, free and made for this, by one attribute each?"""
    return _turns(semaphore, {"_value": semaphore._value - 1}, "_wake_up_next") and _turns(
        lock, {"_locked": True}, "_wake_up_first"
    )


def _turns(primitive: Any, taken: dict[str, Any], wake_up: str) -> bool:
    found = [getattr(type(primitive), name, None) for name in ("acquire", "release", "locked", wake_up)]
    own: list[Any] = [getattr(method, "__loopscope_original__", method) for method in found]
    if any(getattr(method, "__globals__", None) is not vars(locks) for method in own):
        return False
    acquire, release, *_ = own
    free = vars(primitive).copy()
    with contextlib.closing(acquire(primitive)) as acquiring, contextlib.suppress(StopIteration):
        acquiring.send(None)
    held = vars(primitive).copy()
    release(primitive)
    return held == free | taken and vars(primitive) == free and not free["_waiters"]


def below_steps() -> list[int]:
    """The id of the code that calls `Handle._run`, which a compiled step leaves no frame of."""
    turn = getattr(BaseEventLoop, "_run_once", None)
    return [id(turn.__code__)] if turn is not None else []


def context_of(task: asyncio.Task[Any]) -> Context:
    """The context a task runs in; `Task.get_context` is newer than 3.11."""
    if sys.version_info >= (3, 12):
        return task.get_context()
    found = (part for part in gc.get_referents(task) if type(part) is Context)
    return next(found, Context())


def has_begun(coroutine: Any) -> bool:
    """Has any of the coroutine run? Yes, when it is of a kind that does not tell."""
    if not isinstance(coroutine, CoroutineType):
        return True
    return inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED


def waiting_for(task: asyncio.Task[Any]) -> Any:
    """The future a suspended task waits for; None when it is not suspended or the name is gone."""
    return getattr(task, "_fut_waiter", None)


def members_of(group: Any) -> list[Any]:
    """The tasks of a task group that have not ended; empty when the name is gone."""
    return [task for task in getattr(group, "_tasks", None) or () if not task.done()]


def callbacks_of(future: Any) -> list[Any]:
    """What is called when a future ends; empty when it has ended or the name is gone."""
    of_threads = getattr(future, "_done_callbacks", None)  # a future of `concurrent.futures`
    return list(of_threads) if of_threads else [pair[0] for pair in getattr(future, "_callbacks", None) or ()]


def shows_timers(loop: Any) -> bool:
    """Can `timers_of` see them?"""
    return hasattr(loop, "_scheduled")


def timers_of(loop: Any) -> list[Any]:
    """Timers that are set and not cancelled; uvloop keeps its own where nobody sees them."""
    return [handle for handle in list(getattr(loop, "_scheduled", None) or ()) if not handle._cancelled]


def awaited_by(task: asyncio.Task[Any]) -> list[Any]:
    """What a cancellation of a suspended task is passed on to: the future it awaits, or those it gathers."""
    future = waiting_for(task)
    return list(getattr(future, "_children", ())) or ([] if future is None else [future])


def times_cancelled(future: Any) -> int:
    """How often a task was told to stop and has not taken note of it; 0 for plain futures."""
    asked = getattr(future, "cancelling", None)
    return 0 if asked is None or future.done() else int(asked())


def selector_of(loop: asyncio.AbstractEventLoop) -> Any:
    """The selector of a selector loop; None for other loops, and for a test's double of one."""
    selector = getattr(loop, "_selector", None)
    return selector if isinstance(selector, BaseSelector) else None


def handles_of(loop: asyncio.AbstractEventLoop) -> list[Any]:
    """Callbacks that a loop has yet to run; empty where they are kept in C."""
    return [*getattr(loop, "_ready", ()), *getattr(loop, "_scheduled", ())]


def threads_of(executor: Executor) -> list[Any]:
    """The threads of a pool of threads."""
    return list(getattr(executor, "_threads", ()))


def semaphore_waits(semaphore: Any) -> bool:
    """Would `acquire` suspend? `Semaphore.locked()` says the same at five times the cost."""
    try:
        return semaphore._value <= 0 or bool(semaphore._waiters)
    except AttributeError:
        return bool(semaphore.locked())


def queue_is_unfinished(queue: Any) -> bool:
    """Would `join` suspend? Yes, when the name is gone."""
    return bool(getattr(queue, "_unfinished_tasks", True))


def length_of(queue: Any) -> int:
    """Messages in a queue of asyncio or a memory stream of anyio; 0 when the name is gone."""
    return int(queue.qsize()) if hasattr(queue, "qsize") else len(getattr(queue, "buffer", ()))


def unfinished_of(queue: Any) -> int:
    """Messages put in and not yet reported done; 0 when the name is gone."""
    return int(getattr(queue, "_unfinished_tasks", 0))


def workers_of(executor: Executor) -> int:
    """Most workers an executor starts; 0 is unknown."""
    return int(getattr(executor, "_max_workers", 0) or getattr(executor, "_processes", 0) or 0)


def kind_of_workers(executor: Any) -> str:
    """Processes or threads."""
    is_thread_pool = hasattr(executor, "_threads") or type(executor).__name__ == "ThreadPool"
    return PROCESSES if hasattr(executor, "_processes") and not is_thread_pool else THREADS


def is_of_interpreters(executor: Any) -> bool:
    """From 3.14 on: a pool of threads with an interpreter each, to which work is pickled."""
    module = sys.modules.get("concurrent.futures.interpreter")
    return module is not None and isinstance(executor, module.InterpreterPoolExecutor)


def queue_depth_of(executor: Any) -> int:
    """Work items not yet taken by a worker thread; 0 when the name is gone."""
    queue = getattr(executor, "_work_queue", None)
    return int(queue.qsize()) if queue is not None else 0


def pending_of(executor: Any) -> int:
    """Work items of a process pool beyond those that its workers can be at."""
    return max(0, len(getattr(executor, "_pending_work_items", None) or ()) - workers_of(executor))


def pending_future(manager: Any, work_id: int) -> Any:
    """The future of a work item, asked on the thread that manages its process pool; None when it is gone."""
    pending = getattr(manager, "pending_work_items", None) or {}
    return getattr(pending.get(work_id), "future", None)


POOL_WORKERS = frozenset({"_process_worker", "worker"})  # functions that are a pool worker's whole life


def is_pool_worker(process: Any) -> bool:
    """Will this process of multiprocessing, not yet started, work for a pool?"""
    target = getattr(process, "_target", None)
    module = getattr(target, "__module__", "")
    return getattr(target, "__name__", "") in POOL_WORKERS and module.endswith(
        ("process", "pool", "executor")
    )


def handle_of(process: Any) -> Any:
    """What knows how a process of multiprocessing ended once somebody has asked the kernel."""
    return getattr(process, "_popen", None)


def exit_status(handle: Any) -> int | None:
    """Exit status of a child, negative for a signal; None while nobody knows. Takes it from nobody."""
    known: int | None = getattr(handle, "returncode", None)
    if known is not None:
        return known
    try:
        stat = Path(f"/proc/{handle.pid}/stat").read_text()
    except (OSError, AttributeError):
        return None
    fields = stat.rpartition(")")[2].split()
    return os.waitstatus_to_exitcode(int(fields[-1])) if fields[0] == "Z" else None
