"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from listening import await_listening

if TYPE_CHECKING:
    from collections.abc import Iterator

DEBIAN = Path("/usr/lib/postgresql")  # its programs are not on PATH
SERVICE = "postgres"  # the server refuses to run as root: then it is this user's


@contextmanager
def postgres_server() -> Iterator[str]:
    """Its URL. Without the programs the test fails, for a skipped test proves nothing."""
    user = SERVICE if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if user is not None:
            shutil.chown(folder, user)
        _run("initdb", "--pgdata", folder, "--auth=trust", f"--username={SERVICE}", "--no-sync", user=user)
        listener.close()
        options = ("-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F")
        command = [_program("postgres"), "-D", folder, *options]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, user=user, cwd=folder, **quiet) as process:
            try:
                await_listening(port, "postgres")
                yield f"postgresql://{SERVICE}@127.0.0.1:{port}/postgres"
            finally:
                process.terminate()


def _run(name: str, *arguments: str, user: str | None) -> None:
    command = [_program(name), *arguments]
    home = pwd.getpwnam(user).pw_dir if user is not None else None
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=user, cwd=home)


def _program(name: str) -> str:
    found = shutil.which(name) or next(map(str, sorted(DEBIAN.glob(f"*/bin/{name}"), reverse=True)), None)
    if found is None:
        pytest.fail(
            f"{name} was not found on PATH or in {DEBIAN}; install it with: apt-get install postgresql"
        )
    return found
