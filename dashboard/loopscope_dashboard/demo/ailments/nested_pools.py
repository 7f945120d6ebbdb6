"""Incident 5: a calibration that stops after two of six voices.

Tasks wait for workers; a worker that measures a long voice opens a pool of its own and waits for its chunks;
those wait for the permit to compute, which the worker above them holds. Cure: one pool, fed from one place.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import loopscope
from loopscope_dashboard.demo.lifeline import end_with_parent

if TYPE_CHECKING:
    from multiprocessing.synchronize import Semaphore

NAME = "sick-5-nested-pools"
WORKERS = 2
CHUNK_SECONDS = 10
VOICES = {"jingle": 8, "bell": 5, "host": 40, "guest": 30, "narrator": 60, "choir": 20}
logger = logging.getLogger(__name__)


class Worker:
    """What a worker process of either pool knows: of the long voices, who has the permit computes."""

    permit: Semaphore


def prepare(permit: Semaphore) -> None:
    Worker.permit = permit
    end_with_parent()


async def calibrate(_vendors: str) -> None:
    """Measure the loudness of all voices."""
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        WORKERS,
        mp_context=spawn,
        initializer=prepare,
        initargs=(spawn.Semaphore(1),),
    )
    with loopscope.job(NAME, key="loudness of all voices"):
        await asyncio.gather(*(_calibrate(pool, *voice) for voice in VOICES.items()))
    pool.shutdown(wait=False)


async def _calibrate(pool: ProcessPoolExecutor, voice: str, seconds: int) -> float:
    loop = asyncio.get_running_loop()
    loudness = await loop.run_in_executor(pool, measure_voice, seconds)
    logger.warning("%s: %s is %.2f loud", NAME, voice, loudness)
    return loudness


def measure_voice(seconds: int) -> float:
    """Runs in a worker: a short voice at once, a long one in chunks."""
    if seconds < CHUNK_SECONDS:
        return _loudness(seconds)
    with Worker.permit:
        return _measure_chunks(seconds // CHUNK_SECONDS)


def _measure_chunks(count: int) -> float:
    with ProcessPoolExecutor(
        WORKERS,
        mp_context=multiprocessing.get_context("fork"),
        initializer=prepare,
        initargs=(Worker.permit,),
    ) as chunks:
        return sum(chunks.map(measure_chunk, [CHUNK_SECONDS] * count)) / count


def measure_chunk(seconds: int) -> float:
    """Runs in a worker of a worker."""
    with Worker.permit:
        return _loudness(seconds)


def _loudness(seconds: int) -> float:
    return sum(n % 7 for n in range(seconds * 8_000)) / (seconds * 8_000)
