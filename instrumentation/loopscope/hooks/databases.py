"""Clients of databases, whose pools are hooked when they are imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopscope.hooks import asyncpg_pool, redis_pool, sqlalchemy_pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


def hooks(patches: Patches, settings: Settings) -> dict[str, Callable[[], None]]:
    """By module what to do once it is there."""
    return {
        asyncpg_pool.MODULE: lambda: asyncpg_pool.install(patches, settings),
        redis_pool.MODULE: lambda: redis_pool.install(patches, settings),
        sqlalchemy_pool.MODULE: lambda: sqlalchemy_pool.install(patches, settings),
    }
