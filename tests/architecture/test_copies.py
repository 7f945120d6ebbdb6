"""What other threads change is copied in one step: no copy is made in two, between which it may change.

`list(d.items())` makes tuples and `tuple(d.values())` a tuple after its iterator: either may set off a
garbage collection on 3.11, whose callbacks are Python, where the thread gives the GIL away. Between `iter(d)`
or `islice(d, n)` and what reads it, every version does. Then "dictionary changed size during iteration".
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "instrumentation/loopscope"


def copies_in_two_steps(source):
    """Lines that copy or read a table in a way that another thread can get into."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if _is_copy_in_two_steps(node)]


def _is_copy_in_two_steps(node):
    match node:
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted" | "set"), args=[view]):
            late = node.func.id == "tuple" and _is_view(view, "values", "keys")
            return late or _is_view(view, "items") or _is_slice_of_a_name(view)
        case ast.Starred(value=view):
            return _is_view(view, "items")
        case ast.Call(func=ast.Name(id="next"), args=[ast.Call(func=ast.Name(id="iter"), args=[table]), *_]):
            return not isinstance(table, ast.Call)
    return False


def _is_view(node, *names):
    """A view of something that has a name; what a call has just returned is nobody else's."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute(), attr=name), args=[]):
            return name in names
    return False


def _is_slice_of_a_name(node):
    match node:
        case ast.Call(func=ast.Name(id="islice"), args=[ast.Name() | ast.Attribute(), *_]):
            return True
    return False


def test_no_table_is_copied_in_two_steps():
    """In the core, where the loop's thread, the pump, the watchdog and executors' threads meet."""
    paths = [path for path in CORE.rglob("*.py") if "diagnosis" not in path.parts]
    found = {path.name: lines for path in paths if (lines := copies_in_two_steps(path.read_text()))}
    assert len(paths) > 50
    assert found == {}


@pytest.mark.parametrize(
    ("source", "in_two_steps"),
    [
        ("list(d.items())", True),
        ("[*self.d.items()]", True),
        ("tuple(d.values())", True),
        ("list(islice(d, 3))", True),
        ("next(iter(d))", True),
        ("d.copy().items()", False),
        ("list(d.values())", False),
        ("(*d.values(),)", False),
        ("tuple(copy_context().items())", False),
    ],
)
def test_what_is_a_copy_in_two_steps(source, in_two_steps):
    """The check above sees each form."""
    assert bool(copies_in_two_steps(source)) == in_two_steps
