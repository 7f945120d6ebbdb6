"""Metric families from dictionaries: one key, one series, so a scrape can hold no series twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

from loopscope.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loopscope.state import Histogram

Labels = tuple[str, ...]
Key = TypeVar("Key", bound=Labels)


def gauge(name: str, meaning: str, labels: Labels, values: Mapping[Key, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(_encodable(key), value)
    return family


def counter(name: str, meaning: str, labels: Labels, values: Mapping[Key, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(_encodable(key), value)
    return family


def histogram(
    name: str, meaning: str, labels: Labels, values: Mapping[Key, Histogram]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for key, value in values.items():
        family.add_metric(_encodable(key), value.buckets(), value.total / SECOND)
    return family


def info(name: str, meaning: str, values: Mapping[str, str]) -> InfoMetricFamily:
    return InfoMetricFamily(name, meaning, dict(zip(values, _encodable(values.values()), strict=True)))


def _encodable(labels: Iterable[str]) -> list[str]:
    """Half of a surrogate pair, in the name of a job or a service, would cost the whole scrape."""
    return [label.encode(errors="backslashreplace").decode() for label in labels]
