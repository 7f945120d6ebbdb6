"""Running ill and healthy programs side by side, and asking the process and its journal what is wrong."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from loopscope.diagnosis.engine import diagnose
from loopscope_exporters.journal import Journal
from programs import run

HERE = Path(__file__).parent
SECONDS = 3.0  # that the programs run


class Said(NamedTuple):
    """Findings about the same programs: of the living process, and from its journal when it is dead."""

    live: list
    journal: list


def observed(folder, *names, seconds=SECONDS):
    """Run all programs of files of that name in one process, which dies of it."""
    files = [HERE / f"{name}.py" for name in names]
    command = [sys.executable, HERE / "patients.py", folder, str(seconds), *files]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    live = [SimpleNamespace(**finding) for finding in json.loads(ran.stdout.splitlines()[-1])]
    return Said(live, [plain(finding) for finding in diagnose(Journal(folder).cases()).findings])


def plain(finding):
    return SimpleNamespace(
        kind=finding.kind,
        severity=finding.severity,
        file=finding.culprit.file,
        line=finding.culprit.line,
        code=finding.code,
        resource=finding.resource,
        victims=list(finding.victims),
        evidence=dict(finding.evidence),
        explain=finding.explain,
        fix=finding.fix,
    )


@pytest.fixture(scope="session")
def said_of_sick(tmp_path_factory):
    return observed(tmp_path_factory.mktemp("sick"), "sick_with_locks", "sick_with_partners")


@pytest.fixture(scope="session")
def said_of_healthy(tmp_path_factory):
    return observed(tmp_path_factory.mktemp("healthy"), "healthy")


@pytest.fixture(scope="session")
def said_of_remote_sick(tmp_path_factory):
    return observed(tmp_path_factory.mktemp("remote_sick"), "remote_sick", seconds=4)


@pytest.fixture(scope="session")
def said_of_remote_healthy(tmp_path_factory):
    return observed(tmp_path_factory.mktemp("remote_healthy"), "remote_healthy", seconds=4)


@pytest.fixture
def findings(request, tmp_path):
    """Run a program on top of its module's SERVICE, and give what is found in its journal."""

    def find(program):
        return run(tmp_path, request.module.SERVICE, program).findings()

    return find


@pytest.fixture
def line_of():
    """The text of the line that a finding blames."""

    def read(finding):
        return Path(finding.culprit.file).read_text().splitlines()[finding.culprit.line - 1].strip()

    return read
