"""Facts about loops that several rules share: who was blocked by what, and which lines were hot."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loopscope.causes import overlap
from loopscope.clock import SECOND
from loopscope.records import NOWHERE, Place
from loopscope.usage import LOOP, THREAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.case import Case
    from loopscope.records import Block, Task
    from loopscope.usage import Hotspot, LoopUse

HOT = 0.25  # of a processor in a span: threads that use more of it together may crowd a loop out


@dataclass
class Culprits:
    """Blocks of one function, together: lines by the time they took, ns net of queueing for a processor."""

    blocks: list[Block] = field(default_factory=list)
    lines: Counter[Place] = field(default_factory=Counter)

    @property
    def line(self) -> Place:
        return max(self.lines, key=lambda line: (line.line > 0, self.lines[line]), default=NOWHERE)

    @property
    def total(self) -> float:
        return self.lines.total() / SECOND

    @property
    def tasks(self) -> list[Task]:
        found = {block.task.id: block.task for block in self.blocks if block.task is not None}
        return list(found.values())


def blocks(case: Case) -> list[Block]:
    """Those that lasted and the one that lasts."""
    return [*case.history.last_blocks, *case.snapshot.blocks]


def end(case: Case, block: Block) -> int:
    return block.ended or case.at


def lasted(case: Case, block: Block) -> int:
    """How long a block kept its loop, ns; what its thread queued for a processor is no fault of the line."""
    return max(0, end(case, block) - block.started - block.queued)


def by_function(case: Case, among: Iterable[Block]) -> list[Culprits]:
    """Blocks by the function to blame, the one that took most time first.

    One whose stack nobody could see, for C code kept the GIL, counts with others in the same coroutine.
    """
    found: dict[tuple[str, str], Culprits] = defaultdict(Culprits)
    blamed: dict[str, tuple[str, str]] = {}
    for block in sorted(among, key=lambda block: not block.culprit.line):
        key = block.culprit.file, block.culprit.function
        if block.task is not None:
            key = key if block.culprit.line else blamed.get(block.task.coroutine, key)
            blamed.setdefault(block.task.coroutine, key)
        culprits = found[key]
        culprits.blocks.append(block)
        culprits.lines[block.culprit] += lasted(case, block)
    return sorted(found.values(), key=lambda culprits: -culprits.total)


def present(case: Case, started: int, ended: int, but: frozenset[int]) -> list[Task]:
    """Tasks that lived between two moments, as far as they are remembered; without some."""
    gone = (task for task in case.history.last_tasks if task.ended >= started)
    return [task for task in (*case.snapshot.tasks, *gone) if task.created <= ended and task.id not in but]


def hottest(spots: Iterable[Hotspot]) -> tuple[Place, float]:
    """The line seen most of the function seen most, and that function's share of all looks."""
    functions: Counter[tuple[str, str]] = Counter()
    lines: dict[tuple[str, str], Counter[Place]] = defaultdict(Counter)
    for spot in spots:
        if isinstance(spot.place, Place):
            key = spot.place.file, spot.place.function
            functions[key] += spot.looks
            lines[key][spot.place] += spot.looks
    if not functions:
        return NOWHERE, 0.0
    key, looks = functions.most_common(1)[0]
    return lines[key].most_common(1)[0][0], looks / functions.total()


def on_loops(case: Case, started: int = 0, ended: int = 0) -> list[Hotspot]:
    """Where loops stood while they were busy, in the spans that touch an interval."""
    spots = [spot for spot in case.history.hotspots if spot.role == LOOP]
    if not ended:
        return spots
    return [spot for spot in spots if overlap(spot.at - spot.span, spot.at, started, ended)]


def in_threads(case: Case) -> list[Hotspot]:
    """Where other threads stood while they computed; not what a loop's own did before it ran."""
    own = {use.thread for use in case.history.loop_uses}
    return [spot for spot in case.history.hotspots if spot.role == THREAD and spot.thread not in own]


def crowded(case: Case) -> list[LoopUse]:
    """Accounts of spans in which other threads computed most of the time."""
    used: dict[int, dict[str, int]] = defaultdict(dict)
    for spot in in_threads(case):
        used[spot.at][spot.thread] = spot.cpu
    return [use for use in case.history.loop_uses if sum(used[use.at].values()) > use.span * HOT]


def had_a_processor(case: Case) -> float:
    """The part of their busy time in which the loops' threads did not queue for a processor."""
    busy = sum(use.busy for use in case.history.loop_uses)
    queued = sum(use.queued for use in case.history.loop_uses)
    return max(0.0, 1 - queued / busy) if busy else 1.0
