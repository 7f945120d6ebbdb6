"""Names for resources: the variable a semaphore was assigned to says more than its address."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from loopscope import places

if TYPE_CHECKING:
    from loopscope.records import Place, Resource

_ASSIGNED = re.compile(r"^(?:[\w\[\]'\"]+\.)*(?P<name>[A-Za-z_]\w*)\s*(?::[^=]+)?=(?!=)")
_ENTERED = re.compile(r"\)\s*as\s+(?P<name>[A-Za-z_]\w*)")


def name_of(resource: Resource) -> str:
    """What a resource is called. Reads files: off the loop."""
    return resource.name or name_at(resource.kind, places.resolve(resource.site))


@lru_cache(maxsize=10_000)
def name_at(kind: str, site: Place) -> str:
    """The variable assigned on the creation line, else kind, file and line."""
    if not site.line:
        return kind
    text = places.source(site)
    found = _ASSIGNED.search(text) or _ENTERED.search(text)
    if found:
        return found["name"]
    return f"{kind} at {Path(site.file).name}:{site.line}"
