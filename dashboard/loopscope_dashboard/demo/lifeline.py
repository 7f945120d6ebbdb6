"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_EVERY = 0.25


def end_with_parent() -> None:
    """From now on this process gets SIGTERM as soon as its parent is gone, also after a SIGKILL."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
