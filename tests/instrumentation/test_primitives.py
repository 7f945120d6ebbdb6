"""The making of asyncio's primitives, and who signals: by compiled hooks and by those in Python alike."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from loopscope import places
from loopscope.hooks import holding
from loopscope.hooks.holding import PARTNERS
from loopscope.recorder import recorder


class Gate(asyncio.Semaphore):
    """A program's own, made in its own way."""

    def __init__(self, permits):
        super().__init__(value=permits)  # own


def test_a_primitive_knows_where_it_was_made(under_load, line_of):
    """The innermost line of the user's; a semaphore knows its permits, too."""
    made = [
        asyncio.Event(),  # event
        asyncio.Semaphore(value=3),  # keyword
        asyncio.BoundedSemaphore(2),  # bounded
        Gate(4),
    ]
    sites = [places.resolve(primitive._loopscope_site) for primitive in made]
    assert [site.line for site in sites] == [line_of(mark) for mark in ("event", "keyword", "bounded", "own")]
    assert {site.file for site in sites} == {__file__}
    assert [primitive._loopscope_permits for primitive in made[1:]] == [3, 2, 4]
    with pytest.raises(ValueError, match="must be >= 0") as raised:
        asyncio.Semaphore(-1)
    assert [entry.name for entry in raised.traceback[:2]] == [
        "test_a_primitive_knows_where_it_was_made",
        "__init__",
    ]
    assert raised.traceback[1].path.name == "locks.py"
    under_load.finish()


@pytest.mark.parametrize("compiled", ["on", "off"])
def test_who_gives_a_signal_is_noted_if_it_has_a_record(observe, compiled):
    """And not a thin task, nor a callback."""
    seen = observe(compiled=compiled, drain_interval=60.0)

    async def main():
        event = asyncio.Event()
        recorder.detail.left = -1000.0
        await asyncio.create_task(gives(event))
        asyncio.get_running_loop().call_soon(event.set)
        await asyncio.sleep(0)
        assert not hasattr(event, PARTNERS)
        event.set()
        return [partner.task.coroutine for partner in getattr(event, PARTNERS).values()]

    async def gives(event):
        event.set()

    assert [name.rpartition(".")[2] for name in asyncio.run(main())] == ["main"]
    seen.finish()


CROWD = """
import asyncio, gc, loopscope
loopscope.instrument(journal="off", metrics_port=-1, spans="off")
async def part(gate):
    async with gate:
        await asyncio.sleep(0)
async def main():
    gates = [asyncio.Semaphore(1) for _ in range(100)]
    await asyncio.gather(*(part(gate) for gate in gates for _ in range(2)))
    parts = [part for gate in gates for part in gc.get_referents(gate)]
    return [part for part in parts if type(part) is dict and "_value" in part]
print(asyncio.run(main()))
"""


def test_a_crowd_of_primitives_has_no_dictionaries():
    """Attributes of ours do not take the room of asyncio's own, which come later."""
    command = [sys.executable, "-c", CROWD]
    crowd = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert crowd.stdout == "[]\n"


def test_only_room_in_asyncios_own_classes_is_reserved(monkeypatch):
    """One that is somebody's may do anything when an object of it is made."""

    class Own(asyncio.Semaphore):
        def __new__(cls, permits):
            raise AssertionError

    monkeypatch.setattr(holding, "VARIETIES", (Own, print))
    holding.reserve_attributes()
    with pytest.raises(AssertionError):
        Own(1)
