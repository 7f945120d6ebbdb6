"""Records to rows of one segment: times become wall time, places and resources become ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loopscope.places import resolve
from loopscope.records import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopscope.clock import Anchor
    from loopscope.records import (
        Block,
        Fault,
        Finding,
        Hold,
        Job,
        Partner,
        RawPlace,
        Resource,
        Slice,
        Task,
        Wait,
        WorkItem,
    )
    from loopscope.usage import Hotspot, Lag, LoopUse, Sample, Spin

Row = tuple[Any, ...]


class Rows:
    """Makes the rows of one segment, in the order of its columns; 0 stays 0 in times and references.

    Places and resources that rows mention for the first time collect in `new_places` and `new_resources`,
    to be written in the same transaction.
    """

    def __init__(self, anchor: Anchor) -> None:
        self._shift = anchor.wall - anchor.monotonic  # of every time; inline, since rows are many
        self._places: dict[Place, int] = {}
        self._resources: dict[int, tuple[str, int]] = {}
        self.new_places: list[Row] = []
        self.new_resources: list[Row] = []

    def _place(self, raw: Place | RawPlace | None) -> int:
        place = raw if raw.__class__ is Place else resolve(raw)  # most are, and there are many
        known = self._places.get(place)
        if known is not None:
            return known
        if not place.file:
            return 0
        known = self._places[place] = len(self._places) + 1
        self.new_places.append((known, *place))
        return known

    def _resource(self, resource: Resource | None) -> int:
        """The id; what is known of it is written when it is new, and again when a name was found for it."""
        if resource is None:
            return 0
        facts = resource.name, resource.capacity
        if self._resources.get(resource.id) != facts:
            self._resources[resource.id] = facts
            site = self._place(resource.site)
            self.new_resources.append((resource.id, resource.kind, *facts, site, resource.workers))
        return resource.id

    def job(self, job: Job, *, stuck: bool = False) -> Row:
        shift = self._shift
        return (
            job.id,
            job.name,
            job.key,
            job.kind,
            job.parent,
            job.root_task,
            self._place(job.site),
            job.started + shift,
            job.ended and job.ended + shift,
            job.outcome,
            job.exception,
            job.progress and job.progress + shift,
            job.thinned,
            int(stuck),
        )

    def task(self, task: Task) -> Row:
        shift = self._shift
        return (
            task.id,
            _id_of(task.job),
            task.parent,
            task.name,
            task.coroutine,
            self._place(task.site),
            task.created + shift,
            task.first_run and task.first_run + shift,
            task.ended and task.ended + shift,
            task.last_ran and task.last_ran + shift,
            task.running,
            task.steps,
            task.outcome,
            task.exception,
            self._place(task.raised_at),
            task.cancelled[0] if task.cancelled is not None else 0,
            self._place(task.cancelled[1]) if task.cancelled is not None else 0,
        )

    def wait(self, wait: Wait) -> Row:
        shift = self._shift
        return (
            wait.task.id,
            _id_of(wait.job),
            wait.kind,
            self._resource(wait.resource),
            self._place(wait.site),
            wait.detail,
            wait.started + shift,
            wait.ended and wait.ended + shift,
            wait.outcome,
            " ".join(map(str, wait.held_by)),
            " ".join(map(str, wait.awaits)),
            wait.until + shift if wait.until > 0 else wait.until,
            0 if isinstance(wait.repeated, list) else self._place(wait.repeated),  # began since the words
        )

    def hold(self, hold: Hold) -> Row:
        shift = self._shift
        task = hold.task
        return (
            hold.id,
            _id_of(task),
            _id_of(task.job) if task is not None else 0,
            self._resource(hold.resource),
            self._place(hold.site),
            hold.acquired + shift,
            hold.released and hold.released + shift,
        )

    def item(self, item: WorkItem) -> Row:
        shift = self._shift
        return (
            item.id,
            item.task,
            _id_of(item.job),
            self._resource(item.executor),
            item.function,
            self._place(item.site),
            item.submitted + shift,
            item.started and item.started + shift,
            item.ended and item.ended + shift,
            item.outcome,
            item.exception,
            item.worker,
            item.depth,
            item.outer,
            self._place(item.standing),
            item.waits_for,
            item.awaits,
            item.process,
        )

    def slice(self, step: Slice) -> Row:
        shift = self._shift
        return step.task.id, _id_of(step.task.job), step.started + shift, step.ended + shift

    def block(self, block: Block) -> Row:
        shift = self._shift
        task = block.task
        return (
            block.id,
            block.thread,
            _id_of(task),
            _id_of(block.job),
            block.started + shift,
            block.ended and block.ended + shift,
            block.cause,
            block.cpu,
            *block.culprit,
            block.call,
            "\n".join(map(str, block.stack)),
            block.waits_for,
            block.holder,
            block.queued,
        )

    def fault(self, fault: Fault) -> Row:
        shift = self._shift
        return (
            fault.id,
            fault.kind,
            fault.at + shift,
            fault.ended and fault.ended + shift,
            _id_of(fault.task),
            _id_of(fault.job),
            self._resource(fault.resource),
            fault.subject,
            self._place(fault.site),
            self._place(fault.place),
            fault.by,
            fault.exception,
            fault.detail,
            fault.times,
        )

    def level(self, resource: Resource) -> Row:
        id_ = self._resource(resource)
        return id_, resource.in_use, resource.waiting, resource.unfinished, resource.handed

    def partner(self, resource: Resource, partner: Partner) -> Row:
        return (
            self._resource(resource),
            partner.task.id,
            partner.role,
            self._place(partner.site),
            partner.count,
            partner.last + self._shift,
            self._place(partner.caller),
        )

    def finding(self, finding: Finding, at: int, *, over: bool = False) -> Row:
        return (
            at + self._shift,
            int(over),
            finding.kind,
            finding.severity,
            finding.confidence,
            finding.job,
            "\n".join(finding.victims),
            finding.resource,
            self._place(finding.culprit),
            finding.code,
            finding.since,
            json.dumps(dict(finding.evidence)),
            finding.explain,
            finding.fix,
        )

    def lag(self, lag: Lag) -> Row:
        return lag.thread, lag.started + self._shift, lag.ended + self._shift

    def loop_use(self, use: LoopUse) -> Row:
        return (
            use.at + self._shift,
            use.span,
            use.thread,
            use.busy,
            use.iterations,
            use.overslept,
            use.queued,
        )

    def hotspot(self, spot: Hotspot) -> Row:
        return (
            spot.at + self._shift,
            spot.span,
            spot.thread,
            spot.role,
            self._place(spot.place),
            spot.looks,
            spot.of,
            spot.cpu,
            spot.item,
        )

    def spin(self, spin: Spin) -> Row:
        return (
            spin.at + self._shift,
            spin.span,
            spin.task.id,
            _id_of(spin.task.job),
            self._place(spin.place),
            spin.steps,
            spin.running,
        )

    def sample(self, sample: Sample) -> Row:
        return (
            sample.at + self._shift,
            sample.cpu,
            sample.memory,
            sample.threads,
            sample.files,
            sample.own_cpu,
            sample.lag,
        )


def _id_of(record: Job | Task | None) -> int:
    return record.id if record is not None else 0


# What ends, by its table, which is also its field in a batch.
ENDED: dict[str, Callable[[Rows, Any], Row]] = {
    "jobs": Rows.job,
    "tasks": Rows.task,
    "waits": Rows.wait,
    "holds": Rows.hold,
    "items": Rows.item,
    "slices": Rows.slice,
    "blocks": Rows.block,
    "faults": Rows.fault,
    "samples": Rows.sample,
    "lags": Rows.lag,
    "loop_uses": Rows.loop_use,
    "hotspots": Rows.hotspot,
    "spins": Rows.spin,
}
