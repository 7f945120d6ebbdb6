"""Places in source: noted cheaply on the loop, resolved off it; the user's code told from libraries."""

from __future__ import annotations

import linecache
import sysconfig
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope.records import NOWHERE, LeftBehind, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from loopscope.records import RawPlace

_STDLIB = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_PACKAGES = ("/site-packages/", "/dist-packages/")
_GENERATED = (" generated ", "-gen-")  # in the names of code that a library has written: it has no file
_OURS = str(Path(__file__).parent) + "/"
_NOTICED = 20_000  # resolved places kept

STANDARD, PACKAGE, USER = 0, 1, 2  # whose code it is; our own counts as the standard library's

_origin_of_file: dict[str, int] = {}  # one dictionary look-up a frame
_places: dict[tuple[int, int], tuple[CodeType, Place]] = {}

stop_codes: set[int] = set()  # ids of code objects at which a walk ends: below them is the event loop


@lru_cache(maxsize=10_000)
def origin(filename: str) -> int:
    """Whose code a file is: STANDARD, PACKAGE or USER."""
    if "/loopscope_dashboard/demo/" in filename:
        return USER  # the demo plays the part of a service
    if any(mark in filename for mark in _PACKAGES):
        return PACKAGE
    if filename.startswith("<") and any(mark in filename for mark in _GENERATED):
        return PACKAGE
    if filename.startswith((*_STDLIB, _OURS, "<frozen")):
        return STANDARD
    return USER


def origin_of(frame: FrameType) -> int:
    """Whose code a frame runs; cheap enough for the loop."""
    file = frame.f_code.co_filename
    known = _origin_of_file.get(file)
    if known is None:
        known = _origin_of_file[file] = origin(file)
    return known


class NotedPlace(LeftBehind, tuple["CodeType", int]):
    """A noted place that stands on an object of the program's; one a place, hence equal only to itself.

    The hash of a tuple would be that of its code object, which reads all of the code.
    """

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


_noted: dict[tuple[int, int], NotedPlace] = {}


def noted(place: RawPlace | Place | None) -> NotedPlace | None:
    """The place as it may stand on an object of the program's, one object a line; None for NOWHERE."""
    if place is None or isinstance(place, Place):
        return None
    key = id(place[0]), place[1]
    known = _noted.get(key)
    if known is None:  # what is known keeps its code, and with it the address
        if len(_noted) >= _NOTICED:
            _noted.clear()
        known = _noted[key] = NotedPlace(place)
    return known


def walk(frame: FrameType | None) -> RawPlace | Place:
    """The innermost user frame from `frame` outwards, else the innermost of a package, else NOWHERE."""
    fallback: FrameType | None = None
    inner: FrameType | None = None
    while frame is not None:
        code = frame.f_code
        whose = _origin_of_file.get(code.co_filename)
        if whose is None:
            whose = origin_of(frame)
        if whose == USER:
            return code, frame.f_lasti
        if id(code) in stop_codes and is_a_step(inner):
            break
        if fallback is None and whose == PACKAGE:
            fallback = frame
        inner, frame = frame, frame.f_back
    return (fallback.f_code, fallback.f_lasti) if fallback is not None else NOWHERE


def _note_creation(frame: FrameType) -> NotedPlace | None:
    """The caller that creates an object, as it may stand on it; see `note_caller`."""
    return noted(note_caller(frame))


try:
    from loopscope.hooks._fast import noter, walker
except ImportError:  # no compiler where it was installed
    note_caller, note_creation = walk, _note_creation
else:
    note_caller = walker(_origin_of_file, stop_codes, USER, PACKAGE, NOWHERE, walk)
    note_creation = noter(note_caller, _noted, _note_creation)


def is_a_step(inner: FrameType | None) -> bool:
    """Is the frame inside the event loop's own that of a callback? Not while the loop sleeps.

    A walk up from a sleeping loop goes on, to whoever runs it.
    """
    return inner is None or inner.f_code.co_name != "select"


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those that it was called by, down to the event loop."""
    inner: FrameType | None = None
    while frame is not None and not (id(frame.f_code) in stop_codes and is_a_step(inner)):
        yield frame
        inner, frame = frame, frame.f_back


def note_outer(frame: FrameType | None) -> RawPlace | Place:
    """The user's frame that called the function which `note_caller` names; NOWHERE if there is none."""
    named: CodeType | None = None
    for outer in frames(frame):
        if origin_of(outer) == USER:
            if named is not None and outer.f_code is not named:
                return outer.f_code, outer.f_lasti
            named = outer.f_code
    return NOWHERE


def resolve(raw: Place | RawPlace | None) -> Place:
    """A noted place as file, line and function; NOWHERE for None."""
    if raw is None:
        return NOWHERE
    if isinstance(raw, Place):
        return raw
    code, offset = raw
    key = id(code), offset
    known = _places.get(key)
    if known is not None and known[0] is code:
        return known[1]
    position = next(islice(code.co_positions(), offset // 2, None), (code.co_firstlineno,))
    place = Place(code.co_filename, position[0] or code.co_firstlineno, code.co_qualname)
    if len(_places) >= _NOTICED:
        _places.clear()
    _places[key] = (code, place)
    return place


def stack(frame: FrameType | None) -> Iterator[Place]:
    """The places of a thread's frames, innermost first, down to the event loop."""
    for outer in frames(frame):
        code = outer.f_code  # an instruction of no line has none to give
        yield Place(code.co_filename, outer.f_lineno or code.co_firstlineno, code.co_qualname)


def culprit(innermost_first: tuple[Place, ...]) -> Place:
    """The innermost frame of the user's own code; else of a package; else the innermost at all."""
    for wanted in (USER, PACKAGE):
        for place in innermost_first:
            if origin(place.file) == wanted:
                return place
    return innermost_first[0] if innermost_first else NOWHERE


def source(place: Place) -> str:
    """The text of the line, or an empty string. Reads files: never on a loop."""
    return linecache.getline(place.file, place.line).strip() if place.line else ""
