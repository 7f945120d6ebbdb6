"""The readable segments of a journal, what is known of their processes, and how to go through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from loopscope_exporters.journal.model import JournalError
from loopscope_exporters.journal.segment_file import SegmentGone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopscope_exporters.journal.model import ProcessInfo
    from loopscope_exporters.journal.segment_file import Reading, SegmentFile

Found = TypeVar("Found")
FOREVER = 2**63 - 1


class Part(NamedTuple):
    """A segment, its process, and whether it is that process's newest: only there does open work count."""

    segment: SegmentFile
    process: ProcessInfo
    newest: bool

    @property
    def until(self) -> int:
        """Nothing in the segment is later than this."""
        return self.segment.head.sealed or FOREVER


class Source:
    """Segments, those that reach furthest first. What cannot be read is said in `problems` and left out."""

    def __init__(self, parts: list[tuple[SegmentFile, ProcessInfo, bool]], problems: list[str]) -> None:
        self.parts = sorted((Part(*part) for part in parts), key=lambda part: -part.until)
        self._problems = problems
        self.whole = True  # every segment could be read so far

    def __repr__(self) -> str:
        return f"<Source of {len(self.parts)} segments>"

    def each(
        self, read: Callable[[Part, Reading], Found], since: int = 0, among: list[Part] | None = None
    ) -> Iterator[tuple[Part, Found]]:
        """What `read` finds in each segment that reaches to `since`, one after the other; or just in some.

        Raises JournalError when none of the segments there are could be read.
        """
        failed = 0
        for part in list(self.parts) if among is None else among:
            if part.until < since:
                continue
            try:
                with part.segment.reading() as reading:
                    found = read(part, reading)
            except SegmentGone:
                self.parts.remove(part)
                self.whole = False
            except JournalError as problem:
                self.parts.remove(part)
                self._problems.append(str(problem))
                self.whole = False
                failed += 1
            else:
                yield part, found
        if failed and not self.parts:
            raise JournalError(self._problems[-1])
