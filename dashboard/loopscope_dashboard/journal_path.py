"""Which journal a command reads when none is named."""

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
