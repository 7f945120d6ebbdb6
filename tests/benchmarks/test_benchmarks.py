"""The benchmark works and says what it claims; ratios within one run are all that is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent
OURS = ("loopscope", "loopscope_spans")
ALL = ("bare", *OURS, "contrib")
ROWS = {"spawn", "steps", "free_semaphore", "busy_semaphore", "to_thread", "long_task", "requests"}


def bench(folder, *arguments):
    """The report of one run, what it printed, and what it complained of."""
    report = folder / "bench.json"
    command = [sys.executable, BENCHMARKS, "--quick", f"--json={report}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text()), done.stdout, done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """One round of everything."""
    return bench(tmp_path_factory.mktemp("bench"), "--rounds=1")


def test_every_row_compares_all_variants(report):
    """Wall and processor time of each row stand beside bare asyncio's, and the table has a line for it."""
    rows, printed = report[0]["rows"], report[1]
    assert set(rows) == ROWS
    for row in rows.values():
        assert row["title"] in printed
        for variant in (*OURS, "contrib"):
            assert all(0.05 < row["ratios"][variant][measure] < 100 for measure in ("wall", "cpu"))


def test_nobody_saves_work_by_losing_records(report):
    """No variant of ours drops a record or has a fault in any row, and spans arrive for the tasks."""
    for name, row in report[0]["rows"].items():
        for one in row["rounds"]:
            assert {one[variant]["dropped"] + one[variant]["faults"] for variant in OURS} == {0}, report[2]
            if name in {"spawn", "steps", "free_semaphore", "busy_semaphore"}:
                assert one["loopscope_spans"]["spans"] >= one["contrib"]["spans"] > 0


def test_the_unfavourable_row_is_marked(report):
    """What costs only loopscope is in the table, with a star that the text explains."""
    rows, printed = report[0]["rows"], report[1]
    assert [name for name, row in rows.items() if row["unfavourable"]] == ["long_task"]
    assert "* unfavourable" in printed


def test_a_task_costs_less_than_with_the_contrib_instrumentation(tmp_path):
    """Journal and metrics for a task are cheaper than a span for it, in the same rounds."""
    row = bench(tmp_path, "--only=spawn", "--rounds=3")[0]["rows"]["spawn"]
    assert row["ratios"]["loopscope"]["wall"] < row["ratios"]["contrib"]["wall"]


def test_the_in_tree_driver_counts_answered_requests():
    """Where wrk is missing, the service is driven from Python; each connection asks again and again."""
    command = [sys.executable, BENCHMARKS / "service.py", "bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        address = f"http://127.0.0.1:{int(service.stdout.readline())}"
        driver = [sys.executable, BENCHMARKS / "driver.py", f"{address}/work", "4", "0.5"]
        requests, seconds = subprocess.check_output(driver, text=True, timeout=20).split()
        urllib.request.urlopen(f"{address}/end", data=b"", timeout=20).close()
        cost = json.loads(service.communicate(timeout=20)[0])
    assert int(requests) > 4
    assert float(seconds) >= 0.5
    assert cost["cpu"] > 0
