"""The podcast service's process: one line of loopscope, then uvicorn.

Run alone, beside ``python -m loopscope_dashboard.demo.vendors --port 8090``:
``PODCAST_VENDORS=http://127.0.0.1:8090 python -m loopscope_dashboard.demo.service --port 8000``.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import loopscope
from loopscope_dashboard.demo.environment import VENDORS
from loopscope_dashboard.demo.ports import HOST
from loopscope_dashboard.demo.serving import read_arguments, serve

if TYPE_CHECKING:
    from loopscope.runtime import Handle


def main() -> None:
    port = read_arguments(__doc__).port
    if VENDORS not in os.environ:
        raise SystemExit(
            f"{VENDORS} is not set; start `python -m loopscope_dashboard.demo.vendors` and set it to the "
            "address that this prints"
        )
    handle = loopscope.instrument()
    try:
        serve("loopscope_dashboard.demo.app:create_app", port, metrics=metrics_address(handle))
    finally:
        for straggler in multiprocessing.active_children():  # a sick pool's workers never end
            straggler.kill()


def metrics_address(handle: Handle) -> str:
    """Where Prometheus may scrape; empty when nothing is served there."""
    exporter = handle.exporter("prometheus")
    if exporter is None or not exporter.port:
        return ""
    return f"http://{HOST}:{exporter.port}/metrics"


if __name__ == "__main__":
    main()
