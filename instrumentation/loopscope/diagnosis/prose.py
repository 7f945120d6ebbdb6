"""Numbers and names as the sentences of findings say them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loopscope.places import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopscope.records import Place, RawPlace, Resource

SAID = 3  # names said before "and so many more"


def seconds(value: float) -> str:
    """0.0123 → "12 ms", 4.2 → "4.2 s", 93 → "93 s"; from ten minutes on in minutes."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 600:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def where(noted: Place | RawPlace) -> str:
    """File and line, short: the finding's culprit has the whole path."""
    place = resolve(noted)
    return f"{Path(place.file).name}:{place.line}" if place.line else "an unknown line"


def these(names: Sequence[str]) -> str:
    """A few names, and how many more."""
    if len(names) <= SAID:
        return ", ".join(names)
    return f"{', '.join(names[:SAID])} and {len(names) - SAID} more"


def resource(record: Resource | None) -> str:
    """What a resource is and how it is called."""
    if record is None:
        return "something unnamed"
    if not record.name or record.name.startswith(record.kind):
        return record.name or record.kind
    return f'{record.kind} "{record.name}"'
