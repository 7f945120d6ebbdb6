"""Healthy work under load for minutes: neither living processes nor their journals may find anything wrong.

``python tests/benchmarks/soak.py [--seconds 300]`` soaks the benchmark's FastAPI service and the demo that
is not sick, with default settings. Exit code 1 if there is any finding; the journals are then kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = Path(__file__).with_name("service.py")
LOOPSCOPE = (sys.executable, "-m", "loopscope")
PATIENCE = 60  # s for what ends by itself
SCRAPE_EVERY = 2.0  # s: the last answer before its end counts
FOUND = "loopscope_findings_total"


class Soaked(NamedTuple):
    """What was said of the work: findings that the metrics counted, by kind, and those of the doctor."""

    done: str
    live: dict[str, float]
    doctor: list[dict[str, Any]]

    def say(self, name: str) -> None:
        print(f"{name}: {self.done}; {len(self.doctor)} findings of the doctor, {self.live or 'none'} live")
        for finding in self.doctor:
            print(f"  {finding['severity']} {finding['kind']}: {finding['explain']}")


def soak_service(journal: Path, seconds: float) -> Soaked:
    """The service as `loopscope run` starts it, driven as hard as it answers."""
    metrics, command = _free_port(), (*LOOPSCOPE, "run", "--", sys.executable, str(SERVICE), "bare")
    with _started(command, journal, metrics) as service:
        assert service.stdout is not None
        address = f"http://127.0.0.1:{int(service.stdout.readline())}"
        _read(f"{address}/work")
        requests, took = load.drive(f"{address}/work", seconds)
        live = _counted(metrics)
        _read(f"{address}/end", method="POST")
        service.wait(PATIENCE)
    return Soaked(f"{requests} requests in {took:.0f} s", live, _doctor(journal))


def soak_demo(journal: Path, seconds: float) -> Soaked:
    """The demo's podcast service under its own load."""
    metrics = _free_port()
    command = (*LOOPSCOPE, "demo", "--headless", f"--seconds={seconds}", f"--journal={journal}")
    scraped: list[dict[str, float]] = []
    with _started(command, journal, metrics) as demo:
        end = time.monotonic() + seconds + PATIENCE
        while demo.poll() is None and time.monotonic() < end:
            time.sleep(SCRAPE_EVERY)
            with suppress(OSError):  # not yet, or not any more
                scraped.append(_counted(metrics))
        code = demo.wait(0)
    return Soaked(f"{seconds:.0f} s, exit code {code}", scraped[-1], _doctor(journal))


@contextmanager
def _started(command: tuple[str, ...], journal: Path, metrics: int) -> Iterator[subprocess.Popen[str]]:
    """A program for the length of the block; what it prints is read for its first line only."""
    settings = {"LOOPSCOPE_JOURNAL": str(journal), "LOOPSCOPE_METRICS_PORT": str(metrics)}
    output = subprocess.PIPE if str(SERVICE) in command else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=output, text=True, env=os.environ | settings) as process:
        try:
            yield process
        finally:
            process.kill()  # it has ended by itself unless something failed


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _read(url: str, method: str = "GET") -> str:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


def _counted(port: int) -> dict[str, float]:
    """Findings so far by kind, as the process's metrics say."""
    text = _read(f"http://127.0.0.1:{port}/metrics")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {one.labels["kind"]: one.value for one in samples if one.name == FOUND and one.value}


def _doctor(journal: Path) -> list[dict[str, Any]]:
    """What is wrong now, and what was."""
    command = [*LOOPSCOPE, "doctor", str(journal), "--format=json"]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return [*said["findings"], *said["past"]]


SOAKS: dict[str, Callable[[Path, float], Soaked]] = {"service": soak_service, "demo": soak_demo}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks/soak.py", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="of each soak (default: %(default)s)")
    parser.add_argument("--only", choices=SOAKS, help="one of them")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="loopscope-soak-"))
    healthy = True
    for name in [options.only] if options.only else SOAKS:
        soaked = SOAKS[name](folder / name, options.seconds)
        soaked.say(name)
        healthy &= not soaked.live and not soaked.doctor
    if healthy:
        shutil.rmtree(folder)
        return 0
    print(f"journals: {folder}")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
