"""Numbers and moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from loopscope.clock import SECOND

_SMALL = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


def duration(seconds: float) -> str:
    """1.2345 → "1.23 s"; from a minute on two units: "2 min 05 s"."""
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400} d {whole % 86_400 // 3600:02} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02} s"
    if seconds <= 0:
        return "0 s"
    unit, size = next(((u, s) for u, s in _SMALL if seconds >= s), _SMALL[-1])
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def span(nanoseconds: int) -> str:
    return duration(nanoseconds / SECOND)


def moment(wall: int) -> str:
    """Wall time in ns as ISO 8601 in UTC, to the millisecond; empty for "not yet"."""
    if not wall:
        return ""
    text = datetime.fromtimestamp(wall / SECOND, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def clock(wall: int) -> str:
    """Wall time in ns as the local time of day."""
    return datetime.fromtimestamp(wall / SECOND, tz=UTC).astimezone().strftime("%H:%M:%S")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
