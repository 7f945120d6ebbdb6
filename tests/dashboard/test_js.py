"""The components' own maths, run where it is written: in JavaScript."""

import shutil
import subprocess
from pathlib import Path

import pytest


def test_the_components_maths_holds():
    """Everything under js/ passes in Node's own test runner."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("node was not found; install Node.js 20 or newer (Debian: apt-get install nodejs)")
    files = sorted(str(path) for path in (Path(__file__).parent / "js").glob("*.test.mjs"))
    run = subprocess.run([node, "--test", *files], check=False, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stdout + run.stderr
