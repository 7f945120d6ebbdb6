"""The words of diagnoses: kinds of finding, severities, and the third answer of a rule."""

from __future__ import annotations

from dataclasses import dataclass

from loopscope.records import CRITICAL, INFO, WARNING

SEVERITIES = (INFO, WARNING, CRITICAL)  # in rising order

LOOP_BLOCKED, LOOP_SATURATED, BUSY_LOOP = "loop_blocked", "loop_saturated", "busy_loop"
GIL_CONTENTION, SYNC_WAIT_ON_LOOP = "gil_contention", "sync_wait_on_loop"
EXECUTOR_SATURATED, EXECUTOR_SELF_WAIT = "executor_saturated", "executor_self_wait"
NESTED_POOL, BROKEN_POOL = "nested_pool", "broken_pool"
SEMAPHORE_STARVATION, OVER_RELEASED = "semaphore_starvation", "over_released"
LOCK_CYCLE, AWAIT_CYCLE = "lock_cycle", "await_cycle"
CONVOY, SERIALISED = "convoy", "serialised"
QUEUE_STALLED, NEVER_SIGNALLED = "queue_stalled", "never_signalled"
WRONG_THREAD_WAKEUP, BACKPRESSURE_STALLED = "wrong_thread_wakeup", "backpressure_stalled"
CONNECTION_POOL_EXHAUSTED, UPSTREAM_STALLED = "connection_pool_exhausted", "upstream_stalled"
TASK_GARBAGE_COLLECTED = "task_garbage_collected"
EXCEPTION_NEVER_RETRIEVED = "exception_never_retrieved"
COROUTINE_NEVER_AWAITED = "coroutine_never_awaited"
TASK_LEAK, CANCEL_SWALLOWED, SHUTDOWN_STALLED = "task_leak", "cancel_swallowed", "shutdown_stalled"

KINDS = (
    LOOP_BLOCKED,
    LOOP_SATURATED,
    BUSY_LOOP,
    GIL_CONTENTION,
    SYNC_WAIT_ON_LOOP,
    EXECUTOR_SATURATED,
    EXECUTOR_SELF_WAIT,
    NESTED_POOL,
    BROKEN_POOL,
    SEMAPHORE_STARVATION,
    OVER_RELEASED,
    LOCK_CYCLE,
    AWAIT_CYCLE,
    CONVOY,
    SERIALISED,
    QUEUE_STALLED,
    NEVER_SIGNALLED,
    WRONG_THREAD_WAKEUP,
    BACKPRESSURE_STALLED,
    CONNECTION_POOL_EXHAUSTED,
    UPSTREAM_STALLED,
    TASK_GARBAGE_COLLECTED,
    EXCEPTION_NEVER_RETRIEVED,
    COROUTINE_NEVER_AWAITED,
    TASK_LEAK,
    CANCEL_SWALLOWED,
    SHUTDOWN_STALLED,
)


@dataclass(frozen=True, slots=True)
class NotEnough:
    """A rule's third answer: what it would have to see before it can say anything."""

    wanted: str
