"""A live state made by hand with a clock that stands, and the series that a scrape of it gives."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from loopscope.clock import SECOND, Anchor
from loopscope.records import Process
from loopscope.settings import Settings
from loopscope.state import LiveState
from loopscope_exporters.prometheus import LoopscopeCollector

NOW = 1_000 * SECOND


@pytest.fixture
def state():
    """The state of a process that has done nothing yet."""
    process = Process(1, "podcasts", "host", 7, 1, 0, "CPython 3.11.7", "0.1.0")
    state = LiveState(process, Anchor(0, 0), Settings(stuck_after=30))
    state.tasks = {}  # otherwise the tasks of the process that runs the tests
    return state


class Scraper:
    """Scrapes a state at moments of the test's choosing, in seconds."""

    def __init__(self, state):
        self.now = NOW
        self.registry = CollectorRegistry()
        self.registry.register(LoopscopeCollector(state, now=lambda: self.now))

    def samples(self):
        text = generate_latest(self.registry).decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def __call__(self, name):
        """The series of one name: label values, in the order of the labels' names, to value."""
        return {
            tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
            for sample in self.samples()
            if sample.name == name
        }


@pytest.fixture
def scrape(state):
    return Scraper(state)
