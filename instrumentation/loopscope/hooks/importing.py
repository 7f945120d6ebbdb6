"""Hooks for libraries that may be imported later: they are installed when the module has run."""

from __future__ import annotations

import importlib.abc
import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from loopscope.hooks.patching import Patches


def when_imported(patches: Patches, wanted: dict[str, Callable[[], None]]) -> None:
    """Call each hook once its module is there: now, or right after its import."""
    later = {}
    for name, hook in wanted.items():
        if name in sys.modules and not _is_being_imported(name):
            _call(name, hook)
        else:
            later[name] = hook
    if later:
        finder = _Finder(later)
        sys.meta_path.insert(0, finder)
        patches.on_restore(finder.remove)
        for name in filter(_is_being_imported, later):
            _UnfinishedSpec.watch(sys.modules[name], later)


def _is_being_imported(name: str) -> bool:
    """`instrument()` may be called by what a library imports itself, in the middle of its own import."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return type(spec) is ModuleSpec and getattr(spec, "_initializing", False)


class _UnfinishedSpec(ModuleSpec):
    """The spec of a module that is being imported, until the import system notes in it that this is over."""

    _wanted: dict[str, Callable[[], None]]

    @classmethod
    def watch(cls, module: ModuleType, wanted: dict[str, Callable[[], None]]) -> None:
        spec = module.__spec__
        assert spec is not None
        spec.__class__ = cls
        vars(spec)["_wanted"] = wanted

    @property
    def _initializing(self) -> bool:
        return True

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        self.__class__ = ModuleSpec  # type: ignore[assignment]  # what it was
        vars(self)["_initializing"] = value
        hook = vars(self).pop("_wanted").pop(self.name, None)
        if hook is not None and self.name in sys.modules:
            _call(self.name, hook)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing itself: lets the other finders find a wanted module and adds the hook to its loader."""

    def __init__(self, wanted: dict[str, Callable[[], None]]) -> None:
        self._wanted = wanted
        self._finding: set[str] = set()  # other finders may ask all finders, us among them

    def remove(self) -> None:
        self._wanted.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._wanted or fullname in self._finding:
            return None
        self._finding.add(fullname)
        try:
            spec = self._find_by_others(fullname, path, target)
        finally:
            self._finding.discard(fullname)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            self._run_after(spec.loader, fullname)
        return spec

    def _find_by_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None

    def _run_after(self, loader: Any, name: str) -> None:
        """Shadow `exec_module` on this one loader object, for one call.

        The hook stays wanted until then: many a program only asks for the spec, to see if a library is there.
        """
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            try:
                execute(module)
            except BaseException as error:
                step_out(error)
                raise
            hook = self._wanted.pop(name, None)
            if hook is not None:
                _call(name, hook)

        loader.exec_module = exec_module


def _call(name: str, hook: Callable[[], None]) -> None:
    try:
        hook()
    except Exception:
        recorder.fault(f"import of {name}")
