"""The exporter: a metrics server on the configured port, in processes that people start themselves."""

from __future__ import annotations

import errno
import multiprocessing
import os
import sys
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from loopscope.exporter import ExporterError
from loopscope_exporters.prometheus.collector import LoopscopeCollector
from loopscope_exporters.prometheus.server import MetricsServer

if TYPE_CHECKING:
    from loopscope.records import Batch
    from loopscope.settings import Settings
    from loopscope.state import LiveState

_imported_in = os.getpid()


class PrometheusExporter:
    """Serves the metrics of one process. ``port`` is the bound port, 0 while nothing is served.

    Worker processes of `multiprocessing` serve nothing: they come and go, and the port is their parent's. A
    forked child learns only after the fork whether it is one, so it decides at its first drain.
    """

    def __init__(self, state: LiveState, settings: Settings) -> None:
        self.port = 0
        self._settings = settings
        self._registry = CollectorRegistry()
        self._registry.register(LoopscopeCollector(state))
        self._server: MetricsServer | None = None
        self._undecided = False

    def __repr__(self) -> str:
        return (
            f"<PrometheusExporter on port {self.port}>" if self.port else "<PrometheusExporter, not serving>"
        )

    def start(self) -> None:
        """Bind the port and serve. Raises ExporterError when the port cannot be had."""
        if self._settings.metrics_port < 0:
            return
        self._undecided = os.getpid() != _imported_in
        if not self._undecided:
            self._serve()

    def drain(self, batch: Batch) -> None:  # noqa: ARG002  a scrape reads the state itself
        if self._undecided:
            self._undecided = False
            self._serve()

    def stop(self) -> None:
        server, self._server, self.port = self._server, None, 0
        if server is not None:
            server.close()

    def _serve(self) -> None:
        if _is_multiprocessing():
            return
        host, port = self._settings.metrics_host, self._settings.metrics_port
        try:
            self._server = MetricsServer(self._registry, host, port)
        except (OSError, OverflowError) as error:
            raise ExporterError(_explain(error, host, port)) from error
        self.port = self._server.port


def _is_multiprocessing() -> bool:
    """Whether `multiprocessing` started this interpreter; its command line tells before it says so itself."""
    return multiprocessing.parent_process() is not None or any(
        argument.startswith("from multiprocessing.") for argument in sys.orig_argv
    )


def _explain(error: Exception, host: str, port: int) -> str:
    found = f"the metrics cannot be served on {host} port {port}: "
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, OverflowError):
        todo = "set LOOPSCOPE_METRICS_PORT to a port from 1 to 65535, or to 0 for any free one"
    elif number == errno.EADDRINUSE:
        todo = (
            "another program listens there; set LOOPSCOPE_METRICS_PORT to another port, to 0 for any free "
            "one, or to -1 for no server"
        )
    elif number == errno.EACCES:
        todo = "this user may not use that port; set LOOPSCOPE_METRICS_PORT to 1024 or above"
    else:
        todo = f"{error}; set LOOPSCOPE_METRICS_HOST to an address of this machine, such as 127.0.0.1"
    return found + todo
