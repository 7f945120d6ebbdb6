"""Words for what a process uses and what loops and threads do with their time, like those of `records`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopscope.records import Place, RawPlace, Task

LOOP, THREAD = "loop", "thread"  # roles of threads


@dataclass(slots=True)
class Sample:
    """What the process used; ``own_cpu`` is what loopscope's threads used. Both in ns since the start."""

    at: int
    cpu: int
    memory: int  # resident bytes
    threads: int
    files: int
    own_cpu: int
    lag: int  # longest busy time of any loop since the last sample, ns


@dataclass(slots=True)
class Lag:
    """An iteration of a loop that took longer than the block threshold, whatever filled it."""

    thread: str
    started: int
    ended: int


@dataclass(slots=True)
class LoopUse:
    """What a loop did in the ``span`` before ``at``; all ns but ``iterations``.

    ``overslept`` is by how much it came back later from its sleeps than it had asked for: its thread could
    not run, because others had the GIL or the processor; ``queued`` is the time it queued for a processor.
    """

    at: int
    span: int
    thread: str
    busy: int
    iterations: int
    overslept: int
    queued: int


@dataclass(slots=True)
class Hotspot:
    """A line on which a busy thread stood in ``looks`` of ``of`` looks taken in the ``span`` before ``at``.

    ``role`` is loop, for a loop's thread outside its sleep, else thread; ``cpu`` is the processor time that
    the thread used in the span, ``item`` the work item it runs.
    """

    at: int
    span: int
    thread: str
    role: str
    place: Place | RawPlace
    looks: int
    of: int
    cpu: int
    item: int = 0


@dataclass(slots=True)
class Spin:
    """A task with ``steps`` steps in the ``span`` before ``at``, which gives way to nobody at ``place``."""

    at: int
    span: int
    task: Task
    place: Place
    steps: int
    running: int
