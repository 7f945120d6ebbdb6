"""The end of a program: from when on it should be over, and what it still waits for."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from asyncio import runners
from typing import TYPE_CHECKING, Any

from loopscope import faults, places
from loopscope.clock import SECOND
from loopscope.fault_kinds import (
    AFTER_SIGNAL,
    AT_EXIT,
    END_OF_EXECUTOR,
    END_OF_SERVER,
    END_OF_TASKS,
    END_OF_THREADS,
    SHUTDOWN,
)
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from loopscope.hooks.patching import Patches
    from loopscope.records import Fault
    from loopscope.settings import Settings

QUICK = SECOND  # what is over by then leaves no record


def install(patches: Patches, _: Settings) -> None:
    patches.replace(runners, "_cancel_all_tasks", _during(END_OF_TASKS))
    patches.replace(asyncio.BaseEventLoop, "shutdown_default_executor", _while_awaited(END_OF_EXECUTOR))
    patches.replace(threading, "_shutdown", _joining_threads)
    patches.replace(asyncio.Runner, "_on_sigint", _interrupted)
    patches.replace(asyncio.base_events.Server, "wait_closed", _while_awaited(END_OF_SERVER))
    loops = getattr(asyncio, "unix_events", None)
    if loops is not None:
        patches.replace(loops._UnixSelectorEventLoop, "_handle_signal", _signalled)


def install_uvicorn(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules["uvicorn.server"].Server, "shutdown", _while_awaited(END_OF_SERVER))


def install_aiohttp(patches: Patches, _: Settings) -> None:
    patches.replace(sys.modules["aiohttp.web_runner"].BaseRunner, "cleanup", _while_awaited(END_OF_SERVER))


def _begin(what: str, detail: str = "") -> Fault | None:
    try:
        hook = sys._getframe(1)  # which the interpreter may call itself, at its end
        return faults.begin(SHUTDOWN, what, None, places.note_caller(hook.f_back), detail=detail)
    except Exception:
        recorder.fault("shutdown")
        return None


def _end(fault: Fault | None) -> None:
    try:
        if fault is not None:
            faults.end(fault, at_least=QUICK)
    except Exception:
        recorder.fault("shutdown")


def _during(what: str) -> Callable[..., Callable[..., Any]]:
    """Wrap a function that waits."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def wait(*args: Any, **options: Any) -> Any:
            fault = _begin(what)
            try:
                return original(*args, **options)
            except BaseException as error:
                step_out(error)
                raise
            finally:
                _end(fault)

        return wait

    return make


def _joining_threads(original: Callable[[], None]) -> Callable[[], None]:
    """Called by the interpreter when the main thread is through; the exit handlers come after it."""
    join = _during(END_OF_THREADS)(original)

    def _shutdown() -> None:
        join()
        _begin(AT_EXIT)

    return _shutdown


def _while_awaited(what: str) -> Callable[..., Callable[..., Coroutine[Any, Any, Any]]]:
    """Wrap a coroutine function that waits."""

    def make(original: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def wait(*args: Any, **options: Any) -> Any:
            fault = _begin(what)
            try:
                return await original(*args, **options)
            except BaseException as error:
                step_out(error)
                raise
            finally:
                _end(fault)

        return wait

    return make


def _signalled(original: Callable[..., None]) -> Callable[..., None]:
    """A signal that the loop handles itself; those that stop a program are its last word."""

    def _handle_signal(self: Any, sig: int) -> None:
        _note_signal(sig)
        try:
            original(self, sig)
        except BaseException as error:
            step_out(error)
            raise

    return _handle_signal


def _interrupted(original: Callable[..., None]) -> Callable[..., None]:
    """`asyncio.run` cancels the main task at the first Ctrl-C and gives up at the second."""

    def _on_sigint(self: Any, signum: int, *args: Any, **options: Any) -> None:
        _note_signal(signum)
        try:
            original(self, signum, *args, **options)
        except BaseException as error:
            step_out(error)
            raise

    return _on_sigint


def _note_signal(number: int) -> None:
    if number in {signal.SIGTERM, signal.SIGINT}:
        _begin(AFTER_SIGNAL, signal.Signals(number).name)
