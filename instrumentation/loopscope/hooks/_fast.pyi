from asyncio import BoundedSemaphore, Future, Handle, Lock, Semaphore, Task
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from loopscope.detail import Detail
from loopscope.loop_clock import LoopClock
from loopscope.recorder import Recorder
from loopscope.records import Job

_F = TypeVar("_F", bound=Callable[..., Any])

class Times:
    mark: int
    limit: int
    @staticmethod
    def forget() -> None: ...

class Budget:
    left: float
    over: int
    tasks: int

def configure(
    theirs: tuple[type[Handle], type[Future[Any]], type[Task[Any]], type[deque[Any]]],
    permits: tuple[type[Semaphore], type[BoundedSemaphore], type[Lock], bool],
    ours: tuple[type[LoopClock], type[Job], type[Detail]],
    tables: tuple[dict[int, int], dict[int, Any], dict[int, LoopClock]],
    job_var: ContextVar[Job | None],
    recorder: Recorder,
    functions: tuple[
        Callable[[Any, BaseException], None],
        Callable[[LoopClock, Any, int], None],
        Callable[[int, Any, int], None],
        Callable[[int], None],
        Callable[[Any, str, LoopClock, int], None],
    ],
    /,
) -> None: ...
def before_step(hook: _F, original: _F, /) -> _F: ...
def before_create_task(hook: _F, original: _F, /) -> _F: ...
def before_call_soon(hook: _F, original: _F, /) -> _F: ...
def before_release(hook: _F, original: _F, /) -> _F: ...
def take(primitive: Any, /) -> LoopClock | bool | None: ...
def took(primitive: Any, kind: str, clock: LoopClock, began: int, /) -> None: ...
