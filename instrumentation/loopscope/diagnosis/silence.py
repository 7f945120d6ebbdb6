"""Waits for somebody outside that last far longer than such waits do, with no time-out to end them."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from loopscope.clock import SECOND
from loopscope.places import resolve, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loopscope.diagnosis.case import Case
    from loopscope.records import Place, Wait

ASKING = frozenset({
    "write", "writelines", "write_eof", "drain", "send", "sendall", "send_all", "send_str", "send_bytes",
    "send_json", "sock_sendall", "request", "publish", "execute",
})  # fmt: skip


class Silence(NamedTuple):
    """Waits on one line for one party, longest first, and how such waits usually went."""

    waits: tuple[Wait, ...]
    place: Place
    answered: int  # such waits that have ended well
    usual: float  # s the longest of those took
    quiet: float  # s since the last one

    def lasts(self, case: Case) -> float:
        return case.since(self.waits[0].started)


def silences(case: Case, kinds: Iterable[str]) -> Iterator[Silence]:
    """Of the user's own lines that wait for one of these kinds; what will end by a time-out is left out."""
    wanted = frozenset(kinds)
    groups: dict[tuple[str, Place, str], list[Wait]] = {}
    for wait in sorted(case.snapshot.waits, key=lambda wait: wait.started):
        place = case.own_line(resolve(wait.site))
        if wait.kind in wanted and wait.until == 0 and place.line:
            groups.setdefault((wait.kind, place, _party(wait)), []).append(wait)
    for (kind, place, party), waits in groups.items():
        ended = [
            tally
            for key, tally in case.history.waits.items()
            if key.kind == kind and (party == _name(case, key.resource) if party else key.site == place)
        ]
        last = max((tally.last for tally in ended), default=0)
        yield Silence(
            waits=tuple(waits),
            place=place,
            answered=sum(tally.count - tally.failed for tally in ended),
            usual=max((tally.longest for tally in ended), default=0) / SECOND,
            quiet=case.since(last) if last else case.since(waits[0].started),
        )


def _party(wait: Wait) -> str:
    return wait.resource.name if wait.resource is not None else ""


def _name(case: Case, resource: int) -> str:
    found = case.resources.get(resource)
    return found.name if found is not None else ""


def is_listening(place: Place) -> bool:
    """Whatever comes next, whenever it comes: messages, lines, events."""
    return source(place).startswith("async for")


def asks_first(place: Place) -> bool:
    """Does the function send something before it comes to this line? Who only listens may wait for long."""
    if is_listening(place):
        return False
    return any(begin <= place.line <= end and asked < place.line for begin, end, asked in _asking(place.file))


@lru_cache(maxsize=500)
def _asking(file: str) -> tuple[tuple[int, int, int], ...]:
    """First and last line of each function, with each line on which it sends something."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(
        (function.lineno, function.end_lineno or function.lineno, call.lineno)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ASKING
    )
