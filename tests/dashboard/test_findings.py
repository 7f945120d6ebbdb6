"""What the explorer says is wrong: of the journal, of one job, and when nothing is."""

import logging

import pytest
from handmade_journal import Segment, deadlocked, ids

from loopscope.diagnosis import engine
from loopscope_dashboard.explorer import examining
from loopscope_dashboard.explorer.examining import REST, Examining
from loopscope_dashboard.explorer.findings import findings
from loopscope_exporters.journal.reader import Journal


@pytest.fixture
def diagnoses(monkeypatch):
    """The cases of each diagnosis that the explorer made."""
    made = []

    def counted(cases):
        made.append(cases)
        return engine.diagnose(cases)

    monkeypatch.setattr(examining, "diagnose", counted)
    return made


def test_a_finding_says_what_since_when_why_where_and_what_to_do(page, deadlock):
    """One line's worth and the whole explanation, with the job it is about."""
    (finding,) = page.get("findings").json()["findings"]
    assert (finding["severity"], finding["kind"]) == ("critical", "semaphore starvation")
    assert '3 tasks wait for semaphore "tts"' in finding["explain"]
    assert finding["where"] == "engine.py:145"
    assert finding["culprit"] == "/srv/podcast/engine.py:145 in speak"
    assert finding["moment"].endswith("Z")
    assert ["permits", "3"] in finding["evidence"]
    assert finding["fix"].startswith("Do not take the same semaphore")
    assert finding["jobs"] == [{"id": str(deadlock.current), "label": "podcast 9f3c"}]


def test_a_job_with_a_finding_is_marked_with_its_worst(page, deadlock):
    """By the id that the list of jobs uses."""
    (listed,) = page.get("jobs").json()["jobs"]
    mark = page.get("findings").json()["marks"][listed["id"]]
    assert mark["severity"] == "critical"
    assert mark["text"].startswith("semaphore starvation: 3 tasks wait")


def test_a_jobs_own_findings_leave_out_the_others(page, deadlock):
    """What is wrong with its neighbour is told on the neighbour's page."""
    stuck, root = deadlock.current, next(ids)
    other = deadlock.job("cover", "7", root, -2)
    (own,) = page.get(f"jobs/{stuck}/findings").json()["findings"]
    assert own["kind"] == "semaphore starvation"
    document = page.get(f"jobs/{other}/findings").json()
    assert (document["findings"], document["calm"]) == ([], "no finding is about this job")


def test_what_is_over_is_still_told(page, segment):
    """Behind what is wrong now, and on the page of its job, which would be called healthy else."""
    job = segment.job("podcast", "9f3c", next(ids), -90, -20)
    neighbour = segment.job("cover", "7", next(ids), -90, -20)
    found = {"kind": "loop_blocked", "severity": "critical", "confidence": 0.9, "evidence": "{}"}
    found |= {
        "job": "podcast 9f3c",
        "explain": "time.sleep kept the loop.",
        "fix": "Do less.",
        "victims": "speak",
    }
    segment.insert(
        "findings", at=segment.wall(-60), since=segment.wall(-70), place=segment.place(31), **found
    )
    document = page.get("findings").json()
    (finding,) = document["findings"]
    assert (finding["severity"], finding["kind"]) == ("was", "loop blocked")
    assert finding["jobs"] == [{"id": str(job), "label": "podcast 9f3c"}]
    assert document["marks"] == {}
    (own,) = page.get(f"jobs/{job}/findings").json()["findings"]
    assert (own["severity"], own["explain"]) == ("was", "time.sleep kept the loop.")
    assert page.get(f"jobs/{neighbour}/findings").json()["findings"] == []


def test_a_job_that_has_ended_is_found_by_its_name(page, segment):
    """Its loop stood still while it was there; a later job of that name has nothing to do with it."""
    root, later = next(ids), next(ids)
    job = segment.job("render", "ep-7", root, -30, -20)
    task = segment.task("", -30, -20, own=root, coroutine="render")
    segment.block(task, -28, -23)
    after = segment.job("render", "ep-7", later, -10, -9)
    (finding,) = page.get("findings").json()["findings"]
    assert (finding["kind"], finding["jobs"]) == ("loop blocked", [{"id": str(job), "label": "render ep-7"}])
    assert len(page.get(f"jobs/{job}/findings").json()["findings"]) == 1
    assert page.get(f"jobs/{after}/findings").json()["findings"] == []


def test_a_dead_processes_job_is_explained_while_its_successor_lives(page, deadlock, segment):
    """The first page speaks of what runs now; the page of a lost job says what held it."""
    assert page.get("findings").json()["findings"] == []
    (finding,) = page.get(f"jobs/{deadlock.current}/findings").json()["findings"]
    assert finding["kind"] == "semaphore starvation"


def test_nothing_wrong_is_said_calmly(page, segment):
    """And what the rules could not judge yet is not kept back."""
    document = page.get("findings").json()
    assert (document["findings"], document["marks"]) == ([], {})
    assert document["calm"] == "nothing wrong was found in 1 process"


def test_an_empty_journal_has_nothing_to_say(page):
    """There is no process to have looked at."""
    document = page.get("findings").json()
    assert (document["findings"], document["calm"], document["trouble"]) == ([], "", "")


def test_findings_that_have_not_changed_are_not_sent_again(page, deadlock):
    """The page says which version it has."""
    for path in ("findings", f"jobs/{deadlock.current}/findings"):
        known = page.get(path).json()["version"]
        again = page.get(path, params={"known": known})
        assert (again.status_code, again.content) == (204, b"")


def test_a_journal_that_stands_still_is_diagnosed_once(tmp_path, deadlock, diagnoses):
    """However long pages stay open."""
    now = [100.0]
    doctor = Examining(tmp_path, clock=lambda: now[0])
    first = doctor.all()
    now[0] += 1000
    assert doctor.all() is first
    assert len(diagnoses) == 1


def test_a_journal_that_grows_is_diagnosed_again_after_a_rest(tmp_path, segment, diagnoses):
    """Many pages that ask at once cost no more than one."""
    now = [100.0]
    doctor = Examining(tmp_path, clock=lambda: now[0])
    assert doctor.all().diagnosis.findings == ()
    deadlocked(segment)
    segment.beat_at(1)
    now[0] += REST / 2
    assert doctor.all().diagnosis.findings == ()
    now[0] += REST
    assert [found.kind for found in doctor.all().diagnosis.findings] == ["semaphore_starvation"]
    assert len(diagnoses) == 2


def test_a_costly_diagnosis_is_followed_by_a_long_rest(tmp_path, segment, diagnoses, monkeypatch):
    """A page on a big journal must not keep a processor busy with it."""
    now = [100.0]
    doctor = Examining(tmp_path, clock=lambda: now[0])
    cases = Journal.cases

    def slowly(journal, pid=0):
        now[0] += 3
        return cases(journal, pid)

    monkeypatch.setattr(Journal, "cases", slowly)
    doctor.all()
    segment.beat_at(1)
    now[0] += 25
    doctor.all()
    assert len(diagnoses) == 1
    now[0] += 10
    doctor.all()
    assert len(diagnoses) == 2


def test_a_diagnosis_that_fails_costs_the_page_its_findings_only(page, podcast, monkeypatch, caplog):
    """One sentence on the page, one traceback in the log, and the jobs are still there."""

    def broken(cases):
        raise LookupError(f"{len(cases)} cases too many")

    monkeypatch.setattr(examining, "diagnose", broken)
    with caplog.at_level(logging.WARNING, "loopscope"):
        answers = [page.get("findings"), page.get(f"jobs/{podcast}/findings")]
    for answer in answers:
        assert answer.status_code == 200
        assert "LookupError: 1 cases too many" in answer.json()["trouble"]
    assert len(caplog.records) == 1
    assert len(page.get("jobs").json()["jobs"]) == 1


def test_many_victims_are_counted_not_listed(tmp_path, dead_segment):
    """A finding stays readable whatever it hit."""
    permits, root = dead_segment.resource("semaphore", "tts", 12), next(ids)
    dead_segment.job("podcast", "9f3c", root, -20)
    for number in range(12):
        task = dead_segment.task(f"chunk-{number}", -19, None, line=31)
        dead_segment.hold(task, permits, -19, None)
        dead_segment.wait(task, "semaphore", -18, resource=permits, line=145)
    (finding,) = findings(Examining(tmp_path).all())["findings"]
    assert finding["victims"].endswith("chunk-7 and 4 more")


def test_a_process_whose_number_is_used_again_keeps_its_findings(tmp_path, deadlock):
    """In a container each start has the same one."""
    newer = Segment(tmp_path, pid=deadlock.pid, began=-1.0, ended=0.5)
    newer.close()
    older = next(one for one in Journal(tmp_path).processes() if one.id == deadlock.process)
    doctor = Examining(tmp_path)
    assert doctor.all().diagnosis.findings == ()
    assert [found.kind for found in doctor.of(older).diagnosis.findings] == ["semaphore_starvation"]
