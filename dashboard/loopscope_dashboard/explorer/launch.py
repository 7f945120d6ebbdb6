"""What the explorer was started with: the page and the routes run in one process and share it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopscope_dashboard.explorer.reading import Reading


@dataclass(frozen=True, slots=True)
class Launch:
    """``token`` is what the page hands to its components and the routes want to see."""

    reading: Reading
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


_current: Launch | None = None


def begin(launch: Launch) -> None:
    global _current
    _current = launch


def current() -> Launch:
    """Raises RuntimeError when the page runs without the command that starts it."""
    if _current is None:
        raise RuntimeError("the explorer was not started; run `loopscope dashboard [JOURNAL]`")
    return _current
