"""`loopscope doctor` and `loopscope tree`: what they print of a journal, and how they say no."""

import json

import pytest

from loopscope_dashboard import cli

KEYS = [
    "kind",
    "severity",
    "confidence",
    "job",
    "victims",
    "resource",
    "culprit",
    "since",
    "evidence",
    "explain",
    "fix",
]


def asked(capsys, *arguments):
    assert cli.main([*arguments]) == 0
    return capsys.readouterr().out


def test_json_has_exactly_the_promised_keys(deadlock, tmp_path, capsys):
    """A list under `findings`; times in ISO 8601, the culprit an object."""
    (finding,) = json.loads(asked(capsys, "doctor", str(tmp_path), "--format", "json"))["findings"]
    assert list(finding) == KEYS
    assert (finding["kind"], finding["severity"]) == ("semaphore_starvation", "critical")
    assert finding["culprit"]["line"] == 145
    assert list(finding["culprit"]) == ["file", "function", "line", "code"]
    assert finding["job"] == "podcast 9f3c"
    assert finding["evidence"]["permits"] == 3
    assert finding["since"].endswith("Z")


def test_text_says_what_since_when_who_why_where_and_what_to_do(deadlock, tmp_path, capsys):
    """A headline and a sentence that a person understands."""
    text = asked(capsys, "doctor", str(tmp_path))
    assert text.startswith("CRITICAL  job podcast 9f3c: semaphore starvation (95% sure, since ")
    assert '3 tasks wait for semaphore "tts" (0 of 3 free) at engine.py:145 for 18 s' in text
    assert "hit: chunk-0, chunk-1, chunk-2" in text
    assert "do: Do not take the same semaphore" in text


def test_markdown_can_be_pasted_into_an_issue(deadlock, tmp_path, capsys):
    """Heading, sentence, table of evidence, remedy."""
    text = asked(capsys, "doctor", str(tmp_path), "--format", "markdown")
    assert text.startswith("### job podcast 9f3c: semaphore starvation")
    assert "| permits | 3 |" in text
    assert "**Do:** Do not" in text


def test_a_process_is_named_by_its_pid(deadlock, tmp_path, capsys, monkeypatch):
    """In the journal that a service started here would write."""
    monkeypatch.setenv("LOOPSCOPE_JOURNAL", str(tmp_path))
    assert "semaphore starvation" in asked(capsys, "doctor", str(deadlock.pid))
    assert cli.main(["doctor", "12"]) == 2
    assert "no process 12 has written to" in capsys.readouterr().err


def test_nothing_found_is_said(segment, tmp_path, capsys):
    """And is no error."""
    assert asked(capsys, "doctor", str(tmp_path)).startswith("nothing wrong was found in 1 process")
    said = json.loads(asked(capsys, "doctor", str(tmp_path), "--format", "json"))
    assert said == {"findings": [], "past": [], "jobs": []}


@pytest.fixture
def overcome(segment):
    """A process that lives and found two things wrong in itself, of which one is over."""
    common = {"confidence": 0.9, "evidence": '{"waited_for": 4.5}', "job": "podcast 9f3c", "fix": "Do less."}
    block = {"kind": "loop_blocked", "severity": "critical", "code": "time.sleep(4)", **common}
    block |= {"explain": "time.sleep kept the loop.", "victims": "speak\nlisten", "place": segment.place(31)}
    full = {"kind": "executor_saturated", "severity": "warning", "explain": "It was full.", **common}
    segment.insert("findings", at=segment.wall(-60), since=segment.wall(-70), **block)
    segment.insert("findings", at=segment.wall(-50), since=segment.wall(-80), **full)
    segment.insert("findings", at=segment.wall(-40), since=segment.wall(-70), over=1, **block)
    segment.insert("findings", at=segment.wall(-30), since=segment.wall(-30), **full | {"severity": "info"})
    return segment


def test_what_is_over_is_said_as_such(overcome, tmp_path, capsys):
    """Since when and until when, behind what is wrong now; an end that nobody saw is left out."""
    overcome.insert(
        "findings", at=overcome.wall(-20), since=overcome.wall(-80), kind="convoy", severity="warning",
        confidence=0.7, evidence="{}", explain="They queued.", fix="Hold it shorter.",
    )  # fmt: skip
    text = asked(capsys, "doctor", str(tmp_path))
    assert text.startswith("nothing wrong was found in 1 process")
    block, convoy = text.strip().split("\n\n")[1:]
    assert block.startswith("WAS  job podcast 9f3c: loop blocked (90% sure, since ")
    assert " until " in block.splitlines()[0]
    assert "time.sleep kept the loop." in block
    assert "hit: speak, listen" in block
    assert convoy.startswith("WAS  convoy (70% sure, since ")
    assert "until" not in convoy
    assert "### was: job podcast" in asked(capsys, "doctor", str(tmp_path), "--format", "markdown")


def test_what_is_over_is_a_list_of_its_own_in_json(overcome, tmp_path, capsys):
    """With the keys of a finding and its end, so that who counts findings counts what is wrong now."""
    said = json.loads(asked(capsys, "doctor", str(tmp_path), "--format", "json"))
    assert said["findings"] == []
    (past,) = said["past"]
    assert list(past) == [*KEYS, "until"]
    assert past["evidence"] == {"waited_for": 4.5}
    assert past["since"] < past["until"]


def test_what_lasts_is_not_said_twice(deadlock, tmp_path, capsys):
    """The process found it too, first as something else on the same line."""
    for kind in ("semaphore_starvation", "convoy"):
        deadlock.insert(
            "findings", at=deadlock.wall(-9), since=deadlock.wall(-18), kind=kind, severity="critical",
            confidence=0.9, evidence="{}", explain="They wait.", fix="Do not.", place=deadlock.place(145),
        )  # fmt: skip
    said = json.loads(asked(capsys, "doctor", str(tmp_path), "--format", "json"))
    assert [finding["kind"] for finding in said["findings"]] == ["semaphore_starvation"]
    assert said["past"] == []


def test_an_empty_journal_is_no_error(tmp_path, capsys):
    """A service that has not started yet."""
    assert "no process" in asked(capsys, "doctor", str(tmp_path))
    assert "no process" in asked(capsys, "tree", str(tmp_path))


def test_the_tree_shows_who_waits_for_whom(deadlock, tmp_path, capsys):
    """Tasks under those who wait for them, what each waits for, and who has it."""
    head, root, *children = asked(capsys, "tree", str(tmp_path)).splitlines()
    assert "died, 4 open tasks" in head
    assert root.startswith("produce [podcast 9f3c]: waits 19 s for tasks at engine.py:31")
    assert [child.split(" ")[1] for child in children] == ["chunk-0", "chunk-1", "chunk-2"]
    assert 'waits 18 s for semaphore "tts", held by chunk-0, chunk-1, chunk-2 at engine.py:145' in children[2]


def test_a_job_is_told_with_what_capped_it(podcast, tmp_path, capsys):
    """Concurrency wanted and had, the semaphore that made the difference, where the time went."""
    (job,) = json.loads(asked(capsys, "doctor", str(tmp_path), "--format", "json"))["jobs"]
    assert (job["job"], job["state"], job["seconds"]) == ("podcast ep-1041", "ok", 9.4)
    assert job["requested_concurrency"] == 14
    assert 2 < job["effective_concurrency"] < 6
    assert job["capped_by"] == "speech"
    assert sum(step["seconds"] for step in job["critical_path"]) <= 9.4
    text = asked(capsys, "doctor", str(tmp_path))
    assert "job podcast ep-1041: ok, 9.4 s" in text
    assert 'capped by semaphore "speech" (3)' in text
    assert "its time went into: " in text
