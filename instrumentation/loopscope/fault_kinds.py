"""The words of faults: their kinds, and what some kinds say besides."""

from __future__ import annotations

# Kinds of fault: what goes wrong in the life of a task without anybody being told.
NEVER_AWAITED = "never_awaited"  # a coroutine was made and thrown away
COLLECTED = "collected"  # a pending task was garbage-collected
UNRETRIEVED = "unretrieved"  # a task or future failed, and nobody looked at the exception
OVER_RELEASED = "over_released"  # a permit was released that nobody had
WRONG_THREAD = "wrong_thread"  # a loop was given work from another thread without being woken
SWALLOWED = "swallowed"  # a task was cancelled and went on
CAUGHT, CAUGHT_AGAIN = "caught", "caught again"  # details of it: by a handler of its own, how often
OUTLIVED = "outlived"  # a task goes on after its job has ended
CLOSED_UNDER = "closed_under"  # a loop or an executor was closed with work in it
WORKER_DIED = "worker_died"  # a pool's process ended in the middle of its work, or before it took any
SHUTDOWN = "shutdown"  # the program is over but for what it waits for at the end

# What is waited for at the end: the subject of a fault of that kind.
END_OF_TASKS, END_OF_SERVER, AFTER_SIGNAL = "tasks", "server", "signal"
END_OF_EXECUTOR, END_OF_THREADS, AT_EXIT = "default executor", "threads", "exit handlers"
