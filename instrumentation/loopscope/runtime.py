"""The runtime: installs the hooks, starts the threads, feeds the exporters, and undoes it all."""

from __future__ import annotations

import atexit
import contextlib
import os
import platform
import socket
import sys
import threading
import time
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING, Any

from loopscope import promotion, sent_items, survey, tracing
from loopscope.clock import SECOND, Anchor, now
from loopscope.diagnosis.live import Attendant, say
from loopscope.exporter import ExporterError
from loopscope.hooks import holding, http_client, installing
from loopscope.hooks.patching import Patches
from loopscope.logs import logger
from loopscope.places import source
from loopscope.pump import Pump
from loopscope.recorder import recorder
from loopscope.records import Batch, Process
from loopscope.settings import Settings
from loopscope.state import LiveState
from loopscope.untracked import untrack_code
from loopscope.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.exporter import Exporter
    from loopscope.records import Block, Finding, Snapshot

GROUP = "loopscope.exporters"
FORK_PATIENCE = 1.0  # s a fork waits for the pump to finish what it is at
EXIT_PATIENCE = 0.5  # s `os._exit` waits for the pump to drain once more
SAY_BLOCK_AFTER = 1 * SECOND  # blocks that are logged, once a culprit

_active: Handle | None = None
_lock = threading.Lock()


class Handle:
    """A running loopscope. `state` is live; `exporter` gives a started exporter by its entry point's name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._made_in = os.getpid()
        self.patches = Patches()
        self.exporters: dict[str, Exporter] = {}
        self._kinds: dict[str, Callable[[LiveState, Settings], Exporter]] = {}
        # Imported here and not on the pump: a fork in the middle of an import leaves the child half a module.
        for point in entry_points(group=GROUP):
            with self._guarded(point.name):
                self._kinds[point.name] = point.load()
        recorder.clear()
        self._begin(os.getppid())
        if self.has_threads:
            installing.install(self.patches, settings, uninstrument, _prepare_for_exit)
            _have_it_untracked()
        else:
            self._shut_down()

    def __repr__(self) -> str:
        return f"<loopscope in {self.state.process.service}, pid {self.state.process.pid}>"

    def _begin(self, parent: int) -> None:
        """A fresh state with its threads: at the start, and in a forked child."""
        recorder.configure(self.settings)
        tracing.begin(self.settings.spans)
        self.state = LiveState(_describe_process(self.settings, parent), Anchor.take(), self.settings)
        self.state.jobs, self.state.items = recorder.jobs, recorder.items
        self.state.resources, self.state.open_faults = recorder.resources, recorder.open_faults
        self.state.dropped, self.state.faults = recorder.dropped, recorder.faults
        self._attendant = Attendant(self.state, now())
        self._ready = threading.Event()
        self._said: set[object] = set()
        self._paused = False
        self._stays = threading.Event()
        self._stays.set()
        self._watchdog = Watchdog(self.state.blocks, self._say_block, lookout=self.settings.compiled)
        self._pump = Pump(self.state, self.settings, self._watchdog, self._start_exporters, self._deliver)
        self.has_threads = self._start_threads()

    def _start_threads(self) -> bool:
        """A process at the limit of its threads, or at its end, starts none: then it is not observed."""
        try:
            self._watchdog.start()
            self._pump.start()
        except RuntimeError as error:
            logger().warning(f"process {os.getpid()} is not observed: {error}")
            return False
        return True

    def exporter(self, name: str, timeout: float = 10.0) -> Any:
        """The exporter of that name, else None; waits up to `timeout` seconds for exporters to start."""
        self._ready.wait(timeout)
        return self.exporters.get(name)

    def snapshot(self) -> Snapshot:
        """What is open now, in words; callable from any thread, while the loop is blocked too."""
        self._put_into_words()
        return self.state.snapshot(now())

    def diagnose(self) -> tuple[Finding, ...]:
        """What is wrong now, most important first; callable from any thread, as `snapshot` is."""
        self._put_into_words()
        return self._attendant.diagnose(now()).findings

    def _put_into_words(self) -> None:
        promotion.look_at_thin_tasks(self.state, now(), age=0)
        unnamed = [r for r in list(self.state.resources.values()) if not r.name]
        survey.put_into_words(Batch(now(), resources=unnamed), self.state)

    def close(self) -> None:
        """The same as `uninstrument()`."""
        uninstrument()

    def _shut_down(self) -> None:
        self._watchdog.stop()
        self._pump.stop()  # before the hooks go, which forget the loops and the blocks noted on them
        self.patches.restore()
        recorder.rest()
        _forget_resources()
        self._ready.set()
        for name, exporter in self.exporters.copy().items():
            with self._guarded(name):
                exporter.stop()
        self.exporters.clear()

    def _start_exporters(self) -> None:
        for name, kind in self._kinds.items():
            with self._guarded(name):
                exporter = kind(self.state, self.settings)
                exporter.start()
                self.exporters[name] = exporter
        self._ready.set()

    def _deliver(self, batch: Batch) -> None:
        try:
            batch.findings += self._attendant.attend(batch)
            for finding in batch.findings:
                self.state.findings_seen[finding.kind] += 1
                say(finding)
        except Exception:
            recorder.fault("diagnosis")
        for name, exporter in self.exporters.copy().items():
            with self._guarded(name):
                exporter.drain(batch)

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Any:
        """An exporter that fails is said once and left out; the service and the other exporters go on."""
        try:
            yield
        except ExporterError as error:
            self.exporters.pop(name, None)
            logger().error(f"{name}: {error}")
        except Exception:
            self.exporters.pop(name, None)
            recorder.fault(f"exporter {name}")

    def _say_block(self, block: Block) -> None:
        """Say a long block while it lasts; called by the watchdog each time a block is seen."""
        if now() - block.started < SAY_BLOCK_AFTER or block.culprit in self._said:
            return
        self._said.add(block.culprit)
        logger().warning(
            "the event loop is blocked",
            for_seconds=round((now() - block.started) / SECOND, 1),
            culprit=str(block.culprit),
            call=block.call or source(block.culprit),
            cause=block.cause,
            task=block.task.coroutine if block.task is not None else "",
        )

    def prepare_for_exit(self, stays: threading.Event) -> None:
        """Drain once more, and hold up forks until `stays` is set, as it is if the process goes on.

        A forked child whose exporters have not started yet has little to say, and is not kept waiting.
        """
        self._stays = stays
        if os.getpid() == self._made_in or self._ready.is_set():
            self._pump.drain_before_exit(EXIT_PATIENCE)

    def pause(self) -> None:
        self._stays.wait(FORK_PATIENCE)
        self._paused = self._pump.busy.acquire(timeout=FORK_PATIENCE)

    def go_on(self) -> None:
        if self._paused:
            self._pump.busy.release()

    def restart_in_child(self) -> None:
        """After a fork: the parent's threads, files and records are not ours."""
        _forget_resources()
        recorder.clear()
        sent_items.forget()
        self.exporters = {}
        self._begin(parent=self.state.process.pid)  # which may be gone by now, and `getppid` say 1
        if not self.has_threads:
            uninstrument()


def _have_it_untracked() -> None:
    """On the thread that instruments: the pump must not take the GIL for so long from one that is blocked."""
    try:
        untrack_code()
    except Exception:
        recorder.fault("untracked")


def _forget_resources() -> None:
    """Take our records off what they are about: who comes next makes new ones, with ids of its own."""
    for record in list(recorder.resources.values()):
        owner = record.ref() if record.ref is not None else None
        for name in (holding.RESOURCE, holding.HOLDERS, http_client.HOSTS, holding.PARTNERS):
            with contextlib.suppress(AttributeError):
                delattr(owner, name)


def _describe_process(settings: Settings, parent: int) -> Process:
    try:
        own_version = version("loopscope")
    except PackageNotFoundError:
        own_version = "unknown"
    return Process(
        id=recorder.new_id(),
        service=settings.service,
        host=socket.gethostname(),
        pid=os.getpid(),
        parent_pid=parent,
        started=time.time_ns(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        version=own_version,
    )


def instrument(**settings: Any) -> Handle:
    """Observe this process from now on; call it before the loop starts, or inside a running one.

    Keywords are the fields of `loopscope.settings.Settings`; each is also a variable ``LOOPSCOPE_<NAME>``. A
    second call returns the first one's handle and ignores its keywords. Raises SettingsError for an unknown
    keyword or a value of the wrong kind; nothing else it does can fail the service: an exporter that cannot
    start says so in the log and is left out.
    """
    global _active
    with _lock:
        if _active is None:
            handle = Handle(Settings.read(**settings))
            if not handle.has_threads:
                return handle
            _active = handle
            atexit.unregister(uninstrument)
            atexit.register(uninstrument)  # now: it runs before what the program set up earlier closes
        return _active


def uninstrument() -> None:
    """Restore everything that is still ours, drain what was recorded and close the exporters; idempotent."""
    global _active
    with _lock:
        handle, _active = _active, None
    if handle is not None:
        handle._shut_down()


def current() -> Handle | None:
    """The handle of this process, if it is instrumented."""
    return _active


def snapshot() -> Snapshot:
    """What is open in this process now. Raises RuntimeError when it is not instrumented."""
    if _active is None:
        raise RuntimeError("this process is not instrumented; call loopscope.instrument() first")
    return _active.snapshot()


def diagnose() -> tuple[Finding, ...]:
    """What is wrong in this process now, most important first; empty when nothing is.

    Raises RuntimeError when the process is not instrumented.
    """
    if _active is None:
        raise RuntimeError("this process is not instrumented; call loopscope.instrument() first")
    return _active.diagnose()


def _prepare_for_exit(stays: threading.Event) -> None:
    if _active is not None:
        _active.prepare_for_exit(stays)


def _before_fork() -> None:
    """Let the pump finish: a child forked in the middle of its work inherits locks nobody will release."""
    if _active is not None:
        _active.pause()


def _after_fork_in_parent() -> None:
    if _active is not None:
        _active.go_on()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    if _active is not None:
        try:
            _active.restart_in_child()
        except Exception:
            recorder.fault("fork")


if sys.platform != "win32":
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
