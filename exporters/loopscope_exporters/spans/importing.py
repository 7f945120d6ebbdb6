"""Imports off the main thread, kept apart from forks: a child forked amid an import can never finish it."""

from __future__ import annotations

import os
import sys
import threading

importing = threading.Lock()

if sys.platform != "win32":
    os.register_at_fork(
        before=importing.acquire,
        after_in_parent=importing.release,
        after_in_child=importing.release,
    )
