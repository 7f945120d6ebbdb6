"""The rules, one file each. To add one, add a file here; nothing else has to know of it.

The file holds one class whose instances are rules and ends with ``rule = ThatClass()``::

    class Convoy:
        kind = CONVOY            # a word of `loopscope.diagnosis.words`
        LEAST_WAITED = 1.0       # thresholds are named class constants, seconds and shares

        def applies(self, case: Case) -> bool:
            return bool(case.history.holds)          # cheap; False costs nothing more

        def examine(self, case: Case) -> Iterable[Finding] | NotEnough:
            ...                                      # pure: reads the case, yields findings

Facts come from the case only: open work (`case.tasks`, `case.waits`, `case.waiters`, `case.holds`,
`case.items`), what has ended (`case.history`: tallies by place, the last records, faults, blocks, samples)
and the wait-for graph (`case.graph`). A rule never looks into the process, so it
says the same of a journal. It knows mechanisms, never names.

Fill in `hit`, the ids of tasks that suffer, and `roots`, of those at fault: the engine folds symptoms into
their cause by them, and ranks by severity, confidence and `cost`. Severity: critical when something stands
still for good, warning when work is lost or slow, info for what a reader might like to know. What is healthy
by design (idle consumers, long polls, schedulers, servers, rate limiters) gives nothing above info.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopscope.diagnosis.case import Case
    from loopscope.diagnosis.words import NotEnough
    from loopscope.records import Finding


class Rule(Protocol):
    """One mechanism by which programs get stuck or slow."""

    @property
    def kind(self) -> str: ...

    def applies(self, case: Case) -> bool: ...

    def examine(self, case: Case) -> Iterable[Finding] | NotEnough: ...


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule there is, in the order of the file names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast("Rule", importlib.import_module(f"{__name__}.{name}").rule) for name in names)
