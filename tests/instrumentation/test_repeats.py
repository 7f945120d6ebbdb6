"""Which line of the user's repeats a wait."""

import asyncio

from loopscope import awaits, repeats


async def call():
    await asyncio.get_running_loop().create_future()


async def in_for():
    for _ in range(3):
        await call()


async def in_while():
    while True:
        await call()


async def behind_for():
    for _ in range(3):
        pass
    await call()


async def in_comprehension():
    return [await call() for _ in range(3)]


async def further_out():
    for _ in range(2):
        await behind_for()


async def repeated(coroutine):
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    found = repeats.repeating(reversed(awaits.walk(task.get_coro())))
    task.cancel()
    return found.line - coroutine.cr_code.co_firstlineno if found.line else None


def test_the_line_inside_the_for_loop_is_found():
    """Not that of a while loop, nor one behind the loop."""
    assert asyncio.run(repeated(in_for())) == 2
    assert asyncio.run(repeated(in_while())) is None
    assert asyncio.run(repeated(behind_for())) is None


def test_a_comprehension_is_a_loop():
    """Whether or not it has a frame of its own."""
    assert asyncio.run(repeated(in_comprehension())) == 1


def test_the_loop_may_be_further_out():
    """The innermost one counts, wherever on the chain."""
    assert asyncio.run(repeated(further_out())) == 2
