"""Sockets of the explorer and the demo."""

from __future__ import annotations

import asyncio
import socket

import pytest

from loopscope_dashboard.listening import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_are_not_held_back(host):
    """Asyncio turns Nagle's delay off for each connection it accepts."""

    async def serve_one():
        accepted = asyncio.get_running_loop().create_future()

        async def serve(_, writer):
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen(host, 0) as listening:
            async with await asyncio.start_server(serve, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
                try:
                    return await accepted
                finally:
                    writer.close()
                    await writer.wait_closed()

    assert asyncio.run(serve_one())


def test_a_taken_port_is_an_error_and_leaves_no_socket_open():
    """Warnings, that of a socket left open among them, are errors here."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            listen("127.0.0.1", port)
