"""Metrics for Prometheus, read from the live state at each scrape; no number is kept twice.

`PrometheusExporter` serves them on a thread and a port of its own, so they answer while the loop is blocked.
Two other ways, with ``LOOPSCOPE_METRICS_PORT=-1`` when the server is not wanted besides::

    handle = loopscope.instrument(metrics_port=-1)
    app.mount("/metrics", loopscope_exporters.prometheus.asgi_app(handle))  # Starlette, FastAPI
    prometheus_client.REGISTRY.register(LoopscopeCollector(handle))  # beside the application's own

An ASGI app answers only when its loop does.
"""

from loopscope_exporters.prometheus.asgi import asgi_app
from loopscope_exporters.prometheus.collector import LoopscopeCollector
from loopscope_exporters.prometheus.exporter import PrometheusExporter

__all__ = ["LoopscopeCollector", "PrometheusExporter", "asgi_app"]
