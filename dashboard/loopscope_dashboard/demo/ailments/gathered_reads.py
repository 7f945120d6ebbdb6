"""Incident 3: covers are assessed with ``gather``, yet one after another.

Before its only await, each assessment reads its file and decodes the pixels, on the event loop. The
requests begin when the last decoding has ended. Cure: read in a thread, decode in a process pool.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

import httpx

import loopscope

NAME = "sick-3-gathered-reads"
COVERS = 4
SIDE = 1_000  # pixels
logger = logging.getLogger(__name__)


async def assess_covers(vendors: str) -> None:
    """Ask the critic about each cover."""
    with tempfile.TemporaryDirectory() as folder:
        covers = await asyncio.to_thread(_paint_covers, Path(folder))
        async with httpx.AsyncClient(base_url=vendors, trust_env=False, timeout=30) as http:
            with loopscope.job(NAME, key="covers of episode 3"):
                await asyncio.gather(*(_assess(http, cover) for cover in covers))


async def _assess(http: httpx.AsyncClient, cover: Path) -> int:
    brightness = _decode(cover)
    answer = await http.post("/v1/critic", json={"brightness": brightness})
    logger.warning("%s: %s assessed", NAME, cover.name)
    return int(answer.json()["stars"])


def _decode(cover: Path) -> float:
    """How bright the darkest corner of a picture is, seen through a lens that shades the border."""
    channels = iter(cover.read_bytes())
    darkest = 255.0
    for pixel, (red, green, blue) in enumerate(zip(channels, channels, channels, strict=True)):
        x, y = pixel % SIDE / SIDE - 0.5, pixel // SIDE / SIDE - 0.5
        darkest = min(darkest, (0.3 * red + 0.6 * green + 0.1 * blue) * (1 - x * x - y * y))
    return darkest


def _paint_covers(folder: Path) -> list[Path]:
    covers = [folder / f"cover-{number}.rgb" for number in range(COVERS)]
    for shade, cover in enumerate(covers):
        cover.write_bytes(bytes((shade, 120, 200)) * SIDE * SIDE)
    return covers
