"""The demo as a whole: vendors, service and explorer as child processes, the load from this one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopscope_dashboard.demo import report
from loopscope_dashboard.demo.children import DemoError, running
from loopscope_dashboard.demo.environment import SICK, VENDORS
from loopscope_dashboard.demo.explorer import explorer, show
from loopscope_dashboard.demo.ports import ANY, is_free
from loopscope_dashboard.demo.use import use

if TYPE_CHECKING:
    from pathlib import Path

    from loopscope_dashboard.demo.children import Child

PACKAGE = "loopscope_dashboard.demo"
STUCK_AFTER = 5.0  # the usual 30 s are long for somebody who watches
METRICS_PORT = 9464


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. A port of 0 is any free one; no ``seconds``: until Ctrl-C."""

    journal: Path
    sick: bool = False
    seconds: float | None = None
    headless: bool = False
    port: int = ANY
    dashboard_port: int = ANY


async def run(options: Options) -> None:
    """Run the demo to its end and print what was seen. Raises DemoError when a part of it fails."""
    stop = _stop_on_signals()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="loopscope-demo-"))
        service = await _start_service(stack, options, folder)
        addresses = report.Addresses(service.ready["address"], service.ready["metrics"], options.journal)
        if not options.headless:
            address = await stack.enter_async_context(explorer(options.journal, options.dashboard_port))
            addresses = addresses._replace(explorer=address)
            show(address)
        report.say_addresses(addresses)
        try:
            await use(service, stop, options.seconds, sick=options.sick)
        except DemoError as failure:
            await _leave_to_look(failure, addresses, stop, options.seconds)
            raise
        report.say_summary(options.journal, service.pid)
        report.say_addresses(addresses)


async def _leave_to_look(
    failure: DemoError, addresses: report.Addresses, stop: asyncio.Event, seconds: float | None
) -> None:
    """A service that died is what the explorer is for: it stays until Ctrl-C."""
    if not addresses.explorer:
        return
    report.say(f"{failure}; what was open is at {addresses.explorer}, Ctrl-C ends the demo")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _start_service(stack: AsyncExitStack, options: Options, folder: str) -> Child:
    """The vendors, then the service on them; both end, in turn, with the stack."""
    environment = {
        "TMPDIR": folder,  # what a killed service leaves goes with us
        "LOOPSCOPE_JOURNAL": str(options.journal),
        "LOOPSCOPE_SERVICE": "podcasts",
        "LOOPSCOPE_STUCK_AFTER": os.environ.get("LOOPSCOPE_STUCK_AFTER", str(STUCK_AFTER)),
        "LOOPSCOPE_METRICS_PORT": os.environ.get("LOOPSCOPE_METRICS_PORT") or _metrics_port(),
    }
    vendors = await stack.enter_async_context(
        running(f"{PACKAGE}.vendors", "--end-with-parent", environment=environment)
    )
    environment[VENDORS] = vendors.ready["address"]
    environment[SICK] = "1" if options.sick else ""
    return await stack.enter_async_context(
        running(
            f"{PACKAGE}.service",
            "--end-with-parent",
            f"--port={options.port}",
            environment=environment,
        )
    )


def _metrics_port() -> str:
    if is_free(METRICS_PORT):
        return str(METRICS_PORT)
    report.say(f"port {METRICS_PORT} is taken, so the metrics are served on another one")
    return str(ANY)
