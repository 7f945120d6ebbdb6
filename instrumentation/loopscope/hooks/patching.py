"""Replacing functions so that it can be undone."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MISSING = object()
_MARK = "__loopscope_original__"


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
        self._done.append((owner, name, vars(owner).get(name, _MISSING), wrapper))
        setattr(owner, name, wrapper)

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
