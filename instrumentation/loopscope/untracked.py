"""Objects of ours out of the cyclic collector's sight: it looks at every container there is, each time anew.

What has ended, and is of no concern to the program, refers to nothing that leads back to it, so counting
references frees it. What our modules are made of stays for as long as the process. Together they would be a
fifth of what the collector of a busy service goes through, and slow each of its requests by some percent.
"""

from __future__ import annotations

import atexit
import gc
import sys
from itertools import chain
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["untrack", "untrack_code"]

try:
    from loopscope.hooks._fast import track_again, untrack, untrack_for_good
except ImportError:  # no compiler where it was installed

    def untrack(*_: object) -> None:
        """For deques and objects of classes made in Python, no weak references, in no cycle now or ever."""

    def untrack_for_good(*_: object) -> None:
        """For what lives as long as the process; it is kept alive."""

    def track_again() -> None:
        """Undo what was done for good."""


_PACKAGES = frozenset({"loopscope", "loopscope_exporters"})
_ATTRIBUTES = (GetSetDescriptorType, MemberDescriptorType, classmethod, property, staticmethod)


def untrack_code() -> None:
    """Modules of ours with their classes and functions, as far as they are loaded, until the end; 10 ms.

    Then it is undone: modules that are still alive would be emptied, and hooks may be called later than that.
    """
    todo: list[Any] = [module for name, module in sys.modules.copy().items() if _is_ours(name)]
    found: dict[int, Any] = {}
    while todo:
        part = todo.pop()
        if id(part) not in found:
            found[id(part)] = part
            todo += _parts(part)
    untrack_for_good(*found.values())
    atexit.unregister(track_again)
    atexit.register(track_again)


def _is_ours(name: object) -> bool:
    return isinstance(name, str) and name.partition(".")[0] in _PACKAGES


def _parts(whole: Any) -> Iterable[Any]:
    """What is part of it and of nothing else; no value that a program could replace."""
    if isinstance(whole, ModuleType):
        spec = whole.__spec__
        return vars(whole), spec, spec and spec.loader, *_members(vars(whole))
    if isinstance(whole, type):
        inner = [part for part in gc.get_referents(whole) if type(part) in (dict, tuple)]
        fields = vars(whole).get("__dataclass_fields__", {})
        return chain(inner, (fields,), fields.values(), _members(vars(whole)))
    if isinstance(whole, FunctionType):
        inner = [part for part in gc.get_referents(whole) if type(part) is tuple]
        return chain(inner, whole.__closure__ or ())
    if isinstance(whole, property):
        return filter(None, (whole.fget, whole.fset))
    return (whole.__func__,) if isinstance(whole, classmethod | staticmethod) else ()


def _members(namespace: Any) -> Iterator[Any]:
    for value in list(namespace.values()):
        is_code = isinstance(value, FunctionType | type) and _is_ours(value.__module__)
        if is_code or isinstance(value, _ATTRIBUTES):
            yield value
