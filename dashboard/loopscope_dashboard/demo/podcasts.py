"""What the service does: an article is cut into chunks, spoken, encoded and written as one episode."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

import loopscope
from loopscope_dashboard.demo.encoding import encode

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from pathlib import Path

    from loopscope_dashboard.demo.speech import SpeechClient

CHUNK_CHARACTERS = 300
KEPT_EPISODES = 50


class PodcastEngine:
    """Turns articles into episodes and knows what became of each."""

    def __init__(self, speech: SpeechClient, encoders: ProcessPoolExecutor, folder: Path) -> None:
        self._speech = speech
        self._encoders = encoders
        self._folder = folder
        self._status: OrderedDict[str, str] = OrderedDict()

    def status(self, podcast_id: str) -> str | None:
        """The podcast's state: accepted, speaking, ready or failed; None if it is unknown or long gone."""
        return self._status.get(podcast_id)

    async def accept(self, podcast_id: str) -> None:
        """Take note of it, and forget the oldest."""
        self._status[podcast_id] = "accepted"
        while len(self._status) > KEPT_EPISODES:
            oldest = next(iter(self._status))
            del self._status[oldest]
            await asyncio.to_thread(self._episode(oldest).unlink, missing_ok=True)

    async def produce(self, podcast_id: str, text: str) -> None:
        """Make the episode. Runs in the background, after the webhook has answered."""
        with loopscope.job("podcast", key=podcast_id):
            self._status[podcast_id] = "speaking"
            try:
                parts = await self._produce_parts(podcast_id, text)
                await asyncio.to_thread(join, parts, self._episode(podcast_id))
            except Exception:
                self._status[podcast_id] = "failed"
                raise
            self._status[podcast_id] = "ready"

    async def _produce_parts(self, podcast_id: str, text: str) -> list[Path]:
        return await asyncio.gather(
            *(
                asyncio.create_task(
                    self._produce_part(self._folder / f"{podcast_id}-{number:03}.part", chunk),
                    name=f"part {number}",
                )
                for number, chunk in enumerate(chunked(text), start=1)
            )
        )

    async def _produce_part(self, path: Path, chunk: str) -> Path:
        sound = await self._speech.speak(chunk)
        loop = asyncio.get_running_loop()
        encoded = await loop.run_in_executor(self._encoders, encode, sound)
        await asyncio.to_thread(path.write_bytes, encoded)
        return path

    def _episode(self, podcast_id: str) -> Path:
        return self._folder / f"{podcast_id}.episode"


def chunked(text: str) -> list[str]:
    """The text in pieces of whole words, each at most `CHUNK_CHARACTERS` long unless one word is longer."""
    chunks = [""]
    for word in text.split():
        if chunks[-1] and len(chunks[-1]) + 1 + len(word) > CHUNK_CHARACTERS:
            chunks.append(word)
        else:
            chunks[-1] = f"{chunks[-1]} {word}".lstrip()
    return chunks


def join(parts: list[Path], episode: Path) -> None:
    """Write the parts one after another into the episode, and remove them."""
    with episode.open("wb") as output:
        for part in parts:
            output.write(part.read_bytes())
            part.unlink()
