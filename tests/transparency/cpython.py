"""CPython's own tests of asyncio and concurrent.futures, as far as this Python brings them along."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

PACKAGES = ("test.test_asyncio", "test.test_concurrent_futures")
RUNNER = Path(__file__).with_name("unittest_run.py")
ELSEWHERE = ("test_windows_events", "test_windows_utils")  # say so by failing to import

# Under a minute together, and every mechanism that loopscope has a hook for.
QUICK = (
    "test.test_asyncio.test_base_events",
    "test.test_asyncio.test_context",
    "test.test_asyncio.test_eager_task_factory",
    "test.test_asyncio.test_events",
    "test.test_asyncio.test_futures",
    "test.test_asyncio.test_futures2",
    "test.test_asyncio.test_locks",
    "test.test_asyncio.test_queues",
    "test.test_asyncio.test_runners",
    "test.test_asyncio.test_staggered",
    "test.test_asyncio.test_streams",
    "test.test_asyncio.test_taskgroups",
    "test.test_asyncio.test_tasks",
    "test.test_asyncio.test_threads",
    "test.test_asyncio.test_timeouts",
    "test.test_asyncio.test_waitfor",
    "test.test_concurrent_futures.test_future",
    "test.test_concurrent_futures.test_init",
)


@dataclass(frozen=True)
class UnittestModule:
    """One module of tests, in an interpreter of its own."""

    name: str
    folder: Path | None = None
    patience: float = 600.0
    path: tuple[Path, ...] = ()

    def command(self, tests: Sequence[str]) -> list[str]:
        return [sys.executable, "-P", str(RUNNER), *(tests or (self.name,))]


def modules() -> list[str]:
    """Every test module that is there."""
    found = []
    for name in PACKAGES:
        package = _spec(name)
        if package is not None and package.submodule_search_locations:
            inside = sorted(module.name for module in iter_modules(package.submodule_search_locations))
            found += [f"{name}.{module}" for module in inside if module.startswith("test_")]
    return [name for name in found if not name.endswith(ELSEWHERE)]


def absent() -> str:
    """A sentence about what this Python does not bring along; empty when nothing is missing."""
    missing = [name for name in PACKAGES if _spec(name) is None]
    if not missing:
        return ""
    return (
        f"transparency: this Python came without {' and '.join(missing)}, so nothing of it is compared. "
        "Debian has them in libpython3-testsuite; built from source, most versions install them"
    )


def _spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError:  # not even the package around it
        return None
