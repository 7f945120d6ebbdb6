"""Incident 1: pictures are drawn in parallel, but a synchronous upload hides in a helper.

Every upload holds the event loop until the image host has answered: the pictures go up one after another,
and each podcast of the service stands still meanwhile. Cure: an async client, or ``asyncio.to_thread``.
"""

from __future__ import annotations

import asyncio
import logging

import httpx

import loopscope

NAME = "sick-1-blocking-upload"
PICTURES = ("cover", "banner", "thumbnail")
logger = logging.getLogger(__name__)


class ImageHost:
    """Keeps pictures. A synchronous client, made long ago for a script."""

    def __init__(self, address: str) -> None:
        self._address = address

    def upload(self, title: str, picture: bytes) -> int:
        response = httpx.post(f"{self._address}/v1/images", content=picture, timeout=30, trust_env=False)
        logger.warning("%s: uploaded %s", NAME, title)
        return int(response.json()["bytes"])


async def illustrate(vendors: str) -> None:
    """Draw and upload the pictures of one episode."""
    host = ImageHost(vendors)
    with loopscope.job(NAME, key="pictures of episode 1"):
        await asyncio.gather(*(_draw(host, title) for title in PICTURES))


async def _draw(host: ImageHost, title: str) -> int:
    await asyncio.sleep(0.3)  # the image model works
    return _publish(host, title, bytes(50_000))


def _publish(host: ImageHost, title: str, picture: bytes) -> int:
    return host.upload(title, picture)
