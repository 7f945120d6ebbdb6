"""uvicorn: says goodbye before the server ends its process by the signal that it was stopped with.

After an orderly shutdown uvicorn raises the signal again under the handler that was there before. With the
default one the process is gone at once and atexit never runs: an orderly end would read as a death.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopscope.hooks.patching import Patches


def install(patches: Patches, say_goodbye: Callable[[], None]) -> None:
    def make(original: Callable[[Any], contextlib.AbstractContextManager[None]]) -> Callable[..., Any]:
        @contextlib.contextmanager
        def capture_signals(self: Any) -> Iterator[None]:
            is_deadly = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
            with original(self):
                yield
                if is_deadly and signal.SIGTERM in getattr(self, "_captured_signals", ()):
                    say_goodbye()

        return capture_signals

    patches.replace(sys.modules["uvicorn.server"].Server, "capture_signals", make)
