"""The command line: what it prints, and how it says no."""

import json
import re
import socket
import sqlite3
import subprocess
import sys

import pytest

from loopscope_dashboard import cli
from loopscope_exporters.journal import layout

MAIN = "from loopscope_dashboard.cli import main; raise SystemExit(main())"


def said(capsys):
    """What stood on stderr: one sentence, never a traceback."""
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text.strip()


def test_jobs_as_json_has_plain_numbers_and_times(podcast, tmp_path, capsys):
    """Durations in seconds, the start in ISO 8601 and UTC, ids as text."""
    assert cli.main(["jobs", str(tmp_path), "--format", "json"]) == 0
    [job] = json.loads(capsys.readouterr().out)["jobs"]
    assert job["id"] == str(podcast)
    assert (job["name"], job["key"], job["state"], job["tasks"]) == ("podcast", "ep-1041", "ok", 15)
    assert job["duration"] == pytest.approx(9.4)
    assert job["blocked"] == pytest.approx(3.0)
    assert job["parallelism"] > 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["started"])


def test_jobs_as_text_is_an_aligned_table(podcast, lost_podcast, tmp_path, capsys):
    """Newest first, every column at its place, durations for people."""
    assert cli.main(["jobs", str(tmp_path)]) == 0
    head, lost, done = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "STATE",
        "NAME",
        "KEY",
        "STARTED",
        "DURATION",
        "TASKS",
        "PARALLEL",
        "BLOCKED",
        "WAITED",
    ]
    assert lost.startswith("lost ")
    assert done.startswith("ok ")
    assert head.index("KEY") == lost.index("ep-1042") == done.index("ep-1041")
    assert "9.4 s" in done


def test_jobs_reads_the_journal_of_the_environment(podcast, tmp_path, capsys, monkeypatch):
    """Without an argument it is the one a service started here would write."""
    monkeypatch.setenv("LOOPSCOPE_JOURNAL", str(tmp_path))
    assert cli.main(["jobs", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["jobs"]) == 1


def test_an_empty_journal_has_no_jobs_and_is_no_error(tmp_path, capsys):
    """A service that has done nothing yet."""
    assert cli.main(["jobs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"no jobs in {tmp_path} yet\n"


def test_jobs_starts_without_a_web_framework(podcast, tmp_path):
    """Listing jobs works where only the base package is installed, and at once."""
    code = (
        "import sys; from loopscope_dashboard.cli import main; main(['jobs', sys.argv[1]]);"
        "assert not {'streamlit', 'uvicorn', 'fastapi', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("command", ["jobs", "dashboard"])
def test_a_journal_that_is_missing_is_a_sentence(command, tmp_path, capsys):
    """What was looked for, and where journals come from."""
    assert cli.main([command, str(tmp_path / "nowhere")]) == 2
    assert f"there is no journal at {tmp_path / 'nowhere'}" in said(capsys)


@pytest.mark.parametrize("command", ["jobs", "dashboard"])
def test_a_file_that_is_no_journal_is_a_sentence(command, tmp_path, capsys):
    """A text file was named by mistake."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 1000)
    assert cli.main([command, str(path)]) == 2
    assert "is not a journal segment" in said(capsys)


@pytest.mark.parametrize("command", ["jobs", "dashboard"])
def test_a_journal_from_the_future_is_a_sentence(command, segment, tmp_path, capsys):
    """Both versions, and the way out."""
    with sqlite3.connect(segment.path) as db:
        db.execute("UPDATE process SET schema = ?", [layout.SCHEMA_VERSION + 1])
    db.close()
    assert cli.main([command, str(tmp_path)]) == 2
    assert "upgrade loopscope" in said(capsys)


def test_a_damaged_segment_does_not_hide_the_good_ones(podcast, tmp_path, capsys):
    """The jobs that can be read are listed, the trouble stands on stderr."""
    (tmp_path / "other-1-2-3.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    assert cli.main(["jobs", str(tmp_path), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["jobs"]) == 1
    assert "other-1-2-3.db" in err


def test_a_journal_that_is_off_is_a_sentence(capsys, monkeypatch):
    """Nothing was recorded in this environment, so something has to be named."""
    monkeypatch.setenv("LOOPSCOPE_JOURNAL", "off")
    assert cli.main(["jobs"]) == 2
    assert "LOOPSCOPE_JOURNAL is off" in said(capsys)


def test_a_setting_that_cannot_be_read_is_a_sentence(capsys, monkeypatch):
    """The variable, its value and what was expected."""
    monkeypatch.setenv("LOOPSCOPE_METRICS_PORT", "many")
    assert cli.main(["jobs"]) == 2
    assert "LOOPSCOPE_METRICS_PORT is 'many'" in said(capsys)


def test_a_taken_port_is_a_sentence(tmp_path, capsys):
    """Which address, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["dashboard", str(tmp_path), "--port", str(port)]) == 2
    sentence = said(capsys)
    assert f"cannot listen on 127.0.0.1 port {port}" in sentence
    assert "--port" in sentence


def test_a_port_that_does_not_exist_is_a_sentence(tmp_path, capsys):
    """Ports end at 65535."""
    assert cli.main(["dashboard", str(tmp_path), "--port", "70000"]) == 2
    assert "expected 0 to 65535" in said(capsys)


def test_a_missing_extra_names_the_command_that_installs_it(tmp_path, capsys, monkeypatch):
    """The base package alone has no dashboard."""
    monkeypatch.setitem(sys.modules, "streamlit", None)
    monkeypatch.delitem(sys.modules, "loopscope_dashboard.explorer.app", raising=False)
    assert cli.main(["dashboard", str(tmp_path), "--port", "0"]) == 2
    assert "pip install 'loopscope[dashboard]'" in said(capsys)


def test_a_reader_that_stops_early_is_no_error(segment, tmp_path):
    """`loopscope jobs | head` ends without a traceback."""
    for number in range(3000):
        segment.job("podcast", f"ep-{number}", 0, -5, -1)
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "jobs", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
