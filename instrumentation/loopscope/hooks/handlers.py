"""Handlers: the functions of a program that a framework calls, and what their jobs are called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from loopscope.records import NOWHERE

if TYPE_CHECKING:
    from loopscope.records import Job, Place, RawPlace


def first_line(function: Any) -> Place | RawPlace:
    """Where a handler is written, inside its decorators; NOWHERE for an object without code."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    return (code, 0) if code is not None else NOWHERE


def rename(job: Job | None, name: str, function: Any) -> None:
    """What a job is called after its handler is found."""
    if job is not None:
        job.name, job.site = name, first_line(function)
