"""A real Prometheus for tests: on a free port of 127.0.0.1, with storage of its own, ended by pid."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STARTS_WITHIN = 30.0
ANSWERS_WITHIN = 20.0
PACKAGES = {"prometheus": "prometheus", "promtool": "prometheus", "amtool": "prometheus-alertmanager"}


def program(name: str) -> str:
    """The path of a system program; without it the test fails, for a skipped test proves nothing."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} was not found on PATH; install it with: apt-get install {PACKAGES[name]}")
    return found


class PrometheusServer:
    """A running Prometheus, asked through its query API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __repr__(self) -> str:
        return f"<PrometheusServer at {self.address}>"

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The series of an instant query: labels and value each. Raises AssertionError if it is refused."""
        url = f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with urllib.request.urlopen(url) as answer:
                found = json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"Prometheus refused {expression}: {refused.read().decode()}") from None
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in found["result"]]

    def eventually(
        self, expression: str, within: float = ANSWERS_WITHIN
    ) -> list[tuple[dict[str, str], float]]:
        """The series of a query as soon as there are any: a scrape has to come first."""
        end = time.monotonic() + within
        while not (found := self.query(expression)):
            if time.monotonic() > end:
                raise AssertionError(f"Prometheus has no data for {expression} after {within:.0f} s")
            time.sleep(0.1)
        return found


@contextmanager
def prometheus(folder: Path, *targets: str, interval: str = "500ms") -> Iterator[PrometheusServer]:
    """Prometheus scraping ``targets`` (host:port) every ``interval``, as the Prometheus job "loopscope"."""
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [{"job_name": "loopscope", "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = _free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _await_ready(process, address, folder / "prometheus.log")
        yield PrometheusServer(address)
    finally:
        _end(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _await_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/-/ready").close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"Prometheus did not become ready:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
