"""Where spans can go: what a provider must have, and a provider made from the ``OTEL_*`` variables."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import Any

from loopscope.exporter import ExporterError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
GROUP = "opentelemetry_traces_exporter"
NOTHING_TO_SEND_TO = (
    "spans are on, but the program has set no TracerProvider, and neither OTEL_EXPORTER_OTLP_ENDPOINT "
    "nor OTEL_TRACES_EXPORTER says where to send them; set one of them, or turn spans off with "
    "LOOPSCOPE_SPANS=off"
)

PROCESSOR = "_active_span_processor"  # private in the SDK: the one way to hand on a span that is already over
_NEEDED = (PROCESSOR, "sampler", "id_generator", "resource")
_QUEUE = 65_536  # spans; a drain hands on all that ended in it at once


def missing(provider: Any) -> str:
    """The first thing a provider lacks for taking finished spans; empty when it will do."""
    return next((name for name in _NEEDED if not hasattr(provider, name)), "")


def from_environment(service: str) -> Any:
    """A provider as ``OTEL_*`` describes it; None when they ask for none.

    Raises ExporterError when they name an exporter that is not installed.
    """
    names = _exporter_names()
    if not names:
        return None
    exporters = [_load(name) for name in names]
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # 50 ms, for those who want spans
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    size = None if "OTEL_BSP_MAX_QUEUE_SIZE" in os.environ else _QUEUE
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=size))
    return provider


def _exporter_names() -> list[str]:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    default = "otlp" if any(os.environ.get(name) for name in ENDPOINTS) else ""
    named = os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or default
    return [name.strip() for name in named.split(",") if name.strip() not in {"", "none"}]


def _load(name: str) -> Any:
    """An exporter by its name in OTEL_TRACES_EXPORTER, configured by its own variables."""
    if name == "otlp":
        protocol = next((value for key in PROTOCOLS if (value := os.environ.get(key))), "http/protobuf")
        name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    points = entry_points(group=GROUP, name=name)
    if not points:
        remedy = "loopscope[otlp]" if name == "otlp_proto_http" else "the package that brings it"
        raise ExporterError(
            f"OTEL_* asks for the span exporter {name!r}, which is not installed; install {remedy}, "
            "or turn spans off with LOOPSCOPE_SPANS=off"
        )
    return next(iter(points)).load()()


def _resource(service: str) -> Any:
    """What OTEL_* says of the service; its name from our settings where they do not say it."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415

    described = Resource.create()
    if str(described.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return described.merge(Resource({SERVICE_NAME: service}))
    return described
