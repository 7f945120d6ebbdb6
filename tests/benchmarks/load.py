"""Requests: starts the service, drives it with wrk or the in-tree driver, and says what a request cost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from results import Round, Trial

HERE = Path(__file__).parent
CONNECTIONS = 32
SECOND = 1_000_000_000
PATIENCE = 60
WARMING = 2  # turns: loopscope keeps what comes first in full; a service runs for longer
AFTERWARDS = 0.2  # s; it drains each 0.1 s


def measure(variants: Sequence[str], turns: int, seconds: int) -> Round:
    """Wall and processor time a request, ns; the processor's is that of the service, all its threads.

    The services are up at the same time and driven in turns, so that a machine that grows slower for a while
    does so for all of them. The first turns are for warming up.
    """
    with ExitStack() as stack:
        services = {variant: stack.enter_context(_Service(variant)) for variant in variants}
        for turn in range(-WARMING, turns):
            for service in services.values():
                service.drive(seconds, counts=turn >= 0)
        return {variant: service.end() for variant, service in services.items()}


class _Service:
    """The service under one variant, in a process of its own, which ends with the context."""

    def __init__(self, variant: str) -> None:
        command = [sys.executable, str(HERE / "service.py"), variant]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._requests, self._took = 0, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()  # it has ended by itself unless something failed

    @cached_property
    def _address(self) -> str:
        assert self._process.stdout is not None
        return f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def drive(self, seconds: int, *, counts: bool) -> None:
        """A turn, with what loopscope does after it about what was in it."""
        if counts:
            _post(f"{self._address}/begin")
        requests, took = drive(f"{self._address}/work", seconds)
        time.sleep(AFTERWARDS)
        if counts:
            _post(f"{self._address}/pause")
            self._requests += requests
            self._took += took

    def end(self) -> Trial:
        _post(f"{self._address}/end")
        told = json.loads(self._process.communicate(timeout=PATIENCE)[0])
        wall, cpu = self._took * SECOND / self._requests, told["cpu"] / self._requests
        return {**told, "wall": wall, "cpu": cpu}


def driver() -> str:
    return "wrk" if shutil.which("wrk") else "the in-tree driver"


def drive(url: str, seconds: float) -> tuple[int, float]:
    """Answered requests, and in how many seconds. Raises RuntimeError for answers that are not 200."""
    if driver() != "wrk":
        command = [sys.executable, str(HERE / "driver.py"), url, str(CONNECTIONS), str(seconds)]
        requests, took = _output(command, seconds).split()
        return int(requests), float(took)
    wrk = ["wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={round(seconds)}s", url]
    said = _output(wrk, seconds)
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"the service did not answer every request with 200; wrk says: {said}")
    counted = re.search(r"(\d+) requests in ([\d.]+)([sm])", said)
    if counted is None:
        raise RuntimeError(f"wrk says {said!r}; expected '... requests in ...s'")
    return int(counted[1]), float(counted[2]) * (60 if counted[3] == "m" else 1)


def _output(command: list[str], seconds: float) -> str:
    patience = seconds + PATIENCE
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=patience).stdout


def _post(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=PATIENCE) as answer:
        answer.read()
