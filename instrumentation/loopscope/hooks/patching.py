"""Replacing functions so that it can be undone."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MISSING = object()
_MARK = "__loopscope_original__"
_NO_COLUMNS = 13  # the kind of entry in a line table that has a line and nothing else


class Patches:
    """Everything that was replaced, in order. `restore` is the twin of the replacements."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._done: list[tuple[Any, str, Any, Any]] = []

    def __repr__(self) -> str:
        return f"<Patches: {', '.join(f'{owner.__name__}.{name}' for owner, name, _, _ in self._done)}>"

    def __iter__(self) -> Iterator[tuple[Any, str, Any, Any]]:
        """Owner, name, what stood there in the owner itself, and what we put there."""
        return iter(tuple(self._done))

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put ``make(original)`` in the place of ``owner.name``; a missing name or one already ours stays."""
        original: Any = getattr(owner, name, _MISSING)
        if original is _MISSING or hasattr(original, _MARK):
            return
        wrapper = make(original)
        functools.update_wrapper(wrapper, original)
        if not hasattr(original, "__annotations__"):  # a builtin
            wrapper.__annotations__ = {}
        setattr(wrapper, _MARK, original)
        _take_place(wrapper, original)
        self._done.append((owner, name, vars(owner).get(name, _MISSING), wrapper))
        setattr(owner, name, wrapper)

    def put_before(self, owner: Any, name: str, make: Callable[[Any, Any], Any]) -> None:
        """Put ``make(hook, original)`` in the place of a hook of ours, if that is what stands there."""
        hook = vars(owner).get(name)
        for index, (_, _, original, wrapper) in enumerate(self._done):
            if wrapper is hook:
                front = functools.update_wrapper(make(hook, getattr(hook, _MARK)), hook)
                self._done[index] = owner, name, original, front
                setattr(owner, name, front)

    def on_restore(self, undo: Callable[[], None]) -> None:
        """Have `undo` called by `restore`."""
        self._undo.append(undo)

    def restore(self) -> None:
        """Undo, last first, what is still ours; what somebody replaced after us stays."""
        for undo in reversed(self._undo):
            undo()
        for owner, name, original, wrapper in reversed(self._done):
            if vars(owner).get(name) is not wrapper:
                continue
            if original is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
        self._undo.clear()
        self._done.clear()


def _take_place(wrapper: Any, original: Any) -> None:
    """Have the wrapper's frames stand where the original does: on its first line.

    A task's repr names the file that its outermost coroutine is in, and a warning that of a frame so many
    levels up. Both would name ours.
    """
    theirs, ours = getattr(original, "__code__", None), getattr(wrapper, "__code__", None)
    if theirs is None or ours is None or theirs.co_filename == ours.co_filename:
        return
    units = len(ours.co_code) // 2
    wrapper.__code__ = ours.replace(
        co_filename=theirs.co_filename,
        co_name=theirs.co_name,
        co_qualname=theirs.co_qualname,
        co_firstlineno=theirs.co_firstlineno,
        co_linetable=b"".join(_same_line(min(8, units - done)) for done in range(0, units, 8)),
    )


def _same_line(units: int) -> bytes:
    """An entry of a line table, as CPython's Objects/locations.md has it: so many units on the same line."""
    return bytes((0x80 | _NO_COLUMNS << 3 | units - 1, 0))
