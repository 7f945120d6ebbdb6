"""Instruments a program without a change to it: `loopscope run` puts this folder on PYTHONPATH.

Nothing is imported until the program itself imports asyncio or concurrent.futures: an interpreter that uses
neither starts as fast as without us. A sitecustomize of the user's own, which this one shadows, is run too.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib costs 5 ms at each start
# Ourselves, too: a pool's worker may unpickle something of ours first, and we import the others.
_TRIGGERS = frozenset({"asyncio", "concurrent.futures.thread", "concurrent.futures.process", "loopscope"})


class _Trigger:
    """A finder that finds nothing itself and instruments the process once a trigger has been imported."""

    def __init__(self) -> None:
        self.armed = True

    def find_spec(self, name, path, target=None):
        if not self.armed or name not in _TRIGGERS:
            return None
        self.armed = False
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            self.armed = True
            return None
        execute = spec.loader.exec_module

        def exec_module(module) -> None:
            execute(module)
            _instrument()

        spec.loader.exec_module = exec_module
        return spec


def _is_main_interpreter() -> bool:
    """Sub-interpreters share the process with one that is observed, and may not have threads like ours."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = importlib.import_module(name)
        except ImportError:
            continue
        return interpreters.get_current() == interpreters.get_main()
    return True


def _instrument() -> None:
    if not _is_main_interpreter():
        return
    try:
        import loopscope  # noqa: PLC0415

        loopscope.instrument()
    except Exception as error:  # the program comes first
        sys.stderr.write(f"loopscope: this process is not observed: {error!r}\n")
    # The port is taken now: processes that this one starts serve their metrics on any free one.
    if os.environ.get("LOOPSCOPE_METRICS_PORT", "") not in {"-1", "off"}:
        os.environ["LOOPSCOPE_METRICS_PORT"] = "0"


def _run_shadowed() -> None:
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]  # noqa: PTH100
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: F401, PLC0415
    except ModuleNotFoundError as missing:
        if missing.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


sys.meta_path.insert(0, _Trigger())
_run_shadowed()
