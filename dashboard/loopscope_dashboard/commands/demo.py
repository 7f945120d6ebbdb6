"""`loopscope demo`: a podcast service to look at, healthy or sick, with the explorer on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loopscope.settings import Settings
from loopscope_dashboard.journal_path import journal_path

if TYPE_CHECKING:
    import argparse


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("demo", help="run a podcast service, healthy or sick, and look at it")
    parser.add_argument("--sick", action="store_true", help="plant the failures of five real incidents")
    parser.add_argument("--seconds", type=float, help="end after so long (default: at Ctrl-C)")
    parser.add_argument("--headless", action="store_true", help="without the explorer")
    parser.add_argument("--port", type=int, default=0, help="of the service (default: any free one)")
    parser.add_argument("--dashboard-port", type=int, default=0, help="(default: 8501, or any free one)")
    parser.add_argument("--journal", help="folder to write to (default: LOOPSCOPE_JOURNAL)")


def main(args: argparse.Namespace) -> int:
    """0 when the demo ran to its end. ExporterError, SettingsError: what the service could not use."""
    from loopscope_dashboard.demo.runner import Options, run  # noqa: PLC0415  heavy
    from loopscope_exporters.journal import check_folder  # noqa: PLC0415  likewise

    Settings.read()  # a wrong variable is told here, not by the service
    journal = journal_path(args.journal)
    check_folder(journal)
    options = Options(
        journal=journal.absolute(),
        sick=args.sick,
        seconds=args.seconds,
        headless=args.headless,
        port=args.port,
        dashboard_port=args.dashboard_port,
    )
    asyncio.run(run(options))
    return 0
