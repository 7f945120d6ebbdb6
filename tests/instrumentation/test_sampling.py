"""Looking at threads from another one changes nothing for them."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref

import pytest

from loopscope import lookout
from loopscope.clock import now
from loopscope.hotspots import Hotspots
from loopscope.sampling import other_frames
from loopscope.watchdog import Watchdog


class Payload:
    """What a thread has in a local variable."""


@pytest.fixture
def uncollected():
    """Only the count of references decides."""
    gc.disable()
    yield
    gc.enable()


def look_at_once(thread):
    Hotspots().look_at(frozenset({thread.ident}))


def look_as_the_watchdog_does(thread):
    watchdog = Watchdog({}, lambda block: None)
    watchdog.hotspots.computing = frozenset({thread.ident})
    watchdog.look(1)


def look_in_the_watchdogs_stead(thread):
    lookout._lookout.start("the test", [], sys._current_frames)
    lookout._lookout.expect(now())
    time.sleep(0.1)
    seen = lookout._lookout.take()
    lookout._lookout.stop("the test")
    assert "work" in {code.co_name for code, _ in seen[1][thread.ident]}
    return seen


@pytest.mark.parametrize("look", [look_at_once, look_as_the_watchdog_does, look_in_the_watchdogs_stead])
def test_what_a_thread_had_is_gone_with_it(uncollected, look):
    """Whoever looked at its frames has let go of them, with all their variables, without the collector."""
    stands, go_on = threading.Event(), threading.Event()
    held = []

    def work():
        payload = Payload()
        held.append(weakref.ref(payload))
        stands.set()
        go_on.wait()

    thread = threading.Thread(target=work)
    thread.start()
    stands.wait()
    kept = look(thread)
    go_on.set()
    thread.join()
    assert held[0]() is None
    del kept


def test_the_own_thread_is_not_among_the_others():
    """Its frame would hold the dictionary that holds it."""
    assert threading.get_ident() not in other_frames()
