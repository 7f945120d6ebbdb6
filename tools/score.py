"""How many known incidents `loopscope doctor` names rightly: runs the corpus beside this repository."""

from __future__ import annotations

import subprocess
import sys

import corpus


def main(arguments: list[str]) -> int:
    """Exit code of the corpus's own score; 0 where there is no corpus, for a clone may stand alone."""
    folder, *options = arguments
    scorer = corpus.scorer_in(folder, "score")
    if scorer is None:
        return 0
    command = [sys.executable, str(scorer), "--python", sys.executable, *options]
    return subprocess.run(command, env=corpus.environment(), check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
