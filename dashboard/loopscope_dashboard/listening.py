"""A listening socket whose answers leave at once."""

from __future__ import annotations

import contextlib
import socket

BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """Listen on a numeric address or name; port 0 is any free one. Raises OSError when it cannot be had.

    `socket.create_server` does not say that its sockets are TCP, and asyncio turns Nagle's delay off only for
    those that do; with the delay an answer in two parts takes 40 ms.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as undo:
        listening = undo.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        undo.pop_all()
    return listening
