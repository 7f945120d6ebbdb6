"""The table of waits: no row is about a function, a class or an attribute that its library does not have."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import CodeType

import pytest

from loopscope.wait_table import LIBRARIES, LOCALS, PRIMITIVES, STREAMS

COVERAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
ROOTS = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
NEWER = {"_AsCompletedIterator": (3, 13)}  # since when the standard library has it


def files_of(row):
    """Source files that the row's first column fits; none where the library is not installed."""
    package = row.file.split("/")[1]
    return sorted({
        path
        for root in ROOTS
        for path in (root / package).rglob("*.py")
        if row.file in path.as_posix()
    })  # fmt: skip


@cache
def qualified_names(path):
    found, todo = set(), [compile(path.read_bytes(), str(path), "exec", dont_inherit=True)]
    while todo:
        code = todo.pop()
        found.add(code.co_qualname)
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found


def installed(row):
    return bool(files_of(row)) and sys.version_info >= NEWER.get(row.function, (3, 0))


@pytest.mark.parametrize(
    "row",
    [row for row in PRIMITIVES + STREAMS + LIBRARIES if installed(row)],
    ids=lambda row: f"{row.file} {row.function}",
)
def test_a_row_names_what_its_library_has(row):
    """A function that begins so, the owner's class, and each attribute on the way to its numbers."""
    sources = files_of(row)
    assert any(name.startswith(row.function) for path in sources for name in qualified_names(path))
    package = "".join(path.read_text() for path in sources[0].parent.rglob("*.py")) if row.owner else ""
    assert not row.owner or f"class {row.owner}" in package
    for path in (row.capacity, row.in_use, row.awaited if row.awaited != LOCALS else ""):
        for attribute in path.split(".") if path else ():
            assert attribute.removeprefix(f"_{row.owner}") in package


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: f"{row.file} {row.function}")
def test_the_table_of_coverage_names_each_library(row):
    """What is said to be seen is what is seen."""
    assert row.file.split("/")[1] in COVERAGE.read_text()
