"""The order of reading names every chapter's files, so that a newcomer misses none."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "instrumentation/loopscope"


def test_every_module_of_the_core_is_in_a_chapter():
    """And nothing in a chapter is gone."""
    named = set(re.findall(r"`([\w/]+)`", (ROOT / "docs/reading.md").read_text()))
    modules = {path.stem for path in CORE.glob("*.py") if not path.stem.startswith("__")}
    assert modules - named == set()
    gone = {name for name in named if not (CORE / f"{name}.py").exists()}
    assert {name for name in gone if not (CORE / "diagnosis" / f"{name}.py").exists()} == set()
