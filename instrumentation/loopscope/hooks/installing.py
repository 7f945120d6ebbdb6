"""All hooks: those of the standard library at once, those of a library when it is there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loopscope.hooks import (
    aiohttp_client,
    answers,
    anyio_streams,
    anyio_sync,
    anyio_tasks,
    anyio_threads,
    cancelling,
    children,
    closing,
    compiled,
    databases,
    executors,
    garbage,
    http_client,
    httpcore_pool,
    importing,
    leaving,
    lifecycle,
    loops,
    multiprocessing_pools,
    partners,
    phases,
    process_pools,
    services,
    shutdown,
    steps,
    sync,
    tasks,
    uvicorn,
    uvloop,
    waking,
    web,
)
from loopscope.recorder import recorder

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from loopscope.hooks.patching import Patches
    from loopscope.settings import Settings

GOODBYE = 100  # among multiprocessing's finalizers: early, while files are still open


def install(
    patches: Patches,
    settings: Settings,
    uninstrument: Callable[[], None],
    prepare_for_exit: Callable[[threading.Event], None],
) -> None:
    """All of them. `uninstrument` ends loopscope, and `prepare_for_exit` drains; see `leaving`."""
    for hook in (
        tasks,
        steps,
        sync,
        partners,
        cancelling,
        waking,
        process_pools,
        garbage,
        lifecycle,
        closing,
        shutdown,
        compiled,
        executors,
        loops,
    ):
        try:
            hook.install(patches, settings)
        except Exception:
            recorder.fault(f"install {hook.__name__}")
    _install_later(patches, settings, uninstrument, prepare_for_exit)


def _install_later(
    patches: Patches,
    settings: Settings,
    uninstrument: Callable[[], None],
    prepare_for_exit: Callable[[threading.Event], None],
) -> None:
    """Hooks of libraries, each when its library is there."""

    def when_there(*installs: Callable[[Patches, Settings], None]) -> Callable[[], None]:
        def install() -> None:
            for one in installs:
                one(patches, settings)

        return install

    importing.when_imported(
        patches,
        {
            "starlette.applications": when_there(web.install_applications),
            "starlette.routing": when_there(web.install_routing),
            "fastapi.routing": when_there(web.install_fastapi_routing),
            "starlette.background": when_there(web.install_background),
            "uvloop": when_there(uvloop.install),
            "os": lambda: leaving.install(patches, prepare_for_exit),
            "uvicorn.server": lambda: _hook_uvicorn(patches, settings, uninstrument),
            "aiohttp.web_runner": when_there(shutdown.install_aiohttp),
            "httpx": when_there(http_client.install),
            httpcore_pool.MODULE: when_there(httpcore_pool.install),
            aiohttp_client.CLIENT: when_there(aiohttp_client.install_client),
            aiohttp_client.CONNECTOR: when_there(aiohttp_client.install_connector, phases.install_connector),
            answers.RESPONSE: when_there(answers.install_response),
            phases.CONNECTION: when_there(phases.install_connection),
            answers.HTTP11: when_there(answers.install_http11),
            phases.BACKEND: when_there(phases.install_backend),
            phases.STREAM: when_there(phases.install_stream),
            anyio_tasks.BACKEND: when_there(anyio_tasks.install, anyio_sync.install, anyio_threads.install),
            anyio_streams.STREAMS: when_there(anyio_streams.install),
            **services.hooks(patches, settings, uninstrument),
            **databases.hooks(patches, settings),
            "multiprocessing.util": lambda: _say_goodbye_in_pool_workers(uninstrument),
            "multiprocessing.pool": when_there(multiprocessing_pools.install),
            "multiprocessing.process": when_there(children.install),
        },
    )


def _hook_uvicorn(patches: Patches, settings: Settings, uninstrument: Callable[[], None]) -> None:
    uvicorn.install(patches, uninstrument)
    shutdown.install_uvicorn(patches, settings)


def _say_goodbye_in_pool_workers(uninstrument: Callable[[], None]) -> None:
    """Children of multiprocessing leave through `os._exit`: its own finalizers run, atexit does not.

    It drops inherited finalizers when a child starts, hence the detour by its after-fork hooks.
    """
    util = sys.modules["multiprocessing.util"]
    util.register_after_fork(uninstrument, lambda goodbye: util.Finalize(None, goodbye, exitpriority=GOODBYE))
