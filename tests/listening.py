"""Waiting for a server that a test has started."""

import socket
import time

STARTS_WITHIN = 30.0


def await_listening(port: int, name: str) -> None:
    """Until it takes connections on 127.0.0.1; fails when it takes too long."""
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"{name} does not answer"
            time.sleep(0.05)
        else:
            return
