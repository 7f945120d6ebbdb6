"""Remote parties: requests under way to each host, how they ended, and how long their phases took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.records import CANCELLED, ERROR, HTTP, OK, TIMED_OUT
from loopscope_exporters.prometheus.families import counter, gauge, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from loopscope.records import Wait
    from loopscope.state import LiveState
    from loopscope_exporters.prometheus.families import Labels

OUTCOMES = (OK, ERROR, CANCELLED, TIMED_OUT)


def peers(state: LiveState, _: int) -> Iterator[Metric]:
    finished = dict(state.requests)
    hosts = {host for host, _ in finished}
    under_way: Counter[Labels] = Counter({(host,): 0 for host in hosts})
    unlimited: Counter[Labels] = Counter(under_way)
    for wait in state.open_waits():
        request = _request_of(wait)
        if request is not None:
            host = (state.resource_name(request.resource),)
            under_way[host] += 1
            unlimited[host] += wait.until == 0
    yield gauge(
        "loopscope_peer_requests_under_way",
        "HTTP requests that have no answer yet, those that wait for a connection included. Returns to its "
        "usual level after each burst; steady growth is a host that does not answer.",
        ("peer",),
        under_way,
    )
    yield gauge(
        "loopscope_peer_requests_without_timeout",
        "Those of them that no time-out will end, as far as they were looked at. Should be 0.",
        ("peer",),
        unlimited,
    )
    yield counter(
        "loopscope_peer_requests_total",
        "HTTP requests that ended with an answer, an error, a time-out, or were cancelled. The share of all "
        "but ok should be near 0.",
        ("peer", "outcome"),
        {(host, outcome): 0 for host in sorted(hosts | {h for (h,) in under_way}) for outcome in OUTCOMES}
        | finished,
    )
    yield _retries(state, hosts)
    yield histogram(
        "loopscope_peer_phase_seconds",
        "Time of each phase of a request: pool (waiting for a connection), connect (lookup and tls are "
        "parts of it), send, first_byte, body (until it is read or given up). Stable is healthy.",
        ("peer", "phase"),
        dict(state.request_phases),
    )


def _retries(state: LiveState, hosts: set[str]) -> Metric:
    return counter(
        "loopscope_peer_retries_total",
        "HTTP requests for an address that had failed before from the same line and job, and connections "
        "that a client makes again. Should be a small share of all requests.",
        ("peer",),
        dict.fromkeys(sorted((host,) for host in hosts), 0)
        | {(host,): count for host, count in dict(state.retries).items()},
    )


def _request_of(wait: Wait | None) -> Wait | None:
    """The request that a wait is, or is a part of: for a connection, for example."""
    while wait is not None and (wait.kind != HTTP or wait.resource is None):
        wait = wait.outer
    return wait
