"""The system programs that the tests drive: installs what is missing where it may, and names what is not."""

from __future__ import annotations

import os
import shutil
import sys

from system_packages import install

# Program, and the Debian package that brings it.
PROGRAMS = {
    "chromium": "chromium",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "wrk": "wrk",
    "node": "nodejs",
}


def main() -> int:
    """1 under CI=true when a program is missing; elsewhere the tests that need it say so themselves."""
    if not (absent := missing()):
        return 0
    install(_packages(absent))
    if not (absent := missing()):
        return 0
    ci = os.environ.get("CI") == "true"
    print(
        f"make: the tests need {', '.join(absent)}: not on PATH, and not to be had with apt-get here. "
        f"Install (Debian's names): {' '.join(_packages(absent))}. "
        + (
            "With CI=true this is a failure."
            if ci
            else "Tests that drive them are skipped and named at the end."
        ),
        file=sys.stderr,
        flush=True,
    )
    return 1 if ci else 0


def missing() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


def _packages(programs: list[str]) -> list[str]:
    return sorted({PROGRAMS[program] for program in programs})


if __name__ == "__main__":
    sys.exit(main())
