"""A real Prometheus scrapes a real instrumented process, and gives back what it says."""

from __future__ import annotations

import pytest
from observed import observed_service
from prometheus_server import prometheus

pytestmark = pytest.mark.prometheus


def test_what_the_process_says_comes_back_through_the_query_api(tmp_path):
    """Jobs, executors and loop lag of a process that works, from scrape to query."""
    with observed_service() as service, prometheus(tmp_path, service.target) as server:
        server.eventually("loopscope_job_duration_seconds_count > 2")
        durations = server.query('loopscope_job_duration_seconds_count{job_name="podcast"}')
        (_, depth), *_ = server.eventually('loopscope_executor_queue_depth{executor="default"}')
        (_, iterations), *_ = server.eventually("loopscope_loop_lag_seconds_count")
        (_, stuck), *_ = server.eventually('loopscope_jobs_stuck{job_name="forgotten"} > 0')
        (_, scraped), *_ = server.query("scrape_samples_scraped")
    assert durations[0][1] > 2
    assert depth >= 0
    assert iterations > 10
    assert stuck == 1
    assert scraped > 100


def test_no_label_collides_with_those_of_prometheus(tmp_path):
    """Prometheus would store a label `job` or `instance` of ours under another name, exported_job say."""
    with observed_service() as service, prometheus(tmp_path, service.target) as server:
        server.eventually("loopscope_job_duration_seconds_count > 2")
        renamed = server.query('{__name__=~"loopscope.+", exported_job!=""}')
        renamed += server.query('{__name__=~"loopscope.+", exported_instance!=""}')
    assert renamed == []


def test_a_scrape_is_never_refused(tmp_path):
    """Prometheus throws a whole scrape away for one series that stands in it twice."""
    with observed_service() as service, prometheus(tmp_path, service.target, interval="200ms") as server:
        server.eventually("count_over_time(up[20s]) > 10")
        (_, least), *_ = server.query("min_over_time(up[20s])")
        log = (tmp_path / "prometheus.log").read_text()
    assert least == 1
    assert "duplicate" not in log.lower()
