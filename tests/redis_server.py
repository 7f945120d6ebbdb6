"""A real Redis for tests: on a free port of 127.0.0.1, keeping nothing, ended by pid."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from listening import await_listening

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def redis_server() -> Iterator[str]:
    """Its URL. Without the program the test fails, for a skipped test proves nothing."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.fail("redis-server was not found on PATH; install it with: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            await_listening(port, "redis-server")
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()
