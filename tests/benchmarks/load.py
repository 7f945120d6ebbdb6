"""Requests: starts the service, drives it with wrk or the in-tree driver, and says what a request cost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
CONNECTIONS = 32
SECOND = 1_000_000_000
PATIENCE = 60


def measure(variant: str, seconds: float) -> dict[str, float]:
    """Wall and processor time a request, ns; the processor's is that of the service, all its threads."""
    command = [sys.executable, str(HERE / "service.py"), variant]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            return _measure(service, seconds)
        finally:
            service.kill()  # it has ended by itself unless something failed


def _measure(service: subprocess.Popen[str], seconds: float) -> dict[str, float]:
    assert service.stdout is not None
    address = f"http://127.0.0.1:{int(service.stdout.readline())}"
    drive(f"{address}/work", seconds)  # loopscope keeps what comes first in full; a service runs for longer
    _post(f"{address}/begin")
    requests, took = drive(f"{address}/work", seconds)
    _post(f"{address}/end")
    told = json.loads(service.communicate(timeout=PATIENCE)[0])
    return {**told, "wall": took * SECOND / requests, "cpu": told["cpu"] / requests}


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
