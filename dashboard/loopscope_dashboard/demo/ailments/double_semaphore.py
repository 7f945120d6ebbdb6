"""Incident 2: a podcast that hangs for ever, without an exception and without one HTTP request.

Each chunk holds a permit until its sound is on disk, and meanwhile speaks, which takes another permit of
the same semaphore: three chunks hold all three and wait for a fourth. Cure: take it once, to send.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

import httpx

import loopscope

NAME = "sick-2-double-semaphore"
CHUNKS = 6
logger = logging.getLogger(__name__)


class CarefulSpeechClient:
    """At most three requests at a time, and at most three sounds in memory."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.slots = asyncio.Semaphore(3)

    async def speak(self, text: str) -> bytes:
        async with self.slots:
            response = await self._http.post("/v1/speech", json={"text": text})
            return response.content

    async def speak_to_disk(self, text: str, path: Path) -> None:
        async with self.slots:
            tidy = await asyncio.to_thread(text.strip)
            logger.warning("%s: speaking %s", NAME, path.name)
            await asyncio.to_thread(path.write_bytes, await self.speak(tidy))


async def speak_podcast(vendors: str) -> None:
    """Speak all chunks of one podcast at the same time."""
    with (
        loopscope.job(NAME, key="podcast that never speaks"),
        tempfile.TemporaryDirectory() as folder,
    ):
        async with httpx.AsyncClient(base_url=vendors, trust_env=False) as http:
            client = CarefulSpeechClient(http)
            await asyncio.gather(
                *(
                    client.speak_to_disk(" The river was silent. ", Path(folder, f"chunk-{number}"))
                    for number in range(CHUNKS)
                )
            )
