"""Drives load where wrk is missing: ``driver.py URL CONNECTIONS SECONDS`` prints requests and seconds."""

from __future__ import annotations

import asyncio
import sys
import time
from urllib.parse import urlsplit

HEADERS_END = b"\r\n\r\n"
LENGTH = b"content-length: "


async def drive(url: str, connections: int, seconds: float) -> tuple[int, float]:
    """Answered requests over connections that are kept open, each asking as soon as it was answered."""
    parts = urlsplit(url)
    question = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    started = time.perf_counter()
    deadline = started + seconds

    async def ask() -> int:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        answered = 0
        while time.perf_counter() < deadline:
            writer.write(question)
            await _answer(reader)
            answered += 1
        writer.close()
        await writer.wait_closed()
        return answered

    counts = await asyncio.gather(*(ask() for _ in range(connections)))
    return sum(counts), time.perf_counter() - started


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(HEADERS_END)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the service answered {head.splitlines()[0]!r}; expected status 200")
    length = next(line for line in head.lower().splitlines() if line.startswith(LENGTH))
    await reader.readexactly(int(length.removeprefix(LENGTH)))


if __name__ == "__main__":
    requests, took = asyncio.run(drive(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    print(requests, took)
