"""The test suites of libraries, from the source distributions of what is installed; they need the network."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent

# What each suite needs besides pytest and its library.
NEEDS = {
    "anyio": ("blockbuster", "hypothesis", "psutil", "pytest-mock", "trio", "trustme", "truststore"),
    "httpcore": ("h2", "hpack", "hyperframe", "pytest-httpbin", "pytest-trio", "socksio", "trio"),
    "starlette": ("blockbuster", "httpx2", "itsdangerous", "jinja2", "python-multipart", "pyyaml", "trio"),
}
SHARED = ("pytest>=8", "pytest-timeout")
LEFT_OUT = {
    "anyio": ("--ignore=tests/test_to_interpreter.py",),  # 3.13.0 crashes there beside any thread
    "httpcore": ("--ignore=tests/benchmark",),  # measures time
}


@dataclass(frozen=True)
class LibrarySuite:
    """The tests of one source distribution, run in its folder against the library that is installed."""

    name: str
    folder: Path
    needs: Path
    patience: float = 900.0

    @property
    def path(self) -> tuple[Path, ...]:
        return (HERE, self.needs)

    def command(self, tests: Sequence[str]) -> list[str]:
        quiet = ("-q", "-p", "no:cacheprovider", "-p", "verdicts_plugin", *LEFT_OUT.get(self.name, ()))
        return [sys.executable, "-P", "-m", "pytest", *quiet, *(tests or ("tests",))]


class Unavailable(RuntimeError):
    """A suite that cannot be compared here; the text says why, and what to do."""


def fetch(name: str, folder: Path) -> LibrarySuite:
    """Download a library's source distribution and what its tests need, and unpack it."""
    try:
        release = f"{name}=={version(name)}"
    except PackageNotFoundError:
        raise Unavailable(f"{name} is not installed here: not compared; pip install {name}") from None
    needs = folder / "needs"
    source = ("download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), release)
    for arguments in (source, ("install", "--target", str(needs), *SHARED, *NEEDS[name])):
        command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:]
            raise Unavailable(f"{name} is not compared: pip could not fetch {release}; {' '.join(reason)}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir() and path != needs)
    return LibrarySuite(name, unpacked, needs)
