"""Hooks for libraries that may be imported later: they are installed when the module has run."""

from __future__ import annotations

import importlib.abc
import sys
from typing import TYPE_CHECKING, Any

from loopscope.recorder import recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from loopscope.hooks.patching import Patches


def when_imported(patches: Patches, wanted: dict[str, Callable[[], None]]) -> None:
    """Call each hook once its module is there: now, or right after its import."""
    later = {}
    for name, hook in wanted.items():
        if name in sys.modules:
            hook()
        else:
            later[name] = hook
    if later:
        finder = _Finder(later)
        sys.meta_path.insert(0, finder)
        patches.on_restore(finder.remove)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing itself: lets the other finders find a wanted module and adds the hook to its loader."""

    def __init__(self, wanted: dict[str, Callable[[], None]]) -> None:
        self._wanted = wanted

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        hook = self._wanted.pop(fullname, None)
        if hook is None:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    _run_after(spec.loader, hook)
                return spec
        return None


def _run_after(loader: Any, hook: Callable[[], None]) -> None:
    """Shadow `exec_module` on this one loader object, for one call."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)
        execute(module)
        try:
            hook()
        except Exception:
            recorder.fault(f"import of {module.__name__}")

    loader.exec_module = exec_module
