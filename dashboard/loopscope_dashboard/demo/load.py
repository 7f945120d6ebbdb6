"""The load: articles at a gentle pace, each followed until its podcast is ready."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

ARTICLE_EVERY = 1.0
LOOK_EVERY = 1.0
SENTENCES = (
    "The river had been silent for a long time, and nobody in the valley remembered its voice.",
    "A loop that never rests is no faster than one that knows when to wait.",
    "In the archive they found a map on which the town had another name.",
    "The choir rehearsed in the old pumping station because of its echo.",
    "Whoever holds the last permit should not ask for another one.",
    "By evening the fog had reached the second row of houses.",
    "The engineers listened to the recording twice and said nothing.",
    "It was the third winter in which the ferry did not come.",
)
TITLES = ("The river", "Slow news", "An archive", "Echoes", "The ferry", "Fog")


class Load:
    """Sends articles until it is cancelled. The same ``seed`` writes the same articles."""

    def __init__(self, service: httpx.AsyncClient, seed: int = 1) -> None:
        self._service = service
        self._random = random.Random(seed)  # noqa: S311  # articles, no secrets
        self.sent = 0

    async def run(self) -> None:
        """Raises httpx.HTTPError when the service is away or says no."""
        async with asyncio.TaskGroup() as listeners:
            while True:
                podcast_id = await self._send()
                listeners.create_task(self._follow(podcast_id), name=f"listener of {podcast_id}")
                await asyncio.sleep(ARTICLE_EVERY * self._random.uniform(0.5, 1.5))

    async def _send(self) -> str:
        article = {
            "title": self._random.choice(TITLES),
            "text": " ".join(self._random.choices(SENTENCES, k=self._random.randint(6, 24))),
        }
        response = await self._service.post("/webhook/create-podcast", json=article)
        response.raise_for_status()
        self.sent += 1
        return str(response.json()["id"])

    async def _follow(self, podcast_id: str) -> None:
        status = ""
        while status not in {"ready", "failed"}:
            await asyncio.sleep(LOOK_EVERY)
            response = await self._service.get(f"/podcasts/{podcast_id}")
            status = response.raise_for_status().json()["status"]
