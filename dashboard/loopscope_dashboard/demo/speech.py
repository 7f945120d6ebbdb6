"""The client of the speech vendor: at most so many requests at a time."""

from __future__ import annotations

import asyncio

import httpx


class SpeechClient:
    """Speaks text through the vendor at ``address``; ``parallel`` requests at a time, the others wait."""

    def __init__(self, address: str, parallel: int = 10) -> None:
        self._http = httpx.AsyncClient(base_url=address, timeout=30.0, trust_env=False)
        self._slots = asyncio.Semaphore(parallel)

    async def speak(self, text: str) -> bytes:
        """Mono 16-bit sound. Raises httpx.HTTPError when the vendor is away or says no."""
        async with self._slots:
            response = await self._http.post("/v1/speech", json={"text": text})
            response.raise_for_status()
            return response.content

    async def close(self) -> None:
        await self._http.aclose()
