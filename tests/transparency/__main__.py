"""Every suite in full, bare and observed: ``python -m transparency [NAME ...]`` in the folder above."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from transparency import cpython
from transparency.comparison import compare


def main() -> int:
    """1 when a test newly fails, or when a hook of loopscope's own raised."""
    parser = argparse.ArgumentParser(prog="python -m transparency", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names of suites; all by default")
    names = parser.parse_args().names
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for suite in [cpython.UnittestModule(module) for module in cpython.modules()]:
            if names and not any(name in suite.name for name in names):
                continue
            comparison = compare(suite, Path(folder) / suite.name)
            print(comparison, *comparison.observed.faults, sep="\n    ", flush=True)
            broken += bool(comparison.broken or comparison.observed.faults)
    if sentence := cpython.absent():
        print(sentence)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
