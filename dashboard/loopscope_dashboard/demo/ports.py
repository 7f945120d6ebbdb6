"""Ports on 127.0.0.1: the usual one where it is free."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"
ANY = 0


def is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def any_free() -> int:
    """A port that was free a moment ago, for programs that have to be told one."""
    with socket.create_server((HOST, ANY)) as listening:
        return int(listening.getsockname()[1])
