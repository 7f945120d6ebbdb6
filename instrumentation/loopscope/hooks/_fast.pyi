from asyncio import AbstractEventLoop, Handle, Task
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from loopscope.loop_clock import LoopClock
from loopscope.recorder import Recorder
from loopscope.records import Job

def configure(
    handle: type[Handle],
    clock: type[LoopClock],
    job: type[Job],
    job_var: ContextVar[Job | None],
    recorder: Recorder,
    thin_tasks: dict[int, int],
    open_tasks: dict[int, Any],
    say_unhandled: Callable[[Any, BaseException], None],
    look_for_long_step: Callable[[LoopClock, Any, int], None],
    thin_ended: Callable[[int, Any, int], None],
    address_reused: Callable[[int], None],
    /,
) -> None: ...
def before_step(hook: Callable[[Any], None], /) -> Callable[[Handle], None]: ...
def before_create_task(
    hook: Callable[..., Task[Any]], original: Callable[..., Task[Any]], /
) -> Callable[[AbstractEventLoop], Task[Any]]: ...
