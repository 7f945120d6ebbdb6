"""Coroutines that nobody awaits: the line that called for them, and the warning as ever."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import warnings

import pytest

from loopscope.fault_kinds import COLLECTED, NEVER_AWAITED
from loopscope.recorder import recorder


async def speak(text="hello"):
    await asyncio.sleep(0)
    return text


def test_a_coroutine_never_awaited_names_the_line_that_made_it(seen, line_of):
    """The warning comes as ever, with the same words about the same line."""

    async def main():
        speak("into the void")  # forgotten await

    with pytest.warns(RuntimeWarning, match="'speak' was never awaited") as said:
        seen.run(main())
    fault = seen.fault(NEVER_AWAITED)
    assert (fault.subject, fault.place.file) == ("speak", __file__)
    assert fault.place.line == line_of("forgotten await")
    assert [(one.filename, one.lineno) for one in said] == [(__file__, fault.place.line)]


def test_a_coroutine_kept_in_a_variable_and_forgotten_names_the_call(seen, line_of):
    """It dies at the end of the function, or when a collection is emptied; the call is above."""

    def announce():
        pending = [speak("later")]  # kept and forgotten
        time.sleep(0)
        pending.clear()

    async def main():
        announce()

    with pytest.warns(RuntimeWarning, match="never awaited"):
        seen.run(main())
    assert seen.fault(NEVER_AWAITED).place.line == line_of("kept and forgotten")


def fetch_all():
    return [never_mentioned() for _ in range(2)]  # made and handed out


async def never_mentioned():
    """Its only mention is the call."""


def test_coroutines_handed_out_and_dropped_elsewhere_name_the_only_mention(seen, line_of):
    """Where they die nobody knows their name."""

    async def main():
        for coroutine in fetch_all():
            repr(coroutine)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = seen.run(main())
    assert {fault.place.line for fault in batch.faults} == {line_of("made and handed out")}


async def on_timer():
    """A callback that should have been a plain function."""


def arm(loop):
    loop.call_later(0.001, on_timer)  # callback is a coroutine function


def test_a_callback_that_is_a_coroutine_function_names_who_mentions_it(seen, line_of):
    """Below the loop there is no line of the user's; the one place that hands it over is."""

    async def main():
        arm(asyncio.get_running_loop())
        await asyncio.sleep(0.01)

    with pytest.warns(RuntimeWarning, match="never awaited"):
        seen.run(main())
    assert seen.fault(NEVER_AWAITED).place.line == line_of("callback is a coroutine function")


def test_the_warning_as_an_error_stays_one(seen, monkeypatch):
    """With `-W error` the interpreter reports what the filter raises, and goes on."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: unraisable.append(type(it.exc_value)))

    async def main():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            speak()

    seen.run(main())
    assert seen.fault(NEVER_AWAITED).subject == "speak"
    assert unraisable == [RuntimeWarning]


def test_very_many_faults_of_one_place_are_counted_not_kept(seen):
    """Dropping a coroutine at each turn would otherwise fill the journal; none is lost from the count."""

    async def main():
        for _ in range(500):
            speak()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = seen.run(main())
    dropped = [fault for fault in batch.faults if fault.kind == NEVER_AWAITED]
    assert sum(fault.times for fault in dropped) == 500
    assert len(dropped) < 200
    assert seen.state.faults_seen[NEVER_AWAITED] == 500
    assert not recorder.open_faults


def test_where_a_collected_task_stood_is_no_alibi_for_what_comes_after(seen):
    """Coroutines that the collector closed leave their addresses to others, which may be dropped in turn."""

    async def waits():
        keeper = asyncio.get_running_loop().create_future()
        keeper.task = asyncio.current_task()
        await keeper

    async def main():
        for _ in range(50):
            asyncio.create_task(waits())  # noqa: RUF006  # that is how it gets lost
        await asyncio.sleep(0)
        gc.collect()
        dropped = [waits() for _ in range(200)]
        dropped.clear()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen.run(main())
    assert seen.state.faults_seen[COLLECTED] == 50
    assert seen.state.faults_seen[NEVER_AWAITED] == 200
