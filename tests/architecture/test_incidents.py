"""`make incidents` tells programs that observation changed from those that never did what is expected."""

import json
import subprocess
import sys

import pytest

JUDGE = """\
import json

def meets(value, wanted):
    return value == wanted

def last_json(text):
    return json.loads(text) if text else None
"""
LOOP = """\
import asyncio, json, sys

async def main():
    made_by = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    print(json.dumps({"loop": made_by, "observed": "loopscope" in sys.modules}))

asyncio.run(main())
"""


@pytest.fixture
def incidents(repository, tmp_path):
    """Runs the tool over a corpus of programs that say which loop they have and whether they are observed."""
    (tmp_path / "score.py").write_text(JUDGE)

    def run(expected, *options):
        for name, expect in expected.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "app.py").write_text(LOOP)
            (tmp_path / name / "truth.json").write_text(json.dumps({"expect": expect}))
        command = [sys.executable, repository / "tools" / "incidents.py", tmp_path, *options]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    return run


def test_a_program_that_observation_changes_is_a_failure(incidents):
    """It is named with what it printed instead of what is expected."""
    said = incidents({"same": {"loop": "asyncio"}, "other": {"observed": False}}, "--tries", "1")
    assert said.returncode == 1
    assert "other" in said.stdout
    assert "changed: {'observed': True}" in said.stdout
    assert said.stdout.endswith("1 of 2 as expected\n")


def test_programs_run_on_uvloop_without_a_change_to_them(incidents):
    """One that does not do there what is expected, observed or not, does not allow it: no failure."""
    expected = {"anywhere": {"loop": "uvloop"}, "here only": {"loop": "asyncio"}}
    said = incidents(expected, "--uvloop", "--tries", "1")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "does not allow uvloop: {'loop': 'uvloop'}" in said.stdout
    assert said.stdout.endswith("1 of 1 as expected, 1 do not allow uvloop\n")
