"""Retries: the same address asked again after it failed, whoever arranged for it, be it a loop or a library.

Addresses are compared, not kept: a request is known by the hash of its address, its line and its job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope import peers, places
from loopscope.recorder import recorder
from loopscope.records import ERROR, TIMED_OUT

if TYPE_CHECKING:
    from loopscope.records import Wait

ASK_AGAIN = frozenset({429, 500, 502, 503, 504})  # answers of a server that may do better next time
MOST_FAILED = 1_000  # remembered until they are asked again

_failed: dict[int, None] = {}  # in the order of failing


def begun(wait: Wait | None, method: Any, address: Any) -> None:
    """A request begins. Nothing is looked at while none has failed."""
    try:
        if _failed and wait is not None and wait.resource is not None:
            key = _key(wait, method, address)
            if key in _failed:
                del _failed[key]
                peers.retried.append(wait.resource.name)
    except Exception:
        recorder.fault("retry")


def ended(wait: Wait | None, method: Any, address: Any, status: int = 0) -> None:
    """It has an outcome, and an answer unless that is an error."""
    try:
        if wait is not None and (wait.outcome in {ERROR, TIMED_OUT} or status in ASK_AGAIN):
            if len(_failed) >= MOST_FAILED:
                _failed.pop(next(iter(_failed.copy()), 0), None)
            _failed[_key(wait, method, address)] = None
    except Exception:
        recorder.fault("retry")


def _key(wait: Wait, method: Any, address: Any) -> int:
    job = wait.job.id if wait.job is not None else 0
    return hash((job, places.resolve(wait.site), method, str(address)))
