"""The repository as the architecture tests see it: its roots, its modules, its texts."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = {
    "instrumentation": "loopscope",
    "exporters": "loopscope_exporters",
    "dashboard": "loopscope_dashboard",
}

OURS = {".ci", ".gitignore", ".streamlit"}
LEFT_BEHIND = {"__pycache__", "build", "dist"}


class Module(NamedTuple):
    """A Python file of ours; `imports` are the dotted names it imports at any depth, lazily too."""

    path: Path
    tree: ast.Module

    def __str__(self):
        return str(self.path.relative_to(ROOT))

    @property
    def root(self):
        """The top folder of the repository that it stands in."""
        return self.path.relative_to(ROOT).parts[0]

    @property
    def imports(self):
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield "." * node.level + (node.module or "")


def files(folder=ROOT):
    """Every file of the repository; not what tools leave behind or what is installed into it."""
    for entry in sorted(folder.iterdir()):
        if entry.name in LEFT_BEHIND or (entry.name.startswith(".") and entry.name not in OURS):
            continue
        if entry.is_dir():
            yield from files(entry)
        else:
            yield entry


@pytest.fixture(scope="session")
def repository():
    return ROOT


@pytest.fixture(scope="session")
def source_roots():
    """Folder of each source root, and the one package in it."""
    return SOURCE_ROOTS


@pytest.fixture(scope="session")
def all_files():
    return list(files())


@pytest.fixture(scope="session")
def modules(all_files):
    """Every Python module of the repository, tests and tools among them."""
    return [Module(path, ast.parse(path.read_bytes())) for path in all_files if path.suffix == ".py"]


@pytest.fixture(scope="session")
def shipped(modules):
    """The modules that a user installs."""
    return [module for module in modules if module.root in SOURCE_ROOTS]
