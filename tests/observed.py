"""Starts instrumented processes for tests: `observed_service.py` beside this file, or the demo."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = re.compile(r"http://(127\.0\.0\.1:\d+)/metrics")
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


@contextmanager
def demo(journal: Path) -> Iterator[str]:
    """``host:port`` of the metrics of a healthy `loopscope demo`, which runs as long as the block."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOOPSCOPE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "loopscope", "demo", "--headless", f"--journal={journal}"],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "LOOPSCOPE_METRICS_PORT": "0"},
    )
    assert process.stdout is not None
    try:
        yield next(found[1] for line in process.stdout if (found := METRICS.search(line)))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
