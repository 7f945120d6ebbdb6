"""The pump: a thread that every 100 ms turns what hooks left into words and feeds the exporters."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from loopscope import promotion, sampling, survey
from loopscope.aftermath import Aftermath
from loopscope.census import Census
from loopscope.clock import SECOND, now
from loopscope.logs import logger
from loopscope.owned import owned
from loopscope.recorder import recorder
from loopscope.strangers import Strangers
from loopscope.usage import Lag, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.loop_clock import LoopClock
    from loopscope.records import Batch, Job
    from loopscope.settings import Settings
    from loopscope.state import LiveState
    from loopscope.watchdog import Watchdog

SWEEP = 1.0  # s between the slower looks: lengths of queues, stuck jobs, loops that are gone


class Pump(threading.Thread):
    """Runs `tick` until stopped; everything that is slow or makes words happens here."""

    def __init__(
        self,
        state: LiveState,
        settings: Settings,
        watchdog: Watchdog,
        begin: Callable[[], None],
        deliver: Callable[[Batch], None],
    ) -> None:
        super().__init__(name="loopscope-pump", daemon=True)
        self._state = state
        self._settings = settings
        self._watchdog = watchdog
        self._aftermath = Aftermath(state)
        self._strangers = Strangers()
        self._begin = begin
        self._deliver = deliver
        self._halt = threading.Event()
        self.busy = threading.Lock()  # held while it works, and across a fork
        self._lag_seen: dict[LoopClock, tuple[int, int]] = {}  # iterations and busy time folded so far
        self._lag_most = 0
        self._census = Census(watchdog.hotspots)
        self._swept = 0
        self._sampled = 0
        self._leaves = False
        self._stuck: set[int] = set()

    def run(self) -> None:
        with self.busy:
            self._census.start(now())
            self._begin()
        while not self._halt.wait(self._settings.drain_interval):
            self._watchdog.help(now())
            self.tick(now())
        self.tick(now())

    def stop(self) -> None:
        """Drain once more and end."""
        self._halt.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout=5)

    def drain_before_exit(self, patience: float) -> None:
        """Drain once more; waits so many seconds for it."""
        self._sampled, self._leaves = 0, True
        drain = threading.Thread(target=self.tick, args=(now(),), name="loopscope-last-drain", daemon=True)
        try:
            drain.start()
        except RuntimeError:  # Python 3.12 starts no thread any more when the interpreter shuts down
            if self.busy.acquire(timeout=patience):
                self._drain(now())
                self.busy.release()
        else:
            drain.join(patience)

    def tick(self, moment: int) -> None:
        """One drain."""
        with self.busy:
            self._drain(moment)

    def _drain(self, moment: int) -> None:
        try:
            batch = self._collect(moment)
        except Exception:
            recorder.fault("pump")
            return
        self._deliver(batch)

    def _collect(self, moment: int) -> Batch:
        state = self._state
        recorder.detail.refill(moment)
        promotion.look_at_thin_tasks(state, moment)
        survey.look_at_tasks(state, moment)
        survey.look_at_items(state, moment, last=self._halt.is_set())
        survey.look_at_partners([r for r in list(state.resources.values()) if r.waiting])
        batch = recorder.take()
        batch.is_last, self._leaves = self._leaves, False
        self._aftermath.look(batch, moment)
        self._watchdog.help(now())  # what came since the drain began may have kept this thread, too
        for clock in list(recorder.loops):
            slices, blocks = self._watchdog.settle(clock)
            batch.slices += slices
            batch.blocks += blocks
            batch.lags += self._fold_lag(clock)
        self._census.meet(list(recorder.loops))
        self._census.look_for_spins(batch)
        survey.put_into_words(batch, state)
        if self._halt.is_set() or moment - self._sampled >= self._settings.sample_interval * SECOND:
            self._sampled = moment
            self._census.take(batch, list(recorder.loops), list(state.items.values()))
            batch.samples.append(self._sample(moment))
        state.fold(batch)
        if moment - self._swept >= SWEEP * SECOND:
            self._swept = moment
            self._sweep(moment)
        return batch

    def _fold_lag(self, clock: LoopClock) -> list[Lag]:
        """Long iterations one by one; the many short ones as a number and a sum. Gives the longest."""
        iterations, busy = clock.iterations, clock.busy
        seen, seen_busy = self._lag_seen.get(clock, (0, 0))
        long = [clock.long.popleft() for _ in range(len(clock.long))]
        for woke, slept in long:
            self._state.lag.observe(slept - woke)
            self._lag_most = max(self._lag_most, slept - woke)
        rest = sum(slept - woke for woke, slept in long)
        self._state.lag.add_small(max(0, iterations - seen - len(long)), max(0, busy - seen_busy - rest))
        self._lag_seen[clock] = iterations, busy
        threshold = recorder.block_threshold
        return [Lag(clock.thread_name, woke, slept) for woke, slept in long if slept - woke >= threshold]

    def _sample(self, moment: int) -> Sample:
        for clock in list(recorder.loops):
            if clock.woke:
                self._lag_most = max(self._lag_most, moment - clock.woke)
        lag, self._lag_most = self._lag_most, 0
        return Sample(
            at=moment,
            cpu=sampling.processor_time(),
            memory=sampling.memory(),
            threads=sampling.threads(),
            files=sampling.open_files(),
            own_cpu=time.thread_time_ns() + self._watchdog.cpu,
            lag=lag,
        )

    def _sweep(self, moment: int) -> None:
        state = self._state
        owned.measure()
        survey.look_at_partners(list(state.resources.values()))
        survey.look_at_workers(state, moment)
        state.refresh_progress()
        self._strangers.look(moment)
        self._aftermath.look_at_cancelled(moment)
        gone = [c for c in recorder.loops if c.loop() is None and not c.slow and not c.long]
        for clock in gone:
            recorder.loops.remove(clock)
            self._lag_seen.pop(clock, None)
        stuck = {job.id: job for job in state.stuck_jobs(moment)}
        for job in (job for key, job in stuck.items() if key not in self._stuck):
            _say_stuck(job, moment)
        self._stuck = set(stuck)


def _say_stuck(job: Job, moment: int) -> None:
    logger().warning(
        "job is stuck: nothing of it has moved",
        job=job.name,
        job_key=job.key,
        still_for_seconds=round((moment - job.progress) / SECOND, 1),
        site=str(job.site),
    )
