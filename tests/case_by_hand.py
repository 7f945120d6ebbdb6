"""A case made by hand: tasks, waits and holds as a test wants them, on a clock of its own."""

from itertools import count

from loopscope.diagnosis.case import Case
from loopscope.diagnosis.history import History
from loopscope.records import Hold, Place, Process, Resource, Snapshot, Task, Wait

SECOND = 1_000_000_000
FILE = "/srv/podcast/engine.py"


class CaseByHand:
    """What is open is opened `age` seconds ago; `case` freezes it."""

    def __init__(self):
        self.now = 1_000 * SECOND
        self.history = History()
        self.jobs, self.tasks, self.waits, self.holds, self.resources = [], [], [], [], []
        self._ids = count(1)

    def place(self, line=1, function="work"):
        return Place(FILE, line, function)

    def ago(self, seconds):
        return self.now - round(seconds * SECOND)

    def task(self, coroutine="work", *, age=10.0, parent=0, line=20):
        created = self.ago(age)
        task = Task(next(self._ids), None, parent, coroutine, self.place(line), created, lambda: None)
        task.first_run = task.last_ran = created
        self.tasks.append(task)
        return task

    def resource(self, kind, capacity=0, name="thing"):
        resource = Resource(next(self._ids), kind, self.place(10), capacity, name)
        self.resources.append(resource)
        return resource

    def wait(self, task, kind, resource=None, *, age=5.0, line=30, **more):
        wait = Wait(task, kind, resource, self.place(line), self.ago(age), **more)
        self.waits.append(wait)
        return wait

    def hold(self, task, resource, *, age=6.0, line=40):
        hold = Hold(next(self._ids), task, resource, self.place(line), self.ago(age))
        self.holds.append(hold)
        return hold

    def case(self, seen=60.0):
        return Case(
            snapshot=Snapshot(
                at=self.now,
                process=Process(1, "podcasts", "host", 7, 1, 0, "CPython 3.13", "0.1.0"),
                jobs=tuple(self.jobs),
                tasks=tuple(self.tasks),
                waits=tuple(self.waits),
                holds=tuple(self.holds),
                items=(),
                blocks=(),
                resources=tuple(self.resources),
            ),
            history=self.history,
            began=self.ago(seen),
        )
