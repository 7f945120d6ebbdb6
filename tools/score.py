"""How many known incidents `loopscope doctor` names rightly: runs the corpus beside this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Exit code of the corpus's own score; 0 where there is no corpus, for a clone may stand alone."""
    folder, *options = arguments
    scorer = Path(folder) / "score.py"
    if not scorer.is_file():
        print(
            f"there is no corpus of incidents in {folder} (looked for {scorer.name} there); "
            "give its folder: make score INCIDENTS=folder"
        )
        return 0
    environment = os.environ | {
        "LOOPSCOPE_METRICS_PORT": "-1"
    }  # many programs, one after another: no port each
    command = [sys.executable, str(scorer), "--python", sys.executable, *options]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
