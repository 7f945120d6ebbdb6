"""Causes of a block: what kept a loop's thread from coming back to its loop."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loopscope.records import Place

BLOCKING_CALL = "blocking_call"  # it waited for something outside
OWN_LOOP = "own_loop"  # it waited for what only its own loop could have brought about
CPU = "cpu"  # it computed, in Python
GIL = "gil"  # C code held the GIL; whose, says the block's `holder`
GC = "gc"  # the garbage collector ran, by itself
IMPORT = "import"  # a module was imported
HOST_PAUSED = "host_paused"  # nothing ran, and nothing wanted to
CAUSES = (BLOCKING_CALL, OWN_LOOP, CPU, GIL, GC, IMPORT, HOST_PAUSED)

MOST = 0.5  # of a block's time: what took more of it is its cause


class Lateness(NamedTuple):
    """An interval in which the watchdog should have run and could not.

    ``computed`` says whether the process used a processor meanwhile, ``loops`` which loops' threads did for
    most of it and for how long, ns, ``holder`` which other thread.
    """

    due: int
    until: int
    computed: bool = True
    loops: Mapping[int, int] = MappingProxyType({})
    holder: str = ""

    def queued(self, thread: int, lasted: int) -> int:
        """Of a block of that loop's thread: how long it queued for a processor, for C code that keeps the GIL
        does nothing else when it does not run.
        """
        share = self.loops.get(thread, 0) / max(1, self.until - self.due)
        return int(lasted * max(0.0, 1 - share)) if thread in self.loops else 0


class Pause(NamedTuple):
    """A garbage collection; for ``ran`` ns of it it had a processor."""

    began: int
    ended: int
    ran: int


def overlap(began: int, ended: int, start: int, end: int) -> int:
    """How much of ``began`` to ``ended`` lies between ``start`` and ``end``."""
    return max(0, min(ended, end) - max(began, start))


def kept_late(began: int, ended: int, late: Iterable[Lateness]) -> Lateness | None:
    """The longest of the intervals in which the watchdog stood still for most of the block, all together."""
    shares = [(overlap(began, ended, one.due, one.until), one) for one in late]
    if sum(share for share, _ in shares) <= (ended - began) * MOST:
        return None
    return max(shares, key=lambda share: share[0])[1]


def collecting(began: int, ended: int, pauses: Iterable[Pause]) -> int:
    """If garbage collections took most of the block: how long they ran, ns. A collector never waits, so the
    rest of their time it queued for a processor.
    """
    within = [pause for pause in pauses if overlap(began, ended, pause.began, pause.ended)]
    lasted = sum(overlap(began, ended, pause.began, pause.ended) for pause in within)
    return max(1, sum(pause.ran for pause in within)) if lasted > (ended - began) * MOST else 0


def importing(stack: Iterable[Place]) -> bool:
    """Does the import machinery stand on a stack?"""
    return any(place.file.startswith("<frozen importlib") for place in stack)
