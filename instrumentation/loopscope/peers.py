"""Remote parties: how requests to each host ended, and how long each phase of them took.

Hooks leave plain tuples; the pump adds them to the live state's totals. Under more load than the pump can
fetch, the oldest are lost.
"""

from __future__ import annotations

from collections import deque

LOOKUP, CONNECT, SEND, FIRST_BYTE = "lookup", "connect", "send", "first_byte"
MOST_PENDING = 50_000

phases: deque[tuple[str, str, int]] = deque(maxlen=MOST_PENDING)  # host and port, phase, ns
ended: deque[tuple[str, str]] = deque(maxlen=MOST_PENDING)  # host and port, outcome


def clear() -> None:
    """Forget what was not fetched; also what a forked child does first."""
    phases.clear()
    ended.clear()
