"""Steps of tasks: `Handle._run`, which every callback of a Python loop passes through, timed.

One reading of the clock a step is enough: the end of one handle is the beginning of the next. What the
original does is done here, without a frame of its own. A traceback leads to these frames, so they let go of
what they know, as the original does, and take themselves off what passes through them.
"""

from __future__ import annotations

import functools
from asyncio import events, isfuture
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from loopscope import awaits, places, private
from loopscope.clock import nanoseconds
from loopscope.context import open_tasks, promote, thin_tasks
from loopscope.hooks.tasks import ended
from loopscope.loop_clock import LoopClock
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.records import Task
    from loopscope.settings import Settings


def install(patches: Patches, settings: Settings) -> None:
    timed = functools.partial(
        _timed,
        long_wait=nanoseconds(settings.suspension_threshold),
        long_step=nanoseconds(settings.slice_threshold),
    )
    patches.replace(events.Handle, "_run", timed)
    places.stop_codes.add(id(events.Handle._run.__code__))
    places.stop_codes.update(private.below_steps())
    patches.on_restore(places.stop_codes.clear)  # other code may get these addresses


def _timed(original: Callable[[Any], None], long_wait: int, long_step: int) -> Callable[[Any], None]:
    """Locals and literal names throughout: this runs once a callback of every loop."""
    find = open_tasks.get
    limits = long_wait, long_step

    def _run(self: Any) -> None:
        try:
            clock = self._loop._loopscope_clock
            task: Any = getattr(self._callback, "__self__", None)
        except Exception:  # a loop that ran before we came, or a test's double of a callback
            return _run_unseen(original, self)
        if clock.__class__ is not LoopClock:  # a test's double of a loop
            return _run_unseen(original, self)
        clock.key = key = id(task)
        is_thin = key in thin_tasks
        record = None if is_thin else find(key)
        try:
            if record is None or record.ref() is not task:  # its task was collected, this has the address now
                record = None
                self._context.run(self._callback, *self._args)
            else:
                _recorded_step(self, clock, record, task, limits)
        except (SystemExit, KeyboardInterrupt) as error:
            step_out(error)
            raise
        except BaseException as error:
            step_out(error)
            private.say_unhandled(self, error)
        if record is None:
            end = monotonic_ns()
            if end > clock.limit:
                look_for_long_step(clock, task, end, long_step)
            clock.mark = end
            if is_thin and isfuture(task) and task.done():  # no stranger's `done`
                thin_ended(key, task, end)
        self = task = None
        return None

    return _run


def _run_unseen(original: Callable[[Any], None], handle: Any) -> None:
    try:
        original(handle)
    except BaseException as error:  # what ends the loop
        step_out(error)
        raise
    finally:
        del handle


def _recorded_step(handle: Any, clock: LoopClock, record: Task, task: Any, limits: tuple[int, int]) -> None:
    long_wait, long_step = limits
    clock.running = record
    if clock.mark - record.last_ran > long_wait:  # also at the first step, before which it never ran
        resumed(record, task, handle._args, clock.mark)
    try:
        handle._context.run(handle._callback, *handle._args)
    except BaseException as error:  # of a method of the task given to `call_soon`, or what ends the loop
        step_out(error)
        raise
    finally:
        end = monotonic_ns()
        spent = end - clock.mark
        clock.running = None
        record.last_ran = end
        record.steps += 1
        record.running += spent
        if task.done():
            ended(record, task, end)
        if spent > long_step:
            clock.slow.append((record, clock.mark, end))
        clock.mark = end
        handle = task = None


def resumed(record: Task, task: Any, arguments: tuple[Any, ...] | None, began: int) -> None:
    """The first step of a task, or the end of a long wait."""
    if not record.steps:
        record.first_run = record.first_run or began
        return
    if record.wait is not None:
        return
    try:
        awaits.resumed(record, task, arguments, began)
    except Exception:
        recorder.fault("step")


def look_for_long_step(clock: LoopClock, task: Any, end: int, long_step: int) -> None:
    """What thin tasks pay for slices: one comparison, until the loop has been busy for as long as one."""
    clock.limit = end + long_step
    try:
        if end - clock.mark > long_step:
            clock.slow.append((promote(task) if clock.key in thin_tasks else None, clock.mark, end))
    except Exception:
        recorder.fault("step")


def thin_ended(key: int, task: Any, end: int) -> None:
    """Count a thin task; one that failed or took long gets a record all the same."""
    try:
        detail = recorder.detail
        if (
            thin_tasks.get(key, 0) > end - detail.over
            and task._exception is None
            and not task.cancelled()
            and thin_tasks.pop(key, None) is not None
        ):
            detail.tasks += 1
            return
        record = promote(task)
        if record is not None:
            record.last_ran = end
            ended(record, task, end)
    except Exception:
        recorder.fault("task")
