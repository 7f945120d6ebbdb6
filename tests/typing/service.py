"""A service as a user writes it; `mypy --strict` must accept every line and need every ``type: ignore``."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

import structlog

import loopscope
from loopscope import Handle, Settings, SettingsError
from loopscope.records import Job, Snapshot
from loopscope.state import LiveState

structlog.configure(processors=[loopscope.processor, structlog.processors.JSONRenderer()])


@loopscope.job
async def encode(chunk: bytes, *, bitrate: int = 128) -> str:
    return f"{len(chunk)} at {bitrate}"


@loopscope.job("publish")
async def publish(title: str) -> int:
    return len(title)


@loopscope.job
def count(words: list[str]) -> int:
    return len(words)


@loopscope.job("clean", key="nightly")
def clean(*folders: str) -> bool:
    return bool(folders)


class Engine:
    @loopscope.job
    async def produce(self, podcast_id: int) -> list[str]:
        return [await encode(b"", bitrate=podcast_id)]


async def jobs_know_their_types() -> None:
    assert_type(await encode(b"chunk"), str)
    assert_type(await publish("news"), int)
    assert_type(count(["a"]), int)
    assert_type(clean("a", "b"), bool)
    assert_type(await Engine().produce(7), list[str])
    assert_type(await asyncio.create_task(spawnable()), float)
    with loopscope.job("podcast", key=7) as job:
        assert_type(job, Job)
        assert_type(job.id, int)
    async with loopscope.job("podcast") as job:
        assert_type(job.key, str)


async def spawnable() -> float:
    return 1.0


def handles_are_typed() -> None:
    handle = loopscope.instrument(service="podcasts", metrics_port=0)
    assert_type(handle, Handle)
    assert_type(handle.state, LiveState)
    assert_type(handle.settings, Settings)
    assert_type(loopscope.snapshot(), Snapshot)
    handle.close()
    loopscope.uninstrument()


def settings_are_typed(given: dict[str, Any]) -> Settings | None:
    try:
        return Settings.read(**given)
    except SettingsError:
        return None


async def mistakes_are_seen() -> None:
    await encode("chunk")  # type: ignore[arg-type]
    await encode(b"chunk", 128)  # type: ignore[call-arg]
    await publish(title=7)  # type: ignore[arg-type]
    count("words", 1)  # type: ignore[call-arg, arg-type]
    await Engine().produce("seven")  # type: ignore[arg-type]
    loopscope.job(7)  # type: ignore[call-overload]
