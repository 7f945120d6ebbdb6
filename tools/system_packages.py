"""Debian packages: installs them where this user may, without asking anybody anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def install(packages: list[str]) -> bool:
    """Whether apt-get installed all of them; False too where there is no apt-get or no right to use it."""
    prefix = _privilege()
    if prefix is None or shutil.which("apt-get") is None:
        return False
    print(f"installing {', '.join(packages)} with apt-get", file=sys.stderr, flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]
    _run([*apt, "update"])  # stale lists may still do
    return _run([*apt, "install", "--yes", "--no-install-recommends", *packages])


def _privilege() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _run(["sudo", "-n", "true"]):
        return ["sudo", "-n"]
    return None


def _run(command: list[str]) -> bool:
    """Output goes to stderr; stdin is empty, so that nothing can wait for an answer."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    return done.returncode == 0
