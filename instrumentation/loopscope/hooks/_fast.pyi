import asyncio
from asyncio import BoundedSemaphore, Future, Handle, Lock, Semaphore
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import FrameType
from typing import Any, TypeVar

from loopscope.detail import Detail
from loopscope.loop_clock import LoopClock
from loopscope.places import NotedPlace
from loopscope.recorder import Recorder
from loopscope.records import Job, Place, Task, WorkItem

_F = TypeVar("_F", bound=Callable[..., Any])

class Times:
    mark: int
    limit: int
    woke: int
    iterations: int
    busy: int
    overslept: float
    asleep: bool
    @staticmethod
    def forget() -> None: ...

class Budget:
    left: float
    over: int
    tasks: int
    def serve(self) -> None: ...

class Request: ...

def configure(
    theirs: tuple[type[Handle], type[Future[Any]], type[asyncio.Task[Any]]],
    permits: tuple[type[Semaphore], type[BoundedSemaphore], type[Lock], bool],
    ours: tuple[type[LoopClock], type[Job], type[Detail], type[Task], type[WorkItem]],
    tables: tuple[dict[int, int], dict[int, Any], dict[int, LoopClock]],
    here: tuple[ContextVar[Job | None], Any],
    recorder: Recorder,
    functions: tuple[
        Callable[[Any, BaseException], None],
        Callable[[LoopClock, Any, int], None],
        Callable[[int, Any, int], None],
        Callable[[int], None],
        Callable[[Any, str, LoopClock, int], None],
        Callable[[Task, Any, tuple[Any, ...] | None, int], None],
        Callable[[Task, Any, int], None],
        Callable[[], str],
        Callable[[WorkItem, str, BaseException | None], None],
        Callable[[FrameType], NotedPlace | None],
        Callable[[Any], Any],
    ],
    plain: tuple[Any, Any, Any, dict[str, Any] | None],
    limits: tuple[int, int],
    /,
) -> None: ...
def is_configured() -> bool: ...
def before_step(hook: _F, original: _F, /) -> _F: ...
def before_create_task(hook: _F, original: _F, /) -> _F: ...
def before_put_soon(hook: _F, original: _F, /) -> _F: ...
def before_call_soon(hook: _F, original: _F, /) -> _F: ...
def before_call_at(hook: _F, original: _F, /) -> _F: ...
def before_release(hook: _F, original: _F, /) -> _F: ...
def before_init_primitive(hook: _F, original: _F, /) -> _F: ...
def before_act(hook: _F, original: _F, /) -> _F: ...
def before_lead(note: Callable[..., None], original: _F, /) -> _F: ...
def errand(item: WorkItem, function: _F, /) -> _F: ...
def namer(key: str, hook: Callable[..., None], /) -> Callable[..., None]: ...
def opener(
    blank: Job,
    key: str,
    close: Callable[[Job, BaseException | None], None],
    send: Callable[..., Any],
    failed: int,
    /,
) -> Callable[[Any, Any], AbstractContextManager[Any] | None]: ...
def close_job(job: Job, /) -> bool: ...
def walker(
    origins: dict[str, int], stops: set[int], user: int, package: int, nowhere: Place, hook: _F, /
) -> _F: ...
def noter(
    walker: Callable[[FrameType], Any], noted: dict[tuple[int, int], NotedPlace], hook: _F, /
) -> _F: ...
def timed(clock: LoopClock, sleep: _F, long_step: int, /) -> _F: ...
def take(primitive: Any, /) -> LoopClock | bool | None: ...
def took(primitive: Any, kind: str, clock: LoopClock, began: int, /) -> None: ...
def untrack(*objects: object) -> None: ...
def untrack_for_good(*objects: object) -> None: ...
def track_again() -> None: ...
