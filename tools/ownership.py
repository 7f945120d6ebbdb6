"""What belongs to a program and to nobody else: its classes, their members, functions, variables."""

from __future__ import annotations

import ast
import builtins
import importlib
import keyword
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import receivers

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
WORDS = frozenset({*dir(builtins), *keyword.kwlist, *keyword.softkwlist})
BY_NAME = ("do_",)  # methods that http.server finds by what a client asks for
BY_FIELD = {"asdict", "astuple", "vars", "fields", "__dict__", "_asdict"}  # they make texts of members' names
HARMLESS = {"property", "staticmethod", "classmethod", "contextmanager", "asynccontextmanager", "dataclass"}


class Ownership:
    """Names of a program: `plain` ones, and the members of its classes. Some are kept, for libraries know
    them: overridden methods, fields that are keys of a text, arguments that a framework gives by name.
    """

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.modules = set(trees)
        nodes = [node for tree in trees.values() for node in ast.walk(tree)]
        self.classes: dict[str, list[ast.ClassDef]] = defaultdict(list)
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                self.classes[node.name].append(node)
        self.imported = self._imported(nodes)
        self.inherited = {name: set(self._inherited(name)) for name in self.classes}
        self.members = {name: set(self._members(name)) for name in self.classes}
        self.functions = {node.name: node for node in nodes if isinstance(node, Function)}
        foreign = {name for name, origin in self.imported.items() if origin not in self.modules}
        self.plain = {name for node in nodes for name in _bound(node)} - foreign - WORDS
        self.by_field = any(_called(node) in BY_FIELD for node in nodes) or any(
            isinstance(node, ast.Attribute) and node.attr in BY_FIELD for node in nodes
        )
        self.unpacked = {
            _called(node)
            for node in nodes
            if isinstance(node, ast.Call) and any(keyword.arg is None for keyword in node.keywords)
        }

    def _imported(self, nodes: list[ast.AST]) -> dict[str, str]:
        """Module from which each imported name comes."""
        found: dict[str, str] = {}
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {(a.asname or a.name).split(".")[0]: a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: node.module or "" for alias in node.names}
        return found

    def _members(self, name: str) -> Iterator[str]:
        """What a class of the program defines by itself, but for what its foreign bases know."""
        for node in self.classes[name]:
            for part in node.body:
                yield from _targets(part) if isinstance(part, ast.Assign) else _bound(part)
            for inner in ast.walk(node):
                match inner:
                    case ast.Attribute(ctx=ast.Store(), value=ast.Name(id="self"), attr=attribute):
                        yield attribute

    def _inherited(self, name: str) -> Iterator[str]:
        """What the foreign bases of a class know, and by which of its own names they look."""
        for node in self.classes[name]:
            for base in node.bases:
                root = receivers.root_of(base)
                if root in self.classes:
                    yield from self._inherited(root)
                    continue
                known = dir(self.foreign(base))
                yield from known
                if {"model_fields", "__total__"} & set(known):  # its fields are keys of texts
                    yield from (field for part in node.body for field in _bound(part))

    def foreign(self, node: ast.expr) -> Any:
        """The library's object that an expression names; None if it is something else."""
        if isinstance(node, ast.Subscript):
            return self.foreign(node.value)
        if isinstance(node, ast.Attribute):
            return getattr(self.foreign(node.value), node.attr, None)
        if not isinstance(node, ast.Name):
            return None
        origin = self.imported.get(node.id)
        if origin is None or origin in self.modules:
            return getattr(builtins, node.id, None)
        module = importlib.import_module(origin)
        return getattr(module, node.id, module)

    def owner(self, name: str, member: str) -> str | None:
        """The class, itself or a base of it, of the program that defines a member."""
        if member in self.members.get(name, ()):
            return name
        bases = [receivers.root_of(base) for node in self.classes.get(name, ()) for base in node.bases]
        return next((found for base in bases if (found := self.owner(base, member))), None)

    def is_kept(self, name: str, member: str) -> bool:
        """Do others know a class's member by its name?"""
        known = member in self.inherited.get(name, ()) or member.startswith(BY_NAME)
        fields = self.by_field or name in self.unpacked
        return known or member.startswith("__") or (fields and any(map(_is_data, self.classes[name])))

    def keeps_arguments(self, function: Function, owner: str) -> bool:
        """Does somebody give arguments by name whom the program does not know: a framework, a base class?"""
        decorators = [part.func if isinstance(part, ast.Call) else part for part in function.decorator_list]
        asked = [part for part in decorators if receivers.root_of(part) not in {*self.functions, *HARMLESS}]
        routed = any(isinstance(part, ast.Attribute) and not self.foreign(part) for part in asked)
        overrides = function.name in self.inherited.get(owner, ()) and function.name != "__init__"
        return routed or overrides or function.name in self.unpacked or owner in self.unpacked

    def maker(self, name: str) -> Function | None:
        """The `__init__` of a class or of the nearest base of it that has one."""
        parts = [part for node in self.classes.get(name, ()) for part in node.body]
        own = next((p for p in parts if isinstance(p, Function) and p.name == "__init__"), None)
        bases = [receivers.root_of(base) for node in self.classes.get(name, ()) for base in node.bases]
        return own or next((found for base in bases if (found := self.maker(base))), None)


def _is_data(node: ast.ClassDef) -> bool:
    return any(receivers.root_of(getattr(part, "func", part)) == "dataclass" for part in node.decorator_list)


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    called = node.func
    return called.attr if isinstance(called, ast.Attribute) else receivers.root_of(called)


def _targets(node: ast.Assign) -> Iterator[str]:
    for target in node.targets:
        yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a node by itself binds."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.alias(asname=str(name)):
            yield name
