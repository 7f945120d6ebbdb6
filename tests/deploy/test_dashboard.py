"""The Grafana dashboard: it is what its generator makes, and every panel has something to show."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from observed import demo
from prometheus_server import prometheus

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
VARIABLES = {"$__rate_interval": "20s", "$job": "loopscope", "$instance": ".*"}


@pytest.fixture(scope="module")
def dashboard():
    return json.loads((GRAFANA / "loopscope.json").read_text())


def graphs(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """Each panel's queries as Grafana would send them: title and PromQL."""
    for panel in graphs(dashboard):
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression


def test_the_committed_dashboard_is_what_the_generator_makes(tmp_path):
    """Nobody edits JSON by hand, and nobody forgets to run the generator."""
    made = tmp_path / "loopscope.json"
    subprocess.run([sys.executable, str(GRAFANA / "generate.py"), str(made)], check=True)
    assert made.read_text() == (GRAFANA / "loopscope.json").read_text(), (
        "deploy/grafana/loopscope.json is not what generate.py makes; run: python deploy/grafana/generate.py"
    )


def test_every_panel_says_what_is_healthy(dashboard):
    """A title, a sentence, a unit, and a data source that the reader chooses."""
    for panel in graphs(dashboard):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_legend_names_labels_that_its_query_keeps(dashboard):
    """A legend of a label that was summed away is an empty string."""
    for panel in graphs(dashboard):
        for target in panel["targets"]:
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, panel["title"]


@pytest.mark.prometheus
def test_every_panel_has_data_on_a_real_prometheus(dashboard, tmp_path):
    """Asked as soon as a real Prometheus has seen the demo finish a podcast."""
    with demo(tmp_path / "journal") as target, prometheus(tmp_path, target) as server:
        server.eventually('increase(loopscope_job_duration_seconds_count{job_name="podcast"}[20s]) > 0', 60)
        found = {
            (title, expression): server.eventually(expression) for title, expression in expressions(dashboard)
        }
    empty = [key for key, series in found.items() if all(math.isnan(value) for _, value in series)]
    assert len(found) > 30
    assert empty == []
