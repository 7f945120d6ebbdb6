"""Keeps frames of ours out of the tracebacks that a program's author reads."""

from __future__ import annotations


def step_out(error: BaseException) -> None:
    """Take the frame that caught an exception off its traceback.

    To be followed by a bare ``raise``, which does not put it on again. The setter of `BaseException` is used,
    since an exception may be a frozen dataclass.
    """
    traceback = error.__traceback__
    if traceback is not None:
        BaseException.with_traceback(error, traceback.tb_next)
