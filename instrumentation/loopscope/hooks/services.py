"""What gives a service its work: frameworks, servers, queue workers; and loky's pools; when imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loopscope.hooks import aiohttp_server, asgi, flask, process_pools, queue_workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings


def hooks(
    patches: Patches, settings: Settings, say_goodbye: Callable[[], None]
) -> dict[str, Callable[[], None]]:
    """By module what to do once it is there; some leave through `os._exit` and have to say goodbye before."""

    def of(install: Callable[[Patches, Settings], None]) -> Callable[[], None]:
        return lambda: install(patches, settings)

    return {
        "flask.app": of(flask.install),
        "quart.app": of(asgi.install_quart),
        "loky.process_executor": lambda: process_pools.install_on(
            patches, sys.modules["loky.process_executor"]
        ),
        "uvicorn.config": of(asgi.install_uvicorn),
        "hypercorn.app_wrappers": of(asgi.install_hypercorn),
        aiohttp_server.APPLICATION: of(aiohttp_server.install_application),
        aiohttp_server.ROUTES: of(aiohttp_server.install_routes),
        queue_workers.ARQ: of(queue_workers.install_arq),
        queue_workers.TASKIQ: of(queue_workers.install_taskiq),
        queue_workers.CELERY: lambda: queue_workers.install_celery(patches, say_goodbye),
        queue_workers.RQ_JOB: of(queue_workers.install_rq_job),
        queue_workers.RQ_WORKER: lambda: queue_workers.install_rq_worker(patches, say_goodbye),
    }
