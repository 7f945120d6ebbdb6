"""Await chains: what a suspended task waits for, read from its coroutines' frames.

A suspended coroutine knows its frame and what it awaits (`cr_await`, `gi_yieldfrom`, `ag_await`), down to
the future at the end. Walking that chain names the exact line without any patch, in every library. The loop
does it only for waits that lasted longer than the threshold, when the task resumes; the pump does it for
tasks that are still suspended. Both note pairs of code and offset; words are found by the pump, and what the
words mean stands in `wait_table`.
"""

from __future__ import annotations

import asyncio
import gc
from functools import lru_cache
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope import places, private, repeats
from loopscope.edges import shared_variables
from loopscope.owned import owned
from loopscope.recorder import recorder
from loopscope.records import EXECUTOR, FUTURE, GATHER, OK, TASK, Wait
from loopscope.wait_table import FURTHER_OUT, LIBRARIES, LOCALS, PRIMITIVES, STREAMS, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopscope.edges import Edges
    from loopscope.records import Place, RawPlace, Resource, Task

DEPTH = 40  # frames of a chain that are noted
# Without a frame of their own: `anext` of a generator, and what a coroutine's `__await__` gives.
TRANSPARENT = frozenset({"async_generator_asend", "async_generator_athrow", "coroutine_wrapper"})


class Link(NamedTuple):
    """One frame of a chain; ``holder`` is the coroutine or generator that it belongs to."""

    frame: FrameType
    holder: Any


def links(awaitable: Any) -> Iterator[Link]:
    """The frames of a suspended coroutine's await chain, outermost first; none while it runs."""
    while awaitable is not None:
        holder = awaitable
        if isinstance(holder, CoroutineType):
            frame, awaitable = holder.cr_frame, holder.cr_await
        elif isinstance(holder, GeneratorType):
            frame, awaitable = holder.gi_frame, holder.gi_yieldfrom
        elif isinstance(holder, AsyncGeneratorType):
            frame, awaitable = holder.ag_frame, holder.ag_await
        elif type(holder).__name__ in TRANSPARENT:
            inner = gc.get_referents(holder)
            awaitable = next((a for a in inner if isinstance(a, AsyncGeneratorType | CoroutineType)), None)
            continue
        else:
            return
        if frame is None:
            return
        yield Link(frame, holder)
        if frame.f_code.co_name == "greenlet_spawn":
            yield from _greenlet_frames(holder)


def _greenlet_frames(spawner: Any) -> Iterator[Link]:
    """SQLAlchemy runs synchronous code in a greenlet, which hands its awaits to this coroutine."""
    for one in gc.get_referents(spawner):
        frame = getattr(one, "gr_frame", None) if type(one).__name__.endswith("Greenlet") else None
        inside: list[Link] = []
        while isinstance(frame, FrameType) and len(inside) < DEPTH:
            inside.append(Link(frame, None))
            frame = frame.f_back
        yield from reversed(inside)


def walk(awaitable: Any) -> list[RawPlace]:
    """The chain as pairs of code and offset, outermost first."""
    return [
        (link.frame.f_code, link.frame.f_lasti)
        for _, link in zip(range(DEPTH), links(awaitable), strict=False)
    ]


def resumed(record: Task, task: Any, arguments: tuple[Any, ...] | None, at: int) -> None:
    """Note the wait that ends now. Runs on the loop, for waits over the threshold only."""
    if at - record.last_ran < recorder.detail.over and recorder.detail.is_thin(record.job):
        return
    chain = walk(task.get_coro())
    leaf = arguments[0] if arguments else None
    wait = Wait(record, kind_of_leaf(leaf), None, chain, record.last_ran, at, OK, job=record.job)
    recorder.keep(recorder.ended_waits, wait)


def suspended(record: Task, task: Any, edges: Edges) -> Wait | None:
    """The wait a task is in, seen from another thread; None while it runs, or when a hook knows better."""
    leaf, hooked = private.waiting_for(task), record.wait
    chain = [link for _, link in zip(range(DEPTH), links(task.get_coro()), strict=False)]
    if leaf is None or not chain:
        return None
    until = edges.until(task, leaf)
    if hooked is not None:
        hooked.until = until
        hooked.repeated = repeats.repeating((link.frame.f_code, link.frame.f_lasti) for link in chain[::-1])
    library = _library_part(chain)
    row, at = row_of(
        tuple((link.frame.f_code.co_filename, link.frame.f_code.co_qualname) for link in library)
    )
    if hooked is not None and (row is None or row in PRIMITIVES or row.kind == hooked.kind):
        return None
    site = [(link.frame.f_code, link.frame.f_lasti) for link in chain]
    wait = Wait(record, kind_of_leaf(leaf), None, site, record.last_ran, job=record.job, until=until)
    if hooked is not None:
        wait.started, wait.outer, wait.resource = hooked.started, hooked, hooked.resource
    _read(wait, row, library[at:], leaf, edges)
    return wait


def _read(wait: Wait, row: Row | None, outwards: Sequence[Link], leaf: Any, edges: Edges) -> None:
    """Find what is waited for: a resource, tasks, a work item."""
    wait.awaits = edges.awaited(leaf)
    if row is not None and (wait.kind == FUTURE or row not in PRIMITIVES):
        wait.kind = row.kind
        owner = _owner(row, outwards)
        if owner is not None and not row.awaited:
            wait.resource = _resource(owner, row) or wait.resource
        if row.awaited and not wait.awaits:
            source = outwards[0].holder if row.awaited == LOCALS else getattr(owner, row.awaited, None)
            wait.awaits = edges.tasks_in(source)
            if row.kind == GATHER and row.awaited == LOCALS and not _waits_for_all(source):
                wait.kind = TASK
    item = edges.item_of(leaf) if wait.kind in {FUTURE, EXECUTOR} else None
    if item is not None:
        wait.kind, wait.resource = EXECUTOR, item.executor
    elif not wait.awaits and wait.kind in {FUTURE, TASK, GATHER}:
        wait.awaits = edges.ended_by(leaf, outwards[0].holder if row in LIBRARIES else None)
    if wait.awaits and wait.kind == FUTURE:
        wait.kind = TASK


def _waits_for_all(holder: Any) -> bool:
    """`asyncio.wait` with the first to end, or to fail, is enough."""
    return any(one == asyncio.ALL_COMPLETED for one in shared_variables(holder) if isinstance(one, str))


def _resource(owner: Any, row: Row) -> Resource | None:
    try:
        return owned.by_row(owner, row)
    except TypeError:  # takes no weak reference
        return None


def _owner(row: Row, outwards: Sequence[Link]) -> Any:
    """The object of the row's class in the matched frame, or in the nearest one further out."""
    if row.owner:
        for link in outwards:
            for one in gc.get_referents(link.holder) if link.holder is not None else ():
                if any(kind.__name__ == row.owner for kind in type(one).__mro__):
                    return one
                state = getattr(one, "_state", None)
                if type(state).__name__ == row.owner:
                    return state
    return None


def kind_of_leaf(leaf: Any) -> str:
    """What the future at the end of a chain says of the wait; the chain may know better."""
    if isinstance(leaf, asyncio.Task):
        return TASK
    return GATHER if type(leaf).__name__ == "_GatheringFuture" else FUTURE


def _library_part(chain: list[Link]) -> list[Link]:
    """Innermost first, up to the first line of the user's own."""
    part = []
    for link in reversed(chain):
        if places.origin(link.frame.f_code.co_filename) == places.USER:
            break
        part.append(link)
    return part


@lru_cache(maxsize=4096)
def row_of(frames: tuple[tuple[str, str], ...]) -> tuple[Row | None, int]:
    """The row that decides for library frames, innermost first, and the index of its frame."""
    for rows in (LIBRARIES, STREAMS, PRIMITIVES):
        for at, (file, function) in enumerate(frames):
            fits = (row for row in rows if row.file in file and function.startswith(row.function))
            row = next(fits, None)
            if row is not None and row.kind != FURTHER_OUT:
                return row, at
    return None, 0


def put_into_words(wait: Wait) -> None:
    """Replace a chain by the user's innermost line, the kind of wait and the library function that waits."""
    if isinstance(wait.repeated, list):
        wait.repeated = repeats.repeating(wait.repeated)
    if not isinstance(wait.site, list):
        wait.site = places.resolve(wait.site)
        if not wait.site.line:  # a coroutine of a library runs as a task of its own
            wait.site = places.resolve(wait.task.site)
        return
    wait.repeated = repeats.repeating(reversed(wait.site))
    chain: list[Place] = [places.resolve(raw) for raw in reversed(wait.site)]
    library = []
    for place in chain:
        if places.origin(place.file) == places.USER:
            break
        library.append(place)
    wait.site = places.culprit(tuple(chain))
    row, at = row_of(tuple((place.file, place.function) for place in library))
    if library:
        wait.detail = library[at].function
    if row is not None and (wait.kind == FUTURE or row not in PRIMITIVES):
        wait.kind = row.kind
