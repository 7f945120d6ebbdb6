"""Where a coroutine that nobody awaited was made, found from where it was dropped.

Python notes a coroutine's origin only at a price for every coroutine. A forgotten `await` drops the coroutine
on the line that makes it, and a forgotten variable a few lines later: so of the functions that ran when it
died, the innermost that mentions the coroutine's name is the one, and the mention before is the line. A
callback that is a coroutine function dies below the loop, with no function of the user's in sight, and one
that was handed around dies where nobody knows it: then the modules in question are asked for the one mention.
"""

from __future__ import annotations

import dis
import sys
from itertools import islice
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from loopscope import places
from loopscope.records import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from loopscope.records import RawPlace

DEPTH = 8  # functions of the user's that are asked, innermost first
MOST_CODES = 3000  # of a module


class Drop:
    """What is noted when a coroutine dies; `place` makes words of it, off the loop."""

    __slots__ = ("code", "frames", "modules", "names")

    def __init__(self, coroutine: Any, frame: FrameType | None) -> None:
        self.code: CodeType = coroutine.cr_code
        self.names = {coroutine.__name__, self.code.co_name}
        own = coroutine.cr_frame
        self.modules: set[str] = {own.f_globals.get("__name__", "")} if own is not None else set()
        self.frames: list[RawPlace] = []
        users = (outer for outer in places.frames(frame) if places.origin_of(outer) == places.USER)
        for outer in islice(users, DEPTH):
            self.frames.append((outer.f_code, outer.f_lasti))
            self.modules.add(outer.f_globals.get("__name__", ""))

    def __repr__(self) -> str:
        return f"<drop of {self.code.co_qualname}>"

    def place(self) -> Place:
        """The line that made the coroutine; at worst, the line that defines what it runs."""
        for code, offset in self.frames:
            mentions = list(_mentions(code, self.names))
            before = [at for at in mentions if at <= offset]
            if mentions:
                return places.resolve((code, (before or mentions)[-1]))
        mentioned = {
            places.resolve((code, at))
            for module in self.modules
            for code in _codes(module)
            for at in _mentions(code, self.names)
        }
        if len(mentioned) == 1:
            return mentioned.pop()
        if self.frames:
            return places.resolve(self.frames[0])
        return Place(self.code.co_filename, self.code.co_firstlineno, self.code.co_qualname)


def _mentions(code: CodeType, names: set[str]) -> Iterator[int]:
    """Offsets at which a function loads one of the names."""
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith("LOAD_") and instruction.argval in names:
            yield instruction.offset


def _codes(module: str) -> Iterator[CodeType]:
    """The code of every function and method that a module defines."""
    todo: list[Any] = list(vars(sys.modules[module]).values()) if module in sys.modules else []
    seen: set[int] = set()
    while todo and len(seen) < MOST_CODES:
        thing = todo.pop()
        thing = getattr(thing, "__func__", thing)
        if id(thing) in seen or getattr(thing, "__module__", module) != module:
            continue
        seen.add(id(thing))
        if isinstance(thing, FunctionType):
            todo.append(thing.__code__)
        elif isinstance(thing, type):
            todo.extend(vars(thing).values())
        elif isinstance(thing, CodeType):
            yield thing
            todo.extend(constant for constant in thing.co_consts if isinstance(constant, CodeType))
