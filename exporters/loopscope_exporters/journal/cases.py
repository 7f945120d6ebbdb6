"""Cases from a journal: what a process left on record, as the diagnosis saw or would have seen it live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopscope.diagnosis.case import Case
from loopscope.diagnosis.history import LAST, History
from loopscope_exporters.journal.case_records import Records
from loopscope_exporters.journal.case_rows import CaseRows, read_case_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loopscope_exporters.journal.model import ProcessInfo
    from loopscope_exporters.journal.source import Source

UNSEEN = 1_000_000_000  # ns that a process may have lived on after its last drain


def read_cases(source: Source, processes: Sequence[ProcessInfo]) -> list[Case]:
    """A case for each of these processes; each knows the others."""
    wanted = {process.id: process for process in processes}
    rows: dict[int, list[CaseRows]] = {id_: [] for id_ in wanted}
    parts = [part for part in source.parts if part.process.id in wanted]
    for part, found in source.each(lambda part, reading: read_case_rows(part, reading, LAST), among=parts):
        rows[part.process.id].append(found)
    alone = [_case(wanted[id_], found) for id_, found in rows.items() if found]
    return [replace(case, others=tuple(other for other in alone if other is not case)) for case in alone]


def family(asked: Sequence[ProcessInfo], processes: Sequence[ProcessInfo]) -> list[ProcessInfo]:
    """Of those that are asked for the ones that live, else the one that ended last; together with the
    parents and children that they saw, parents first.
    """
    living = [process for process in asked if not process.gone]
    chosen = {p.id: p for p in living or sorted(asked, key=lambda p: -p.now)[:1]}
    while more := [p for p in processes if p.id not in chosen and _related(p, chosen.values())]:
        chosen.update((process.id, process) for process in more)
    return sorted(chosen.values(), key=lambda process: process.started)


def _related(process: ProcessInfo, others: Iterable[ProcessInfo]) -> bool:
    """Parent or child, at a time when both were alive: numbers of processes are used again."""
    return any(
        process.host == other.host
        and (process.pid == other.parent_pid or process.parent_pid == other.pid)
        and process.started <= other.now + UNSEEN
        and other.started <= process.now + UNSEEN
        for other in others
    )


def _case(process: ProcessInfo, segments: list[CaseRows]) -> Case:
    """`segments` come newest first; what is open stands in the newest one."""
    records, history = Records(process), History()
    for rows in reversed(segments):
        records.learn(rows)
    for rows in reversed(segments):
        records.tally(rows, history)
        history.remember(records.ended(rows))
    newest = next((rows for rows in segments if rows.now), segments[0])
    return Case(
        snapshot=records.snapshot(newest),
        history=history,
        began=process.started,
        state=process.state,
    )
