"""The place of a caller is found alike in C and in Python."""

from __future__ import annotations

import asyncio
import sys

from loopscope import places
from loopscope.records import NOWHERE


def both(frame):
    """What is found in C and in Python, while the frame stands still."""
    return places.note_caller(frame), places.walk(frame)


def test_the_callers_place_is_found_alike():
    """Of a user's file that was seen before and one that was not, of a library, and none."""
    here = sys._getframe()
    unseen = {"frame": sys._getframe}
    exec(compile("found = frame()", "/srv/unseen.py", "exec"), unseen)
    coroutine = asyncio.sleep(1)
    frames = [here, here, unseen["found"], unseen["found"], here.f_back, coroutine.cr_frame, None]
    found = [both(frame) for frame in frames]
    coroutine.close()
    assert [in_c for in_c, _ in found] == [in_python for _, in_python in found]
    files = [place[0].co_filename for place, _ in found[:5]]
    assert files[:4] == [__file__, __file__, "/srv/unseen.py", "/srv/unseen.py"]
    assert "/site-packages/" in files[4]
    assert [place for place, _ in found[5:]] == [NOWHERE, NOWHERE]


def test_the_walk_ends_at_the_event_loop_unless_that_sleeps():
    """A library's callback has no caller; what is called inside `select`, as a signal's handler is, has."""
    source = "def turn(call, look): call(look)\ndef select(look): look()\ndef step(look): look()"
    loops = {}
    exec(compile(source, asyncio.base_events.__file__, "exec"), loops)
    places.stop_codes.add(id(loops["turn"].__code__))
    found = []
    for inside in ("step", "select"):
        loops["turn"](loops[inside], lambda: found.append(both(sys._getframe(1))))
    places.stop_codes.discard(id(loops["turn"].__code__))
    (step, _), (select, _) = found
    assert [in_c for in_c, _ in found] == [in_python for _, in_python in found]
    assert step is NOWHERE
    assert select[0].co_name == "test_the_walk_ends_at_the_event_loop_unless_that_sleeps"


def test_what_ends_a_walk_is_forgotten_with_the_hooks(observe):
    """Code that is gone leaves its address to other code, a hook's of the next time among it."""
    seen = observe()
    assert id(asyncio.BaseEventLoop._run_once.__code__) in places.stop_codes
    seen.finish()
    assert places.stop_codes == set()
