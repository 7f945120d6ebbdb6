"""Runs every program of some files in one loop, says what loopscope finds, and leaves without a goodbye.

Some of the programs cannot be ended otherwise: two tasks that await one another cannot even be cancelled.
"""

import asyncio
import dataclasses
import json
import os
import runpy
import sys

import loopscope

DRAINED = 0.4  # s until all of it stands in the journal


async def run(programs, seconds, handle):
    tasks = [asyncio.create_task(program(), name=program.__name__) for program in programs]
    await asyncio.sleep(seconds)
    found = handle.diagnose()
    ended = [task for task in tasks if task.done()]
    await asyncio.sleep(DRAINED)
    assert ended == [], "programs that were to run on have ended"
    assert not handle.state.faults, handle.state.faults
    print(json.dumps([plain(finding) for finding in found]), flush=True)
    os._exit(0)


def plain(finding):
    values = {f.name: getattr(finding, f.name) for f in dataclasses.fields(finding)}
    place = values.pop("culprit")
    kept = ("kind", "severity", "code", "resource", "victims", "evidence", "explain", "fix")
    return {name: values[name] for name in kept} | {"file": place.file, "line": place.line}


if __name__ == "__main__":
    journal, seconds, *paths = sys.argv[1:]
    programs = [program for path in paths for program in runpy.run_path(path)["PROGRAMS"]]
    handle = loopscope.instrument(journal=journal, metrics_port=-1, spans="off")
    handle.exporter("journal")
    asyncio.run(run(programs, float(seconds), handle))
