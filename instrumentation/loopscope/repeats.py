"""Which of the user's lines repeats a wait: the innermost one of an await chain that stands in a `for` loop.

Read from bytecode: a `for` loop's body reaches from its FOR_ITER to where that jumps when there is no more
item. `while` and `async for` are left out: what they repeat waits for the last result, a message, or time.
"""

from __future__ import annotations

import dis
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from loopscope import places
from loopscope.records import NOWHERE, Place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

KNOWN = 2_000  # code objects
CALLERS = 8  # of the user's own frames


@lru_cache(maxsize=KNOWN)
def for_loops(code: CodeType) -> tuple[tuple[int, int], ...]:
    """Offsets of the first and of the last instruction of each `for` loop's body."""
    return tuple(
        (instruction.offset, instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname == "FOR_ITER"
    )


def repeating(innermost_first: Iterable[tuple[CodeType, int]]) -> Place:
    """The line of the loop's body that the chain goes through; NOWHERE when it goes through none."""
    for code, offset in innermost_first:
        if places.origin(code.co_filename) == places.USER and any(
            first < offset < last for first, last in for_loops(code)
        ):
            return places.resolve((code, offset))
    return NOWHERE


def callers(frame: FrameType | None) -> list[tuple[CodeType, int]]:
    """The user's frames from `frame` outwards, innermost first; cheap enough for the loop."""
    users = (outer for outer in places.frames(frame) if places.origin_of(outer) == places.USER)
    return [(outer.f_code, outer.f_lasti) for outer in islice(users, CALLERS)]
