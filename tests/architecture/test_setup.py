"""Set-up from nothing: what make does when, and what it says when it cannot."""

import os
import re
import shutil
import subprocess
import sys

import pytest

INSTALLATION = re.compile(r"tools/environment\.py \S+ (\S+)")


@pytest.fixture
def fresh_clone(repository, tmp_path):
    """What make needs of a clone; nothing is installed in it."""
    for name in ("Makefile", "pyproject.toml", "tools"):
        copy = shutil.copytree if (repository / name).is_dir() else shutil.copy
        copy(repository / name, tmp_path / name)
    return tmp_path


def planned(folder, target):
    """The installations that make would do for a target."""
    clean = {"PATH": os.environ["PATH"]}  # the make that runs these tests hands down its own settings
    command = ["make", "--dry-run", target, f"PYTHON={sys.executable}"]
    return INSTALLATION.findall(subprocess.check_output(command, cwd=folder, text=True, env=clean))


def installed(folder, extra):
    stamp = folder / ".venv" / f".installed-{extra}"
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()


def run_tool(repository, name, *arguments, path="", **variables):
    command = [sys.executable, repository / "tools" / name, *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PATH": str(path), **variables}
    )


def test_a_fresh_clone_installs_what_its_target_needs(fresh_clone):
    """The demo does without linters and test tools; the tests bring everything."""
    assert planned(fresh_clone, "demo") == ["demo"]
    assert planned(fresh_clone, "lint") == ["dev"]


def test_the_second_time_nothing_is_installed(fresh_clone):
    """What is there stays, without a network; what the tests need serves the demo."""
    installed(fresh_clone, "demo")
    installed(fresh_clone, "dev")
    assert planned(fresh_clone, "demo") == planned(fresh_clone, "lint") == []


@pytest.mark.parametrize("target", ["score", "incidents"])
def test_a_target_without_its_corpus_is_a_sentence(repository, tmp_path, target):
    """A clone may stand alone; that is no failure."""
    said = run_tool(repository, f"{target}.py", tmp_path / "nothing")
    assert said.returncode == 0
    assert f"there is no corpus of incidents in {tmp_path / 'nothing'}" in said.stdout
    assert f"make {target} INCIDENTS=" in said.stdout


def test_new_requirements_are_installed(fresh_clone):
    """A change of pyproject.toml is the one reason to install again."""
    installed(fresh_clone, "demo")
    later = (fresh_clone / ".venv" / ".installed-demo").stat().st_mtime + 10
    os.utime(fresh_clone / "pyproject.toml", (later, later))
    assert planned(fresh_clone, "demo") == ["demo"]


def test_missing_programs_are_named_and_fail_continuous_integration(repository, tmp_path):
    """One sentence with the programs and Debian's packages; on a developer's machine work goes on."""
    at_ci = run_tool(repository, "programs.py", path=tmp_path, CI="true")
    assert at_ci.returncode == 1
    names = "chromium, prometheus, promtool, amtool, redis-server, postgres, wrk, node, cc, python3-config"
    assert f"the tests need {names}:" in at_ci.stderr
    assert "chromium gcc nodejs postgresql prometheus prometheus-alertmanager" in at_ci.stderr
    assert "python3-dev redis-server wrk" in at_ci.stderr
    assert run_tool(repository, "programs.py", path=tmp_path).returncode == 0


def test_programs_that_are_there_are_not_mentioned(repository, tmp_path):
    """With everything on PATH there is nothing to say and nothing to install."""
    programs = ("google-chrome", "prometheus", "promtool", "amtool", "redis-server", "pg_ctlcluster")
    for program in (*programs, "wrk", "node", "cc", "python3-config"):
        (tmp_path / program).symlink_to(sys.executable)
    quiet = run_tool(repository, "programs.py", path=tmp_path, CI="true")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_python_that_is_too_old_is_told_so(repository, tmp_path):
    """The version that was found, the one that is needed, and how to name another."""
    program = "import environment; environment.OLDEST = (99, 1); print(environment.main('here', 'demo'))"
    said = subprocess.check_output(
        [sys.executable, "-c", program],
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(repository / "tools")},
    )
    assert "loopscope needs 99.1 or newer" in said
    assert "make PYTHON=python99.1" in said
    assert list(tmp_path.iterdir()) == []
