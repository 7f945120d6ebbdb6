"""A loop's clock: when it woke, when its current handle began, how long its iterations were."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from loopscope import private
from loopscope.clock import SECOND, now
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from loopscope.records import Task

LAG_FLOOR = 1_000_000  # ns; iterations shorter than the first lag bucket are only counted
MAX_SLOW = 100_000

# An attribute of the loop, not a weak dictionary: the step hook reads it once a step, by its literal name.
ATTRIBUTE = "_loopscope_clock"


# The clock of the loop that runs in a thread, by the thread's id.
clocks: dict[int, LoopClock] = {}


try:
    from loopscope.hooks._fast import Times
except ImportError:  # no compiler where it was installed

    class Times:  # type: ignore[no-redef]
        """What a step and a sleep write; see `LoopClock`."""

        __slots__ = ("asleep", "busy", "iterations", "limit", "mark", "overslept", "woke")

        @staticmethod
        def forget() -> None:
            """Which loop has or runs which clock has changed; compiled hooks remember what they found."""


class LoopClock(Times):
    """What a loop's thread writes and watchdog and pump read: plain numbers, no lock.

    The loop is asleep in `select` when `woke` is 0. Otherwise it has been busy since `woke`, and the handle
    that runs now began at `mark`. No timer and no wake-up is involved: both are written by the loop itself,
    around ``selector.select`` and after each handle.
    """

    __slots__ = (
        "key",
        "long",
        "loop",
        "native_thread",
        "on_waking",
        "own_select",
        "running",
        "selector",
        "slow",
        "thread",
        "thread_name",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = weakref.ref(loop)
        self.selector: Any = None
        self.own_select: Any = None  # what stood on that one selector before ours
        self.on_waking: deque[Callable[[], None]] = deque()  # called once; what they raise is theirs to catch
        self.running: Task | None = None
        self.key = 0  # address of what the current handle belongs to, a task most often
        self.thread = self.native_thread = 0
        self.thread_name = ""
        self.woke = self.mark = 0
        self.asleep = False  # in `select`, which is not only polled
        self.limit = 0  # no handle of this iteration that ended before it can have been a long one
        self.iterations = 0
        self.busy = 0
        self.overslept = 0.0  # ns by which its sleeps took longer than asked for
        self.long: deque[tuple[int, int]] = deque(maxlen=MAX_SLOW)  # iterations over LAG_FLOOR
        self.slow: deque[tuple[Task | None, int, int]] = deque(maxlen=MAX_SLOW)  # handles over a threshold

    def __repr__(self) -> str:
        state = f"busy since {self.woke}" if self.woke else "asleep"
        return f"<LoopClock of thread {self.thread_name}: {self.iterations} iterations, {state}>"

    def bind(self) -> None:
        """The loop starts to run in the calling thread."""
        self.thread = threading.get_ident()
        self.native_thread = threading.get_native_id()
        self.thread_name = threading.current_thread().name
        self.woke = self.mark = now()
        clocks[self.thread] = self
        self.forget()

    def rest(self) -> None:
        """The loop stopped running: whatever its thread does now is not the loop's business."""
        self.woke = 0
        self.running = None
        if clocks.get(self.thread) is self:
            del clocks[self.thread]
        self.forget()

    def wake_up(self) -> None:
        """Call those who wait for the loop to be awake; another thread may add to them meanwhile."""
        while self.on_waking:
            self.on_waking.popleft()()

    def watch_selector(self, timed: Callable[..., Callable[..., Any]], long_step: int) -> None:
        """Time the loop's sleep by shadowing `select` on its own selector object; ``long_step`` in ns."""
        loop = self.loop()
        selector = private.selector_of(loop) if loop is not None else None
        if selector is None or self.selector is not None:
            return
        self.selector = selector
        self.own_select = vars(selector).get("select")
        selector.select = timed(self, selector.select, long_step)

    def forget_selector(self) -> None:
        """Undo `watch_selector`."""
        if self.selector is not None:
            vars(self.selector).pop("select", None)
            if self.own_select is not None:
                self.selector.select = self.own_select
            self.selector = None


def timed(clock: LoopClock, sleep: Callable[..., Any], long_step: int) -> Callable[..., Any]:
    """A selector's `select` that reads the clock before and after."""

    def select(timeout: float | None = None) -> Any:
        slept = now()
        busy = slept - clock.woke if clock.woke else 0  # somebody turns a loop that does not run by hand
        clock.iterations += 1
        clock.busy += busy
        if busy > LAG_FLOOR:
            clock.long.append((clock.woke, slept))
        clock.woke = 0
        clock.asleep = timeout is None or timeout > 0
        try:
            return sleep(timeout)
        except BaseException as error:
            step_out(error)
            raise
        finally:
            clock.asleep = False
            clock.woke = clock.mark = woke = now()
            clock.limit = woke + long_step
            if timeout is not None and woke - slept > (asked := timeout * SECOND + LAG_FLOOR):
                clock.overslept += woke - slept - asked
            if clock.on_waking:
                clock.wake_up()

    return select
