"""Starts `observed_service.py` for tests that need an instrumented process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("observed_service.py")


class Observed(NamedTuple):
    """A running service: where its metrics are, and its process."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def observed_service() -> Iterator[Observed]:
    """The service while it runs; it ends when its standard input closes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOPSCOPE_")}
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield Observed(json.loads(process.stdout.readline())["port"], process)
        process.stdin.close()
        process.wait(timeout=20)
