"""Makes the virtual environment and installs loopscope into it: ``python tools/environment.py FOLDER EXTRA``.

Runs under whatever Python the machine has, so that one that is too old gets a sentence and no traceback.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)


def main(folder: str, extra: str) -> str | None:
    """None when all went well, else a sentence for stderr."""
    python = Path(folder) / "bin" / "python"
    if not _works(python):
        complaint = _too_old() or _make(folder)
        if complaint:
            return complaint
    command = [str(python), "-m", "pip", "install", "--quiet", "--editable", f".[{extra}]"]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
        return (
            f"pip could not install loopscope[{extra}]; its reason stands above. It needs the network, or a "
            "folder of wheels in PIP_FIND_LINKS, the first time and after each change of pyproject.toml"
        )
    return None


def _too_old() -> str:
    if sys.version_info >= OLDEST:
        return ""
    found, oldest = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, OLDEST))
    return (
        f"{sys.executable} is Python {found}, loopscope needs {oldest} or newer; "
        f"name another one: make PYTHON=python{oldest} ..."
    )


def _make(folder: str) -> str:
    """Make the environment; Debian keeps what it takes in a package of its own."""
    command = [sys.executable, "-m", "venv", "--clear", folder]
    if _succeeds(command):
        return ""
    from system_packages import install  # noqa: PLC0415  not for a Python that is too old

    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if install([package]) and _succeeds(command):
        return ""
    return (
        f"{sys.executable} -m venv failed; its reason stands above. "
        f"Where Python came with Debian: apt-get install {package}"
    )


def _works(python: Path) -> bool:
    """Whether the environment's own pip is there: an interrupted set-up leaves one without."""
    return os.access(python, os.X_OK) and _succeeds([str(python), "-m", "pip", "--version"])


def _succeeds(command: list[str]) -> bool:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    complaint = main(*sys.argv[1:])
    sys.exit(f"make: {complaint}" if complaint else 0)
