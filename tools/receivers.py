"""Whose attribute is it? Asks mypy for the type of everything that stands before a dot."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ASK = "reveal_type"
TOLD = re.compile(r'^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): note: Revealed type is "(?P<type>.*)"$')
UNKNOWN = "Any"

Types = dict[ast.expr, str]


class _Asking(ast.NodeTransformer):
    """Wraps what stands before each dot into a question.

    But for modules, of which mypy forgets which one it was, and for ``self.x = ...``, which it would no
    longer take for the definition of an attribute.
    """

    def __init__(self, imported: set[str]) -> None:
        self._imported = imported

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        defines = (
            isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"
        )
        if defines or root_of(node.value) in self._imported:
            return node
        return ast.Attribute(ast.Call(ast.Name(ASK, ast.Load()), [node.value], []), node.attr, node.ctx)


def types_in(trees: dict[str, ast.Module], scratch: Path, cache: Path) -> Types:
    """Types, in mypy's words, of the expressions before dots, by module name; unreachable ones are missing.

    The trees themselves stay as they are.
    """
    scratch.mkdir()
    asked: dict[tuple[str, int, int], ast.expr] = {}
    for module, tree in trees.items():
        asked |= _question(tree, scratch / f"{module}.py")
    command = [sys.executable, "-m", "mypy", "--check-untyped-defs", "--ignore-missing-imports"]
    command += ["--follow-imports=silent", "--show-column-numbers", "--no-pretty", "--hide-error-context"]
    command += [f"--cache-dir={cache}", "--config-file=", *(f"{module}.py" for module in trees)]
    said = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False).stdout
    found = (TOLD.match(line) for line in said.splitlines())
    spots = {(m["file"], int(m["line"]), int(m["column"])): m["type"] for m in found if m}
    return {node: spots[spot] for spot, node in asked.items() if spot in spots}


def _question(tree: ast.Module, path: Path) -> dict[tuple[str, int, int], ast.expr]:
    """Write the module with questions; by their places, the expressions of the tree that are asked about."""
    originals = [node.value for node in _in_order(tree)]
    copy = ast.parse(ast.unparse(tree))
    text = ast.unparse(ast.fix_missing_locations(_Asking(imported_by(tree)).visit(copy)))
    path.write_text(text)
    places = {}
    calls = [node.value for node in _in_order(ast.parse(text))]
    for original, call in zip(originals, calls, strict=True):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == ASK:
            places[path.name, call.args[0].lineno, call.args[0].col_offset + 1] = original
    return places


def imported_by(tree: ast.Module) -> set[str]:
    """Names that stand for modules, or for what was taken from them."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}


def root_of(node: ast.expr) -> str:
    """The first name of ``a.b.c``; nothing for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _in_order(tree: ast.AST) -> list[ast.Attribute]:
    """All attributes, parents before children, as a visitor meets them."""
    found = [tree] if isinstance(tree, ast.Attribute) else []
    return [*found, *(inner for child in ast.iter_child_nodes(tree) for inner in _in_order(child))]
