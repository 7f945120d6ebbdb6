"""Child processes of the demo: started, awaited until they are ready, ended by pid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from loopscope_dashboard.trouble import CommandError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

READY_WITHIN = 60.0
ENDS_WITHIN = 8.0


class DemoError(CommandError):
    """The demo cannot go on; the text says what was found, what was expected and what to do."""


class Child:
    """A running module. ``ready`` is what it said on its first line."""

    def __init__(self, module: str, process: Process, ready: dict[str, str]) -> None:
        self.module = module
        self.pid = process.pid
        self.ready = ready
        self._process = process

    def __repr__(self) -> str:
        return f"<Child {self.module}, pid {self.pid}>"

    async def ended(self) -> int:
        """The exit code, as soon as there is one."""
        return await self._process.wait()


@asynccontextmanager
async def running(
    module: str, *arguments: str, environment: Mapping[str, str], says_ready: bool = True
) -> AsyncIterator[Child]:
    """``python -m module`` for the length of the block.

    In a session of its own: Ctrl-C reaches only the demo, which ends its children in order. Raises DemoError
    when the module ends, or says nothing, before it is ready.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=DEVNULL,
        stdout=PIPE if says_ready else DEVNULL,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        ready = await _first_line(module, process) if says_ready else {}
        yield Child(module, process, ready)
    finally:
        await _end(process)


async def _first_line(module: str, process: Process) -> dict[str, str]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_WITHIN):
            line = await process.stdout.readline()
    except TimeoutError:
        raise DemoError(
            f"{module} said nothing within {READY_WITHIN:.0f} s; run `python -m {module}` to see why"
        ) from None
    if not line:
        raise DemoError(f"{module} ended before it was ready; its reason stands above")
    ready: dict[str, str] = json.loads(line)
    return ready


async def _end(process: Process) -> None:
    """Politely first: SIGTERM, and SIGKILL if that does not help."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
