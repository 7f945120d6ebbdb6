"""Synchronous waits: the library function in which a thread waits for another, and the object it waits on."""

from __future__ import annotations

import _thread
import ast
import linecache
import queue
import types
from inspect import getattr_static
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope import places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# The outermost library frame that fits decides. A row: file, function, local that is waited on.
WAYS: tuple[tuple[str, str, str], ...] = (
    ("/concurrent/futures/_base.py", "Future.result", "self"),
    ("/concurrent/futures/_base.py", "Future.exception", "self"),
    ("/concurrent/futures/_base.py", "wait", "fs"),
    ("/concurrent/futures/_base.py", "as_completed", "fs"),
    ("/concurrent/futures/_base.py", "Executor.map.<locals>.result_iterator", "fs"),
    ("/concurrent/futures/thread.py", "ThreadPoolExecutor.shutdown", "self"),
    ("/asyncio/base_events.py", "BaseEventLoop.run_until_complete", "future"),
    ("/multiprocessing/synchronize.py", "SemLock.__enter__", "self"),
    ("/multiprocessing/pool.py", "ApplyResult.get", "self"),
    ("/multiprocessing/pool.py", "ApplyResult.wait", "self"),
    ("/multiprocessing/pool.py", "IMapIterator.next", "self"),
    ("/threading.py", "Event.wait", "self"),
    ("/threading.py", "Condition.wait", "self"),
    ("/threading.py", "Condition.wait_for", "self"),
    ("/threading.py", "Semaphore.acquire", "self"),
    ("/threading.py", "Barrier.wait", "self"),
    ("/threading.py", "Thread.join", "self"),
    ("/queue.py", "Queue.get", "self"),
    ("/queue.py", "Queue.put", "self"),
    ("/queue.py", "Queue.join", "self"),
)
LOCKS = (_thread.LockType, _thread.RLock)
IN_C = (*LOCKS, queue.SimpleQueue)  # these wait without a frame of their own
SHARED = "multiprocessing."  # what is waited for lies between processes
_MISSING = object()


class SyncWait(NamedTuple):
    """``function`` is what a thread waits in, ``on`` the future, event, lock, queue or thread waited for."""

    function: str
    on: Any


def of(frame: FrameType | None) -> SyncWait | None:
    """What a thread waits for, by its innermost frame; None when it does not wait in a way we know."""
    found = None
    while frame is not None and places.origin_of(frame) == places.STANDARD:
        code = frame.f_code
        for file, function, local in WAYS:
            if code.co_qualname == function and code.co_filename.endswith(file):
                found = SyncWait(function, frame.f_locals.get(local))
        frame = frame.f_back
    if found is not None and is_shared(found.on):
        return SyncWait(f"{SHARED}{type(found.on).__name__}.acquire", found.on)
    return found or (in_c(frame) if frame is not None else None)


def is_shared(thing: Any) -> bool:
    """A lock, semaphore, event... that other processes see, too."""
    return type(thing).__module__ == "multiprocessing.synchronize"


def in_c(frame: FrameType) -> SyncWait | None:
    """The lock or queue on which the very instruction of a frame waits, read from its source."""
    for expression in _instruction(frame):
        method, receiver = "acquire", expression
        if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
            method, receiver = expression.func.attr, expression.func.value
        thing = look_up(frame, receiver)
        if is_shared(thing):
            return SyncWait(f"{SHARED}{type(thing).__name__}.{method}", thing)
        if isinstance(thing, IN_C):
            return SyncWait(f"{type(thing).__name__}.{method}", thing)
    return None


def _instruction(frame: FrameType) -> list[ast.expr]:
    """The call an instruction makes, or what its ``with`` enters, of which 3.11 says the statement."""
    code = frame.f_code
    line, end_line, column, end_column = next(
        islice(code.co_positions(), frame.f_lasti // 2, None), (None, None, None, None)
    )
    if line is None or end_line is None or column is None or end_column is None:
        return []
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(line, end_line + 1)]
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    try:
        return [ast.parse(b"".join(lines).strip(), mode="eval").body]
    except (SyntaxError, ValueError):
        here = (node for node in _withs(code.co_filename) if (node.lineno, node.col_offset) == (line, column))
        return [item.context_expr for node in here for item in node.items]


def look_up(frame: FrameType, expression: ast.expr) -> Any:
    """The object that a name or a chain of attributes means in a frame; runs no code of the user's."""
    if isinstance(expression, ast.Name):
        found = frame.f_locals.get(expression.id, _MISSING)
        return frame.f_globals.get(expression.id) if found is _MISSING else found
    if not isinstance(expression, ast.Attribute):
        return None
    owner = look_up(frame, expression.value)
    found = getattr_static(owner, expression.attr, None)
    if isinstance(found, types.MemberDescriptorType):  # a slot
        return found.__get__(owner, type(owner))
    return found


def stands_inside(frame: FrameType, lock: Any) -> bool:
    """Is the line of a frame in the body of a ``with`` that holds this very lock?"""
    return any(
        look_up(frame, item.context_expr) is lock
        for node in _withs(frame.f_code.co_filename)
        if node.body[0].lineno <= frame.f_lineno <= (node.end_lineno or 0)
        for item in node.items
    )


def _withs(file: str) -> Iterator[ast.With]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            yield node
