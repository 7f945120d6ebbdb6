"""Does the diagnosis know mechanisms or names? Renames what the incidents define, and scores them again."""

from __future__ import annotations

import ast
import builtins
import io
import json
import keyword
import re
import shutil
import sys
import tempfile
import tokenize
from pathlib import Path
from typing import Any

import score

LEAST_PYTHON = (3, 12)  # whose tokenizer looks into f-strings
KEPT = {"main", "duration", "app", *dir(builtins), *keyword.kwlist, *keyword.softkwlist}
WORD = r"[A-Za-z_]\w*"
CODE, WORDS = "*.py", "truth.json"


def main(arguments: list[str]) -> int:
    """Exit code of the score over renamed copies of the corpus in the given folder."""
    folder, *options = arguments
    if sys.version_info < LEAST_PYTHON:
        print("renaming needs Python 3.12 or newer: make mutation PYTHON=python3.13 VENV=.venv-3.13")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "incidents"
        if Path(folder).is_dir():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
            for truth in sorted(copy.glob(f"*/{WORDS}")):
                rename_case(truth.parent)
        return score.main([str(copy), *options])


def rename_case(case: Path) -> None:
    """Give every function, class and variable of a program that only it uses a name that says nothing."""
    sources = {path: path.read_text() for path in case.rglob(CODE)}
    names = own_names([ast.parse(text) for text in sources.values()], {path.stem for path in sources})
    new = {name: f"n{number}" for number, name in enumerate(sorted(names), 1)}
    for path, text in sources.items():
        path.write_text(renamed(text, new))
    truth = case / WORDS
    truth.write_text(json.dumps(in_words(json.loads(truth.read_text()), new)))


def own_names(trees: list[ast.Module], modules: set[str]) -> set[str]:
    """Names that these modules bind and that nobody else can know them by.

    No attributes, methods, keywords or imports from elsewhere, and no words of texts, as of an address.
    """
    bound, shared = set(), KEPT | modules
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.ClassDef(name=name, body=body):
                bound.add(name)
                shared |= {inner for part in body for inner in _members(part)}
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                shared.add(name)
            case ast.Constant(value=str(text)) if "\n" not in text:
                shared |= set(re.findall(WORD, text))
            case ast.Import(names=names):
                shared |= {
                    part for alias in names for part in re.findall(WORD, f"{alias.name} {alias.asname}")
                }
            case ast.ImportFrom(module=str(module), names=names) if module not in modules:
                shared |= {*module.split("."), *(alias.asname or alias.name for alias in names)}
    return {name for name in bound - shared if not name.startswith("__")}


def _members(part: ast.stmt) -> list[str]:
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        return [part.name]
    return [node.id for node in ast.walk(part) if isinstance(node, ast.Name)]


def renamed(text: str, new: dict[str, str]) -> str:
    """The source with names replaced where they stand as names; lines stay where they are."""
    lines = text.splitlines(keepends=True)
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME]
    for token in reversed(tokens):
        if token.string in new:
            row, begin = token.start
            lines[row - 1] = lines[row - 1][:begin] + new[token.string] + lines[row - 1][token.end[1] :]
    return "".join(lines)


def in_words(value: Any, new: dict[str, str]) -> Any:
    """The truth, with the same names replaced in what it says of functions and lines."""
    if isinstance(value, list):
        return [in_words(one, new) for one in value]
    if isinstance(value, dict):
        told = {"name", "kind", "source", "file", "expect", "accept_kinds", "explain"}
        return {key: one if key in told else in_words(one, new) for key, one in value.items()}
    if isinstance(value, str):
        return re.sub(WORD, lambda found: new.get(found[0], found[0]), value)
    return value


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
