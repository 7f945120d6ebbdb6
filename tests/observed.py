"""Starts `observed_service.py` for tests that need an instrumented process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("observed_service.py")


@contextmanager
def observed_service() -> Iterator[int]:
    """The port of the service's metrics, while it runs; it ends when its standard input closes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOPSCOPE_")}
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield json.loads(process.stdout.readline())["port"]
        process.stdin.close()
        process.wait(timeout=20)
