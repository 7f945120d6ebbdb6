"""What a function does with a cancellation that reaches one of its lines, read from its source."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from loopscope import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loopscope.records import Place

CAUGHT_AS = frozenset({"BaseException", "CancelledError", "get_cancelled_exc_class"})
LEAVING = ("__aexit__", "__exit__", "aclose")

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_LOOPS = (ast.While, ast.For, ast.AsyncFor)


class _CleansUp:
    """The line is in a handler, a `finally` or the end of a `with`: the cancellation is being obeyed."""


CLEANS_UP: Final = _CleansUp()


def what_swallows(stands: Sequence[Place]) -> Place | _CleansUp | None:
    """Where a cancellation thrown in at these lines, innermost first, is caught and goes no further.

    None: nowhere that can be seen. Reads files: off the loop.
    """
    inner = ""
    functions: list[tuple[_Function, Place]] = []
    for place in stands:
        if places.origin(place.file) == places.USER and (function := _function_at(place)) is not None:
            if inner.rpartition(".")[2] in LEAVING:
                return CLEANS_UP
            found = _on_the_way_out(function, place)
            if found is not None:
                return found
            functions.append((function, place))
        inner = place.function
    return next((found for one in functions if (found := _in_a_loop(*one)) is not None), None)


def _on_the_way_out(function: _Function, place: Place) -> Place | _CleansUp | None:
    way = list(_way_to(function, place.line))
    for outer, inner in reversed(list(pairwise(way))):
        if isinstance(outer, ast.ExceptHandler) and _catches(outer):
            return place._replace(line=outer.lineno) if _goes_on(outer, way) else CLEANS_UP
        if isinstance(outer, ast.Try):
            if inner in outer.finalbody:
                return CLEANS_UP
            handler = _swallowing(outer) if inner in outer.body else None
            if handler is not None:
                return place._replace(line=handler.lineno)
        if isinstance(outer, ast.With | ast.AsyncWith) and _suppresses(outer):
            return place._replace(line=outer.lineno)
    return None


def _goes_on(handler: ast.ExceptHandler, way: Sequence[ast.AST]) -> bool:
    """Is the handler in a loop that it does not leave, as where something is tried again after a pause?"""
    leaves = any(isinstance(node, ast.Raise | ast.Return | ast.Break) for node in handler.body)
    return not leaves and any(isinstance(node, _LOOPS) for node in way[: way.index(handler)])


def _in_a_loop(function: _Function, place: Place) -> Place | None:
    """The line it stands on now is not guarded: it was caught earlier, in a loop that went on to here."""
    for node in _way_to(function, place.line):
        if isinstance(node, _LOOPS):
            for inner in ast.walk(node):
                handler = _swallowing(inner) if isinstance(inner, ast.Try) else None
                if handler is not None:
                    return place._replace(line=handler.lineno)
    return None


def _swallowing(block: ast.Try) -> ast.ExceptHandler | None:
    """The first handler that catches a cancellation, if it does not pass it on."""
    handler = next((one for one in block.handlers if _catches(one)), None)
    if handler is None or any(isinstance(node, ast.Raise) for node in handler.body):
        return None
    return handler


def _catches(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(name in CAUGHT_AS for name in _names(handler.type))


def _suppresses(block: ast.With | ast.AsyncWith) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call)
        and "suppress" in _names(item.context_expr.func)
        and any(name in CAUGHT_AS for argument in item.context_expr.args for name in _names(argument))
        for item in block.items
    )


def _names(expression: ast.expr) -> Iterator[str]:
    """The last part of each name in `a.b`, `f()` or a tuple of such."""
    if isinstance(expression, ast.Tuple):
        for one in expression.elts:
            yield from _names(one)
    elif isinstance(expression, ast.Call):
        yield from _names(expression.func)
    elif isinstance(expression, ast.Attribute):
        yield expression.attr
    elif isinstance(expression, ast.Name):
        yield expression.id


def _way_to(node: ast.AST, line: int) -> Iterator[ast.AST]:
    """From a node down to the innermost statement or handler at a line."""
    while True:
        yield node
        inner = next((one for one in _parts(node) if one.lineno <= line <= (one.end_lineno or 0)), None)
        if inner is None:
            return
        node = inner


def _parts(node: ast.AST) -> Iterable[ast.stmt | ast.ExceptHandler]:
    return (one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt | ast.ExceptHandler))


def _function_at(place: Place) -> _Function | None:
    """The innermost function around a line."""
    tree = _parsed(place.file)
    within = [node for node in _way_to(tree, place.line) if isinstance(node, _Function)] if tree else []
    return within[-1] if within else None


@lru_cache(maxsize=50)
def _parsed(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None
