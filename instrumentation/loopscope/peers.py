"""Remote parties: how requests to each host ended, how often they were tried again, how long phases took.

Hooks leave plain tuples; the pump adds them to the live state's totals. Under more load than the pump can
fetch, the oldest are lost.
"""

from __future__ import annotations

from collections import deque

LOOKUP, CONNECT, TLS, SEND, FIRST_BYTE = "lookup", "connect", "tls", "send", "first_byte"
QUEUED, BODY = "pool", "body"
MOST_PENDING = 50_000

phases: deque[tuple[str, str, int]] = deque(maxlen=MOST_PENDING)  # host and port, phase, ns
ended: deque[tuple[str, str]] = deque(maxlen=MOST_PENDING)  # host and port, outcome
retried: deque[str] = deque(maxlen=MOST_PENDING)  # host and port


def clear() -> None:
    """Forget what was not fetched; also what a forked child does first."""
    phases.clear()
    ended.clear()
    retried.clear()
