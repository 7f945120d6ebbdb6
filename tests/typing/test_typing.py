"""The public names are typed: what a user's type checker says about a user's code."""

import subprocess
import sys
from pathlib import Path

SERVICE = Path(__file__).with_name("service.py")


def test_a_users_service_passes_strict_type_checking(tmp_path):
    """Decorators keep signatures, handles and jobs are typed, and wrong calls are found."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", tmp_path, SERVICE]
    said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=110)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_same_service_runs():
    """The file is no fiction: its names exist at run time."""
    subprocess.run([sys.executable, "-W", "error", SERVICE], check=True)
