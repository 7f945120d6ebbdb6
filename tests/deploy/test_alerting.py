"""Scrape configuration, alerting rules and Alertmanager's routes, judged by their own tools."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from observed import observed_service
from prometheus_server import program, prometheus

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"


def run(*command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_the_configuration():
    """The rules that it names included."""
    run(program("promtool"), "check", "config", "prometheus.yml", folder=DEPLOY / "prometheus")


def test_every_alert_fires_when_it_should_and_only_then():
    """The cases stand in alerts_test.yml."""
    run(program("promtool"), "test", "rules", "alerts_test.yml", folder=DEPLOY / "prometheus")


def test_alertmanager_accepts_its_configuration():
    """Routes, receivers and inhibitions."""
    run(program("amtool"), "check-config", "alertmanager.yml", folder=DEPLOY / "alertmanager")


def test_every_alert_has_cases():
    """An alert without a case is a guess."""
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    cases = (RULES.parent / "alerts_test.yml").read_text()
    assert alerts
    assert {alert for alert in alerts if alert not in cases} == set()


@pytest.mark.prometheus
def test_alerts_watch_metrics_that_exist(tmp_path):
    """A misspelt metric makes an alert that never fires; a real process has them all."""
    watched = set(re.findall(r"loopscope_\w+", "".join(re.findall(r"expr:[^#]*?labels:", RULES.read_text()))))
    with observed_service() as service, prometheus(tmp_path, service.target) as server:
        server.eventually("loopscope_executor_workers and on (instance) loopscope_jobs_stuck > 0")
        missing = [name for name in sorted(watched) if not server.query(name)]
    assert len(watched) >= 7
    assert missing == []


@pytest.mark.prometheus
def test_a_process_killed_at_work_is_found_gone(tmp_path):
    """As with exit code 137: no goodbye, and the last scrape saw open jobs."""
    text = RULES.read_text().split("alert: LoopscopeProcessGoneWithOpenWork")[1]
    gone = " ".join(text.split("expr: >-")[1].split("for:")[0].split())
    with observed_service() as service, prometheus(tmp_path, service.target) as server:
        server.eventually("loopscope_jobs_running > 0")
        alive = server.query(gone)
        service.process.kill()
        (labels, jobs), *_ = server.eventually(gone)
    assert alive == []
    assert labels == {"job": "loopscope", "instance": service.target}
    assert jobs >= 1
