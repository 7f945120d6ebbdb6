"""Looking at threads from another one changes nothing for them."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

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


@pytest.mark.parametrize("look", [look_at_once, look_as_the_watchdog_does])
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
    look(thread)
    go_on.set()
    thread.join()
    assert held[0]() is None


def test_the_own_thread_is_not_among_the_others():
    """Its frame would hold the dictionary that holds it."""
    assert threading.get_ident() not in other_frames()
