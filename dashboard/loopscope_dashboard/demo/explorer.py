"""The explorer beside the demo: ``loopscope dashboard`` as a child, and a browser if there is a display."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from loopscope_dashboard.demo.children import DemoError, running
from loopscope_dashboard.demo.ports import HOST, any_free, is_free

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from loopscope_dashboard.demo.children import Child

USUAL_PORT = 8501
ANSWERS_WITHIN = 60.0


@asynccontextmanager
async def explorer(journal: Path, port: int) -> AsyncIterator[str]:
    """The explorer's address while it runs; a ``port`` of 0 is the usual one, or any if that is taken."""
    port = port or (USUAL_PORT if is_free(USUAL_PORT) else any_free())
    async with running(
        "loopscope",
        "dashboard",
        str(journal),
        f"--port={port}",
        "--no-browser",
        environment={},
        says_ready=False,
    ) as child:
        await _answers(child, port)
        yield f"http://{HOST}:{port}"


async def _answers(child: Child, port: int) -> None:
    ended = asyncio.create_task(child.ended())
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            while not await _connects(port):
                if ended.done():
                    raise DemoError(
                        f"the explorer ended with exit code {ended.result()} before it answered; its reason "
                        "stands above, and --headless runs the demo without it"
                    )
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise DemoError(
            f"the explorer did not answer on port {port} within {ANSWERS_WITHIN:.0f} s; try another "
            "--dashboard-port, or --headless to run the demo without it"
        ) from None
    finally:
        ended.cancel()


async def _connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def show(address: str) -> None:
    """Open the address in a browser where there is a display to show it on."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
