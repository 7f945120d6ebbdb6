"""What pools of databases share: a coroutine that waits for a connection and lends it."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from loopscope.hooks import connections, holding
from loopscope.recorder import recorder
from loopscope.tracebacks import step_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loopscope.records import Resource, Wait


class Lender(NamedTuple):
    """How to read a library's pool; ``place`` names faults."""

    place: str
    pool_of: Callable[[Any], Resource]
    waits: Callable[[Any], bool]  # would the next one have to wait, rather than get a connection or an error?
    lent: Callable[[Any], Any]  # what will come back, of what the coroutine returns

    def lending(self, original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Wrap the pool's coroutine that gives a connection."""

        async def lend(pool: Any, /, *args: Any, **options: Any) -> Any:
            wait = self._begin_if_it_waits(pool)
            try:
                inner = original(pool, *args, **options)
                connection = await (inner if wait is None else holding.watched(inner, wait))
            except BaseException as error:
                step_out(error)
                raise
            try:
                connections.lend(self.pool_of(pool), self.lent(connection), sys._getframe(1))
            except Exception:
                recorder.fault(self.place)
            return connection

        def call(pool: Any, /, *args: Any, **options: Any) -> Awaitable[Any]:
            return lend(pool, *args, **options)

        return (
            lend if inspect.iscoroutinefunction(original) else call
        )  # some are decorated by plain functions

    def _begin_if_it_waits(self, pool: Any) -> Wait | None:
        try:
            if self.waits(pool):
                return connections.begin_wait(self.pool_of(pool), sys._getframe(2))
        except Exception:
            recorder.fault(self.place)
        return None
