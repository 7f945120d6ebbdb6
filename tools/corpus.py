"""The corpus of incidents beside this repository: where it is, and its own means of judging a run."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

SCORER, TRUTH, PROGRAM = "score.py", "truth.json", "app.py"


def scorer_in(folder: str, target: str) -> Path | None:
    """The corpus's own score; None, and a sentence, where there is no corpus, for a clone may stand alone."""
    scorer = Path(folder) / SCORER
    if scorer.is_file():
        return scorer
    print(
        f"there is no corpus of incidents in {folder} (looked for {SCORER} there); "
        f"give its folder: make {target} INCIDENTS=folder"
    )
    return None


def judge(scorer: Path) -> ModuleType:
    """The corpus's score as a module, for how it reads evidence and what meets an expectation."""
    spec = importlib.util.spec_from_file_location("corpus_score", scorer)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases_in(folder: Path, names: list[str]) -> list[Path]:
    """The folders of the cases, or of those named, in the order of their names."""
    found = sorted(truth.parent for truth in folder.glob(f"*/{TRUTH}"))
    return [case for case in found if not names or case.name in names]


def environment() -> dict[str, str]:
    """Many programs run one after another: no port for the metrics of each."""
    return os.environ | {"LOOPSCOPE_METRICS_PORT": "-1"}
