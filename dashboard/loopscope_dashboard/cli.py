"""The command line: finds the subcommand, runs it, and turns what went wrong into one sentence."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from loopscope.exporter import ExporterError
from loopscope.settings import SettingsError
from loopscope_dashboard.commands import COMMANDS
from loopscope_dashboard.trouble import CommandError
from loopscope_exporters.journal.model import JournalError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Packages that come with an extra, and the extra.
EXTRAS = {
    "streamlit": "dashboard",
    "starlette": "dashboard",
    "uvicorn": "dashboard",
    "fastapi": "demo",
    "httpx": "demo",
}
USER_FAULT = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code of the command; 2 with a sentence on stderr for what the caller can put right."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    args = _parser(arguments).parse_args(arguments)
    command = importlib.import_module(f"loopscope_dashboard.commands.{args.command}")
    try:
        return int(command.main(args))
    except (CommandError, ExporterError, JournalError, SettingsError) as trouble:
        sentence = str(trouble)
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        sentence = (
            f"`loopscope {args.command}` needs the package {missing.name}, which is not installed; "
            f"pip install 'loopscope[{extra}]'"
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `loopscope jobs | head`: nobody reads on, and nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    print(f"loopscope: {sentence}", file=sys.stderr)
    return USER_FAULT


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """With the one command that is asked for; with all of them for help and for mistakes."""
    parser = argparse.ArgumentParser(
        prog="loopscope", description="What each job of an async Python service is doing."
    )
    parser.add_argument("--version", action="version", version=f"loopscope {version('loopscope')}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = arguments[0] if arguments else ""
    for name in (asked,) if asked in COMMANDS else COMMANDS:
        importlib.import_module(f"loopscope_dashboard.commands.{name}").add(subparsers)
    return parser
