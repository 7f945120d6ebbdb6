"""Loops, the process, and loopscope itself: what each costs and what goes wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loopscope.causes import CAUSES
from loopscope.clock import SECOND
from loopscope_exporters.prometheus.families import counter, gauge, histogram, info

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from loopscope.state import LiveState

# What full queues, a failing disk or a busy span processor may drop: alerts need to see each at 0 first.
KINDS = ("task", "job", "wait", "hold", "workitem", "fault", "resource", "journal", "span_event")


class Ratchet:
    """Values that never step back.

    A block counts while it lasts, but its cause may be revised, and as it ends there is a moment in which it
    is neither open nor in the totals. Prometheus takes a counter that steps back for one that began anew at
    0, and adds all of it again; standing still for a scrape is the smaller error.
    """

    def __init__(self) -> None:
        self._highest: dict[tuple[str, str], float] = {}

    def __repr__(self) -> str:
        return f"<Ratchet of {len(self._highest)} values>"

    def raised(self, what: str, values: dict[str, float]) -> dict[tuple[str, ...], float]:
        highest = {label: max(value, self._highest.get((what, label), 0)) for label, value in values.items()}
        self._highest.update({(what, label): value for label, value in highest.items()})
        return {(label,): value for label, value in highest.items()}


def loops(state: LiveState, now: int, ratchet: Ratchet) -> Iterator[Metric]:
    yield histogram(
        "loopscope_loop_lag_seconds",
        "How long each iteration kept the loop from the next: whatever became ready meanwhile waited. Nearly "
        "all under 0.01.",
        (),
        {(): state.lag},
    )
    seen = Counter(dict.fromkeys(CAUSES, 0))
    blocked = Counter(dict.fromkeys(CAUSES, 0))
    for block in list(state.blocks.values()):
        seen[block.cause] += 1
        blocked[block.cause] += now - block.started
    seen.update(dict(state.blocks_seen))
    blocked.update(dict(state.blocked_time))
    yield counter(
        "loopscope_blocks_total",
        f"Times a loop was blocked for {state.settings.block_threshold:g} s or more, those that last now "
        "included. Should not grow.",
        ("cause",),
        ratchet.raised("blocks", dict(seen)),
    )
    yield counter(
        "loopscope_blocked_seconds_total",
        "Time loops were blocked, up to now. Should not grow; growth of 1 a second is a loop that stands "
        "still.",
        ("cause",),
        ratchet.raised("blocked", {cause: spent / SECOND for cause, spent in blocked.items()}),
    )


def process(state: LiveState, _: int) -> Iterator[Metric]:
    sample = state.sample
    if sample is None:
        return
    yield counter(
        "loopscope_process_cpu_seconds_total",
        "Processor time of all threads. Grows by less than the number of processors a second.",
        (),
        {(): sample.cpu / SECOND},
    )
    yield gauge(
        "loopscope_process_memory_bytes",
        "Resident memory. Levels off under steady load.",
        (),
        {(): sample.memory},
    )
    yield gauge(
        "loopscope_process_threads", "Threads, native ones included. Levels off.", (), {(): sample.threads}
    )
    yield gauge(
        "loopscope_process_open_files",
        "Open file descriptors. Levels off far below the limit.",
        (),
        {(): sample.files},
    )


def ourselves(state: LiveState, _: int) -> Iterator[Metric]:
    yield info(
        "loopscope",
        "The observed service, and the versions of loopscope and Python. Always 1; its labels change only "
        "with a deployment.",
        {
            "service": state.process.service,
            "version": state.process.version,
            "python": state.process.python,
        },
    )
    dropped = dict.fromkeys(KINDS, 0) | dict(state.dropped)
    yield counter(
        "loopscope_dropped_records_total",
        "Records not kept because a queue was full. Should be 0; if not, the other numbers are too low.",
        ("kind",),
        {(kind,): count for kind, count in dropped.items()},
    )
    thinned = dict.fromkeys(("job", "task", "wait"), 0) | dict(state.thinned)
    yield counter(
        "loopscope_thinned_records_total",
        "What ended well and quickly while there was more than is kept in full: counted everywhere, but "
        "without a record. 0 below the setting detail_rate; growing under heavy load is healthy.",
        ("kind",),
        {(kind,): count for kind, count in thinned.items()},
    )
    yield counter(
        "loopscope_faults_total",
        "Errors inside loopscope, which the service does not notice. Should be 0.",
        ("place",),
        {(place,): count for place, count in dict(state.faults).items()},
    )
    if state.sample is not None:
        yield counter(
            "loopscope_own_cpu_seconds_total",
            "Processor time of loopscope's pump and watchdog, with the exporters they feed. Grows by less "
            "than 0.05 a second.",
            (),
            {(): state.sample.own_cpu / SECOND},
        )
