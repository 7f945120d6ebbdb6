"""Edits that give everything a program owns a name that says nothing; every line stays where it is."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

import receivers

if TYPE_CHECKING:
    from ownership import Function, Ownership

BUILT_IN = {name for kind in (str, bytes, list, dict, set, int, BaseException) for name in dir(kind)}
LABELS = {"name", "thread_name_prefix"}  # arguments that are there for people
BY_TEXT = {"getattr", "setattr", "hasattr", "attrgetter", "methodcaller"}


class Edit(NamedTuple):
    """Bytes of a line that are to be replaced."""

    line: int
    begin: int
    old: str
    becomes: str = ""  # else the new name of the old one


class Renaming(ast.NodeVisitor):
    """Walks a module and notes where names of the program stand."""

    def __init__(self, text: str, own: Ownership, types: receivers.Types) -> None:
        self.edits: list[Edit] = []
        self.foreign: set[str] = set()  # attributes of libraries' objects
        self.doubtful: set[str] = set()  # attributes of nobody knows whose
        self.labels: list[ast.Constant] = []
        self._lines = [line.encode() for line in text.splitlines()]
        self._own = own
        self._types = types
        self._class: list[str] = []
        self._kept: list[set[str]] = []

    def source(self, node: ast.Constant) -> str:
        """How a text of one line is written."""
        return self._lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._after(node, rf"\bclass\s+{node.name}\b", node.name)
        self._class.append(node.name)
        self.generic_visit(node)
        self._class.pop()

    def _function(self, node: Function) -> None:
        owner = self._class[-1] if self._class else ""
        if not owner or not self._own.is_kept(owner, node.name):
            self._after(node, rf"\bdef\s+{node.name}\b", node.name)
        keeps = self._own.keeps_arguments(node, owner)
        self._kept.append(set(arguments_of(node)) if keeps else set())
        self._class.append("")
        self.generic_visit(node)
        self._class.pop()
        self._kept.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_arg(self, node: ast.arg) -> None:
        self._plain(node.lineno, node.col_offset, node.arg)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        member = self._class and self._class[-1] and isinstance(node.ctx, ast.Store)
        if member and self._own.is_kept(self._class[-1], node.id):
            return
        self._plain(node.lineno, node.col_offset, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        owned = self._owns(node)
        if owned is False:
            self.foreign.add(node.attr)
            return
        begin = (node.end_col_offset or 0) - len(node.attr.encode())
        self.edits.append(Edit(node.end_lineno or 0, begin, node.attr))
        if owned is None:
            self.doubtful.add(node.attr)

    def _owns(self, node: ast.Attribute) -> bool | None:
        """Is it the program's attribute? None where nobody can tell."""
        root = receivers.root_of(node.value)
        if root in self._own.imported and root not in self._own.classes:
            return self._own.imported[root] in self._own.modules and node.attr in self._own.plain
        if root in self._own.classes and isinstance(node.value, ast.Name):
            return self._is_member(root, node.attr)
        kinds = [kind.strip() for kind in self._types.get(node.value, receivers.UNKNOWN).split(" | ")]
        answers = {self._is_of(kind, node.attr) for kind in kinds if kind != "None"}
        if root == "self" and isinstance(node.value, ast.Name) and receivers.UNKNOWN in kinds:
            answers = {self._is_member(next(filter(None, reversed(self._class)), ""), node.attr)}
        return answers.pop() if len(answers) == 1 else None

    def _is_of(self, kind: str, attribute: str) -> bool | None:
        if kind == receivers.UNKNOWN:
            return None if any(attribute in names for names in self._own.members.values()) else False
        module, _, name = re.sub(r"^type\[(.*)\]$", r"\1", kind).split("[")[0].split("@")[0].partition(".")
        name = name.rpartition(".")[2]
        return module in self._own.modules and self._is_member(name, attribute)

    def _is_member(self, name: str, attribute: str) -> bool:
        owner = self._own.owner(name, attribute)
        return owner is not None and not self._own.is_kept(owner, attribute)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else receivers.root_of(called)
        own = bool(self._owns(called)) if isinstance(called, ast.Attribute) else name in self._own.plain
        handed = {
            receivers.root_of(a) if isinstance(a, ast.Name) else getattr(a, "attr", "") for a in node.args
        }
        for given in node.keywords:
            if own or (given.arg in self._arguments(handed)):
                self._keyword(given, name if own else "")
            elif given.arg in LABELS:
                self.labels += [p for p in ast.walk(given.value) if isinstance(p, ast.Constant)]
        if name in BY_TEXT:
            self.doubtful |= {
                a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
            }

    def _arguments(self, names: set[str]) -> set[str]:
        """Of functions of the program that are handed to somebody who calls them."""
        functions = [self._own.functions[name] for name in names if name in self._own.functions]
        return {argument for function in functions for argument in arguments_of(function)}

    def _keyword(self, given: ast.keyword, called: str) -> None:
        """An argument given by name, to a function or class of the program or to whoever hands it on."""
        name = given.arg or ""
        function = self._own.functions.get(called)
        if called in self._own.classes:
            function = self._own.maker(called)
            if function is None and (
                self._own.owner(called, name) is None or self._own.is_kept(called, name)
            ):
                return
        if function is not None and self._own.keeps_arguments(function, ""):
            return
        if name in self._own.plain:
            self.edits.append(Edit(given.lineno, given.col_offset, name))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._after(node, rf"\bas\s+{node.name}\b", node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name and node.pattern is None:
            self._plain(node.lineno, node.col_offset, node.name)
        elif node.name:
            self._after(node, rf"\bas\s+{node.name}\b", node.name)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        for name in node.names:
            self._after(node, rf"\b{name}\b", name)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            self._after(node, rf"\b{name}\b", name)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name in self._own.modules:
                self.edits.append(Edit(alias.lineno, alias.col_offset, alias.name))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module in self._own.modules:
            self.edits.append(Edit(node.lineno, node.col_offset + len("from "), node.module))
            for alias in node.names:
                self._plain(alias.lineno, alias.col_offset, alias.name)

    def _plain(self, line: int, begin: int, name: str) -> None:
        own = name in self._own.plain or self._own.imported.get(name) in self._own.modules
        if own and not name.startswith("__") and not any(name in kept for kept in self._kept):
            self.edits.append(Edit(line, begin, name))

    def _after(self, node: ast.stmt | ast.ExceptHandler | ast.pattern, form: str, name: str) -> None:
        """The name that stands somewhere behind the beginning of a statement."""
        begin = node.col_offset
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            if found := re.search(form.encode(), self._lines[number - 1][begin:]):
                self._plain(number, begin + found.end() - len(name.encode()), name)
                return
            begin = 0


def arguments_of(function: Function) -> list[str]:
    """All but those with a star."""
    given = function.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def applied(text: str, edits: list[Edit], new: dict[str, str]) -> str:
    """The text with names replaced, from the end of each line to its beginning."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for line, begin, old, becomes in sorted(set(edits), reverse=True):
        end = begin + len(old.encode())
        if lines[line - 1][begin:end] != old.encode():
            raise ValueError(f"line {line} has {lines[line - 1][begin:end]!r} where {old!r} was expected")
        lines[line - 1] = (
            lines[line - 1][:begin] + (becomes or new.get(old, old)).encode() + lines[line - 1][end:]
        )
    return b"".join(lines).decode()
