"""The running process says what is wrong, once each: in its log, its totals and its journal."""

import asyncio
import logging
import sqlite3

import pytest

import loopscope
from loopscope.clock import now
from loopscope.recorder import recorder
from loopscope.records import NOWHERE, Batch, Job
from loopscope_exporters.journal import Journal


async def twice_the_same_lock():
    """A job that takes a lock it holds, for a second."""
    lock = asyncio.Lock()

    async def work():
        with loopscope.job("ledger", key=7):
            async with lock:
                await lock.acquire()

    stuck = asyncio.create_task(work())
    await asyncio.sleep(1.2)
    return stuck


def test_a_finding_is_said_once(observe, caplog):
    """However often the process is looked at."""
    seen = observe(diagnosis_interval=0.2)
    with caplog.at_level(logging.WARNING, "loopscope"):
        batch = seen.run(twice_the_same_lock())
    (finding,) = batch.findings
    assert finding.kind == "lock_cycle"
    assert finding.job == "ledger 7"
    assert len(finding.jobs) == 1
    assert seen.state.findings_seen == {"lock_cycle": 1}
    (line,) = [record.getMessage() for record in caplog.records if "lock_cycle" in record.getMessage()]
    assert finding.explain in line
    assert "severity=critical" in line


def test_a_finding_stands_in_the_journal(observe, tmp_path):
    """With the place of its culprit and the victims, a line each."""
    observe(diagnosis_interval=0.2, journal=str(tmp_path)).run(twice_the_same_lock())
    (segment,) = tmp_path.glob("*.db")
    connection = sqlite3.connect(segment)
    rows = connection.execute(
        "SELECT kind, severity, job, victims, file, code FROM findings JOIN places ON places.id = place"
    ).fetchall()
    connection.close()
    victim = "twice_the_same_lock.<locals>.work"
    assert rows == [("lock_cycle", "critical", "ledger 7", victim, __file__, "await lock.acquire()")]


def test_what_is_no_longer_found_is_over(observe, tmp_path):
    """The journal has it twice: when it was found and when it was gone."""

    async def main():
        stuck = await twice_the_same_lock()
        stuck.cancel()
        await asyncio.wait([stuck])
        await asyncio.sleep(0.6)

    batch = observe(diagnosis_interval=0.2, journal=str(tmp_path)).run(main())
    assert [finding.kind for finding in batch.over] == ["lock_cycle"]
    (past,) = Journal(tmp_path).findings()
    assert (past.finding.kind, past.finding.culprit.file) == ("lock_cycle", __file__)
    assert past.until - past.finding.since > 1_000_000_000


def test_the_program_can_ask_itself(observe):
    """`loopscope.diagnose()` answers from inside the loop and finds nothing in a healthy program."""
    answers = []

    async def ask():
        answers.append(loopscope.diagnose())

    observe().run(ask())
    assert answers == [()]


def test_a_process_that_is_not_instrumented_says_so():
    """A sentence that says what to do."""
    with pytest.raises(RuntimeError, match=r"loopscope\.instrument\(\) first"):
        loopscope.diagnose()


def test_under_load_fewer_records_are_remembered_one_by_one(observe):
    """As many as are kept in two and a half seconds."""
    seen = observe(drain_interval=60.0, detail_rate=100)
    attendant = loopscope.runtime.current()._attendant
    ended = [Job(number, "speak", "", "job", 0, 0, NOWHERE, 1, ended=2) for number in range(1_000)]
    for left, remembered in ((1.0, 1_000), (0.0, 250), (1.0, 1_250)):
        recorder.detail.left = left
        attendant.attend(Batch(now=now(), jobs=ended))
        assert len(attendant._history.last_jobs) == remembered
    assert attendant._history.jobs["speak"].count == 3_000
    seen.finish()
