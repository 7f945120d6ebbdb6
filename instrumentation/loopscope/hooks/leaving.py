"""`os._exit` ends a process at once: what it did last is drained before.

The last drain may be seconds ago, for beside threads that compute each system call of the pump's waits its
turn for the interpreter's lock. The turns are made short while the pump drains once more, and forks wait:
a pool that saw its workers killed would make new ones, which nobody ends any more.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches

TURN = 0.0001  # s; 0.005 is usual


def install(patches: Patches, prepare: Callable[[threading.Event], None]) -> None:
    """`prepare` drains, and holds up forks until the event that it is given."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def _exit(*args: Any, **options: Any) -> Any:
            stays = threading.Event()
            _quickly(prepare, stays)
            try:
                return original(*args, **options)  # it does return, where a test has put another in its place
            except BaseException as error:
                step_out(error)
                raise
            finally:
                stays.set()

        return _exit

    patches.replace(os, "_exit", make)


def _quickly(prepare: Callable[[threading.Event], None], stays: threading.Event) -> None:
    """Passes over interrupts, too: the process is about to end."""
    try:
        usual = sys.getswitchinterval()
        sys.setswitchinterval(min(TURN, usual))
        try:
            prepare(stays)
        finally:
            sys.setswitchinterval(usual)
    except KeyboardInterrupt:
        pass
    except BaseException:
        recorder.fault("_exit")
