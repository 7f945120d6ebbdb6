"""Resources of libraries: records of objects that take no attribute of ours, found by their address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopscope.recorder import recorder

if TYPE_CHECKING:
    from loopscope.records import Resource
    from loopscope.wait_table import Row

SWEEP_FROM = 1000  # entries; with more, those of objects that are gone are looked for now and then


class Owned:
    """The record of each such object, and the row that says how to read it.

    A record knows its owner by a weak reference only; an address that was reused is seen by it.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Resource, Row | None]] = {}
        self._sweep_at = SWEEP_FROM

    def __repr__(self) -> str:
        return f"<Owned: {len(self._known)} records>"

    def find(self, owner: Any) -> Resource | None:
        known = self._known.get(id(owner))
        if known is None:
            return None
        record = known[0]
        if record.ref is None or record.ref() is not owner or record.id not in recorder.resources:
            return None
        return record

    def make(self, owner: Any, kind: str, site: Any, capacity: int, row: Row | None = None) -> Resource:
        """Raises TypeError for an owner that takes no weak reference."""
        record = recorder.resource(kind, owner, site, capacity)
        self._known[id(owner)] = record, row
        if len(self._known) > self._sweep_at:
            self._sweep()
        return record

    def by_row(self, owner: Any, row: Row) -> Resource:
        """The record of an object that a row has found; a hook may have made it before."""
        known = self.find(owner)
        if known is not None:
            return known
        record = self.make(owner, row.kind, None, number_at(owner, row.capacity), row)
        record.name = f"{type(owner).__module__.partition('.')[0]} {type(owner).__qualname__}"
        return record

    def measure(self) -> None:
        """Bring capacity and use up to date of what no hook counts."""
        for record, row in list(self._known.values()):
            owner = record.ref() if record.ref is not None else None
            if owner is not None and row is not None:
                record.capacity = number_at(owner, row.capacity)
                record.in_use = number_at(owner, row.in_use)

    def clear(self) -> None:
        self._known.clear()

    def _sweep(self) -> None:
        known = self._known.copy()
        self._known = {key: entry for key, entry in known.items() if entry[0].id in recorder.resources}
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._known))


def number_at(owner: Any, path: str) -> int:
    """The number, or the length of the collection, at a path of attributes; 0 when unknown or unbounded."""
    value = owner
    for name in path.split(".") if path else ():
        value = getattr(value, name, None)
    if isinstance(value, int):
        return value if value < 2**31 else 0
    return len(value) if path and hasattr(value, "__len__") else 0


owned = Owned()
