"""Every suite in full, bare and observed: ``python -m transparency [NAME ...]`` in the folder above."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from transparency import cpython, libraries
from transparency.comparison import compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transparency.comparison import Suite


def main() -> int:
    """1 when a test newly fails, or when a hook of loopscope's own raised."""
    parser = argparse.ArgumentParser(prog="python -m transparency", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names of suites; all by default")
    names = parser.parse_args().names
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for suite in _suites(names, Path(folder)):
            comparison = compare(suite, Path(folder) / "runs" / suite.name)
            print(comparison, *comparison.observed.faults, sep="\n    ", flush=True)
            broken += bool(comparison.broken or comparison.observed.faults)
    if sentence := cpython.absent():
        print(sentence)
    return 1 if broken else 0


def _suites(names: list[str], folder: Path) -> Iterator[Suite]:
    """Those whose name contains one of `names`; why one of a library cannot be compared is printed."""

    def is_wanted(suite: str) -> bool:
        return not names or any(name in suite for name in names)

    for module in filter(is_wanted, cpython.modules()):
        yield cpython.UnittestModule(module)
    for library in filter(is_wanted, libraries.NEEDS):
        try:
            yield libraries.fetch(library, folder / library)
        except libraries.Unavailable as reason:
            print(reason, flush=True)


if __name__ == "__main__":
    sys.exit(main())
