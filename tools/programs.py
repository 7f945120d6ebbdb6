"""The system programs that the tests drive: installs what is missing where it may, and names what is not."""

from __future__ import annotations

import os
import shutil
import sys

from system_packages import install

# Each program under the names it goes by, and the Debian package that brings it.
PROGRAMS = {
    ("chromium", "chromium-browser", "google-chrome"): "chromium",
    ("prometheus",): "prometheus",
    ("promtool",): "prometheus",
    ("amtool",): "prometheus-alertmanager",
    ("redis-server",): "redis-server",
    ("postgres", "pg_ctlcluster"): "postgresql",  # Debian keeps the server itself off PATH
    ("wrk",): "wrk",
    ("node",): "nodejs",
    ("cc",): "gcc",  # for the compiled hooks, which are tested too
    ("python3-config",): "python3-dev",
}


def main() -> int:
    """1 under CI=true when a program is missing; elsewhere the tests that need it say so by failing."""
    if not (absent := missing()):
        return 0
    install(_packages(absent))
    if not (absent := missing()):
        return 0
    wanted, packages = ", ".join(names[0] for names in absent), " ".join(_packages(absent))
    print(
        f"make: the tests need {wanted}: not on PATH, and not to be had with apt-get here. "
        f"Install by hand; Debian's packages are: {packages}",
        file=sys.stderr,
        flush=True,
    )
    return 1 if os.environ.get("CI") == "true" else 0


def missing() -> list[tuple[str, ...]]:
    return [names for names in PROGRAMS if not any(map(shutil.which, names))]


def _packages(programs: list[tuple[str, ...]]) -> list[str]:
    return sorted({PROGRAMS[names] for names in programs})


if __name__ == "__main__":
    sys.exit(main())
