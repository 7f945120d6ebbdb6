"""Names for resources: the variable a semaphore was assigned to says more than its address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope import places

if TYPE_CHECKING:
    from loopscope.records import Resource

_ASSIGNED = re.compile(r"^(?:[\w\[\]'\"]+\.)*(?P<name>[A-Za-z_]\w*)\s*(?::[^=]+)?=(?!=)")
_ENTERED = re.compile(r"\)\s*as\s+(?P<name>[A-Za-z_]\w*)")


def name_of(resource: Resource) -> str:
    """The variable assigned on the creation line, else kind, file and line. Reads files: off the loop."""
    if resource.name:
        return resource.name
    site = places.resolve(resource.site)
    if not site.line:
        return resource.kind
    text = places.source(site)
    found = _ASSIGNED.search(text) or _ENTERED.search(text)
    if found:
        return found["name"]
    return f"{resource.kind} at {Path(site.file).name}:{site.line}"
