"""Does the diagnosis know mechanisms or names? Renames what the incidents define, and scores them again."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import corpus
import receivers
import score
from ownership import Function, Ownership
from renaming import BUILT_IN, Edit, Renaming, applied

LEAST_PYTHON = (3, 12)  # which knows where names in f-strings stand
PROGRAM = Path(corpus.PROGRAM).stem


def main(arguments: list[str]) -> int:
    """Exit code of the score over renamed copies of the corpus in the given folder.

    A program that does no longer what it did says so there: its evidence is not what was expected.
    """
    folder, *options = arguments
    if sys.version_info < LEAST_PYTHON:
        print("renaming needs Python 3.12 or newer: make mutation PYTHON=python3.13 VENV=.venv-3.13")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "incidents"
        if Path(folder).is_dir():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
            for truth in sorted(copy.glob(f"*/{corpus.TRUTH}")):
                rename_case(truth.parent, Path(scratch))
        return score.main([str(copy), *options])


def rename_case(case: Path, scratch: Path) -> None:
    """Give everything that belongs to a program a name that says nothing; what the truth says goes along."""
    texts = {path.stem: path.read_text() for path in case.glob("*.py")}
    trees = {module: ast.parse(text) for module, text in texts.items()}
    own = Ownership(trees)
    types = receivers.types_in(trees, scratch / case.name, scratch / "mypy")
    walks = {module: Renaming(texts[module], own, types) for module in texts}
    for module, walk in walks.items():
        walk.visit(trees[module])
    new = new_names(own, list(walks.values()), texts)
    for module, text in texts.items():
        edits = walks[module].edits + labels(walks[module], walks, trees)
        (case / f"{module}.py").unlink()
        (case / f"{new.get(module, module)}.py").write_text(applied(text, edits, new))
    truth = case / corpus.TRUTH
    truth.write_text(json.dumps(carried_over(json.loads(truth.read_text()), case, trees, new)))


def new_names(own: Ownership, walks: list[Renaming], texts: dict[str, str]) -> dict[str, str]:
    """By old name. An attribute of nobody knows whom keeps its name if some library's object has such."""
    foreign = {name for walk in walks for name in walk.foreign} | BUILT_IN
    shared = {name for walk in walks for name in walk.doubtful} & foreign
    started = {name for name in own.modules if any(f"{name}.py" in text for text in texts.values())}
    old = {edit.old for walk in walks for edit in walk.edits} - shared - started - {PROGRAM}
    return {name: f"n{number}" for number, name in enumerate(sorted(old), 1)}


def labels(walk: Renaming, walks: dict[str, Renaming], trees: dict[str, ast.Module]) -> list[Edit]:
    """Words of names given to tasks and threads, which no other text of the program has."""
    texts = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    taken = {word for node in texts if node not in walk.labels for word in words(node.value)}
    of_labels = sorted(
        {word for walk in walks.values() for node in walk.labels for word in words(node.value)}
    )
    return [
        Edit(node.lineno, node.col_offset + found.start(), found[0], f"label{of_labels.index(found[0])}")
        for node in walk.labels
        if node.lineno == node.end_lineno
        for found in re.finditer(r"[A-Za-z_]\w*", walk.source(node))
        if found[0] not in taken and found[0] in words(node.value)
    ]


def words(text: Any) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", text) if isinstance(text, str) else []


def carried_over(truth: dict[str, Any], case: Path, trees: dict[str, ast.Module], new: dict[str, str]) -> Any:
    """The truth with files and functions by their new names; lines have stayed where they were."""

    def place(old: dict[str, Any]) -> dict[str, Any]:
        module = Path(old["file"]).stem
        file = f"{new.get(module, module)}.py"
        text = (case / file).read_text()
        function = old["function"]
        for was, now in zip(ast.walk(trees[module]), ast.walk(ast.parse(text)), strict=True):
            if (
                isinstance(was, Function)
                and isinstance(now, Function)
                and was.name == function.split(".")[-1]
            ):
                function = now.name
        token = text.splitlines()[old["line"] - 1].strip() if old.get("line") else ""
        return old | {"file": file, "function": function, "token": token}

    told = {key: [place(one) for one in truth.get(key, [])] for key in ("also", "blocked_at")}
    culprit = place(truth["culprit"]) if truth["culprit"] else None
    return truth | told | {"culprit": culprit}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
