from collections.abc import Callable
from types import CodeType, FrameType

from loopscope.loop_clock import LoopClock
from loopscope.records import Task

def start(
    owner: object, loops: list[LoopClock], frames_of: Callable[[], dict[int, FrameType]], /
) -> None: ...
def expect(moment: int, /) -> None: ...
def take() -> (
    tuple[int, dict[int, list[tuple[CodeType, int]]], list[tuple[LoopClock, int, int, Task | None]]] | None
): ...
def stop(owner: object, /) -> None: ...
