"""`loopscope run`: starts any Python program instrumented, without a change to it, child processes too."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import loopscope
from loopscope_dashboard.journal_path import journal_path
from loopscope_dashboard.trouble import CommandError
from loopscope_exporters.journal import check_folder

STARTUP = Path(loopscope.__file__).parent / "startup"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run a program under observation: loopscope run -- uvicorn app:app",
        usage="loopscope run [--journal DIR] -- COMMAND [ARG ...]",
    )
    parser.add_argument("--journal", metavar="DIR", help="its folder (default: LOOPSCOPE_JOURNAL)")
    parser.add_argument("argv", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Becomes the program (`exec`): process id, signals and exit code are its own."""
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    program = _program(argv)
    journal = str(Path(journal_path(args.journal)).absolute())
    check_folder(journal)
    inherited = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "LOOPSCOPE_JOURNAL": journal,
        "PYTHONPATH": os.pathsep.join([str(STARTUP), *([inherited] if inherited else [])]),
    }
    sys.stdout.flush()
    os.execve(program[0], program, environment)  # noqa: S606  # the user's own command, without a shell


def _program(argv: list[str]) -> list[str]:
    if not argv:
        raise CommandError(
            "there is no command to run; expected one after --, as in: loopscope run -- python app.py"
        )
    if argv[0].endswith(".py") and Path(argv[0]).is_file():
        return [sys.executable, *argv]
    found = shutil.which(argv[0])
    if found is None:
        raise CommandError(
            f"there is no program {argv[0]!r} on PATH or in this folder; "
            "check its name, or give its path: loopscope run -- ./program"
        )
    return [found, *argv[1:]]
