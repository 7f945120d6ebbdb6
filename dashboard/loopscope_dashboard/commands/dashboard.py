"""`loopscope dashboard`: the explorer in a browser."""

from __future__ import annotations

import threading
import webbrowser
from typing import TYPE_CHECKING

from loopscope_dashboard import listening as sockets
from loopscope_dashboard.journal_path import journal_path
from loopscope_dashboard.trouble import CommandError
from loopscope_exporters.journal.reader import Journal

if TYPE_CHECKING:
    import argparse
    import socket
    from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HIGHEST_PORT = 65_535


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("dashboard", help="open the explorer: jobs and their timelines")
    parser.add_argument("journal", nargs="?", help="folder or segment (default: LOOPSCOPE_JOURNAL)")
    parser.add_argument("--port", type=int, default=8501, help="0 for any free one (default: 8501)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that browsers may use for this server; may be repeated",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def main(args: argparse.Namespace) -> int:
    path = journal_path(args.journal)
    if not args.journal:
        _make_folder(path)
    Journal(path)  # raises JournalError before anything is opened
    from loopscope_dashboard.explorer.app import build, serve  # noqa: PLC0415  heavy
    from loopscope_dashboard.explorer.launch import Launch  # noqa: PLC0415  likewise
    from loopscope_dashboard.explorer.reading import Reading  # noqa: PLC0415  likewise

    listening = listen(args.host, args.port)
    port = listening.getsockname()[1]
    address = f"http://{_browsable(args.host)}:{port}"
    app = build(Launch(Reading(path)), [*LOOPBACK, args.host, *args.allow_host])
    print(f"loopscope explorer on {path}: {address}", flush=True)
    if not args.no_browser:
        threading.Timer(1.0, webbrowser.open, [address]).start()
    with listening:
        serve(app, listening)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises CommandError when the address cannot be had."""
    if not 0 <= port <= HIGHEST_PORT:
        raise CommandError(f"--port is {port}; expected 0 to {HIGHEST_PORT}, 0 for any free port")
    try:
        return sockets.listen(host, port)
    except OSError as trouble:
        raise CommandError(
            f"cannot listen on {host} port {port}: {trouble.strerror or trouble}; "
            "choose another with --port, or --port 0 for any free one"
        ) from None


def _browsable(host: str) -> str:
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _make_folder(path: Path) -> None:
    """The default journal before any service wrote to it: an empty page that fills itself."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        return
    except OSError as trouble:
        raise CommandError(
            f"the journal's folder {path} cannot be made ({trouble.strerror}); "
            "name another on the command line or in LOOPSCOPE_JOURNAL"
        ) from None
