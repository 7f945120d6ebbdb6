"""Which journal a command reads, and of which process."""

from __future__ import annotations

from pathlib import Path

from loopscope.settings import Settings
from loopscope_dashboard.trouble import CommandError


def journal_path(given: str | None) -> Path:
    """The named one, else the one that a service started in this environment would write."""
    path = given or Settings.read().journal
    if not given and path == "off":
        raise CommandError(
            "LOOPSCOPE_JOURNAL is off, so there is no journal to read; name its folder on the command line"
        )
    return Path(path).expanduser()


def whom(given: str | None) -> tuple[Path, int]:
    """The journal, and the process in it if a number was given that is no file's name."""
    if given and given.isdecimal() and not Path(given).exists():
        return journal_path(None), int(given)
    return journal_path(given), 0
