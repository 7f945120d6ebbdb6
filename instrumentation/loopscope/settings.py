"""Settings: each is a keyword of `instrument()` and a variable ``LOOPSCOPE_<NAME>``; keywords win."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PREFIX = "LOOPSCOPE_"
LEAST_INTERVAL = 0.001  # s; a thread of ours that never pauses takes a processor


class SettingsError(ValueError):
    """A setting that cannot be used; the text says what was found, what was expected and what to do."""


def default_journal() -> str:
    state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return str(Path(state) / "loopscope" / "journal")


def default_service() -> str:
    return os.environ.get("OTEL_SERVICE_NAME") or Path(sys.argv[0] or "python").stem or "python"


@dataclass(frozen=True, slots=True)
class Settings:
    """All times are seconds, all sizes bytes."""

    service: str = field(default_factory=default_service)
    journal: str = field(default_factory=default_journal)  # a folder, or "off"
    journal_segment_bytes: int = 128_000_000
    journal_segment_rows: int = 1_000_000
    journal_segment_seconds: float = 900.0
    journal_retention_bytes: int = 1_000_000_000
    metrics_port: int = 9464  # 0: any free port, -1: no server
    metrics_host: str = "127.0.0.1"
    spans: str = (
        "auto"  # auto: when the application has a TracerProvider or OTEL_* names an endpoint; on; off
    )
    http_propagation: bool = False  # add trace headers to outgoing requests
    propagate_context: bool = True  # context variables travel into executor threads
    drain_interval: float = 0.1
    sample_interval: float = 1.0
    block_threshold: float = 0.1
    slice_threshold: float = 0.01
    wait_threshold: float = 0.001  # shorter waits for a resource are counted, not recorded
    suspension_threshold: float = 0.005  # shorter waits for anything else are not seen
    hold_threshold: float = 0.01  # shorter holds are not recorded once they ended
    stuck_after: float = 30.0
    diagnosis_interval: float = 5.0  # between two looks for what is wrong; longer when a look is costly
    detail_rate: int = 200  # records a second that are kept in full; what is over it is counted; 0: keep all
    detail_burst: int = 20_000  # as many more after a quiet time
    detail_over: float = 0.25  # what lasted longer, or failed, is kept in any case
    compiled: bool = True  # use the compiled hooks where they are there; off: those in Python
    max_pending: int = 500_000  # records between two drains
    max_open: int = 500_000  # open tasks, jobs, work items

    @classmethod
    def read(cls, **given: Any) -> Settings:
        """Settings from keywords, else from the environment, else the defaults.

        Raises SettingsError for an unknown keyword or a value of the wrong kind.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(given) - set(fields))
        if unknown:
            raise SettingsError(f"unknown setting {unknown[0]!r}; expected one of: {', '.join(fields)}")
        values: dict[str, Any] = {}
        for name, spec in fields.items():
            if given.get(name) is not None:
                values[name] = _convert(name, spec.type, given[name])
            elif text := os.environ.get(PREFIX + name.upper()):
                values[name] = _convert(PREFIX + name.upper(), spec.type, text)
        return cls(**values)


def _convert(label: str, kind: Any, value: Any) -> Any:
    """A value as the type its field names; ``kind`` is the annotation's text."""
    try:
        if kind == "bool":
            if isinstance(value, bool):
                return value
            return {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}[
                str(value).lower()
            ]
        if label.lower().endswith("port") and str(value).lower() == "off":
            return -1
        number = {"int": int, "float": float, "str": str}[kind](value)
    except (KeyError, TypeError, ValueError):
        expected = {"int": "a whole number", "float": "a number", "bool": "true or false"}[kind]
        raise SettingsError(f"{label} is {value!r}; expected {expected}") from None
    if kind == "float" and not math.isfinite(number):
        raise SettingsError(f"{label} is {value!r}; expected a finite number; a large one means never")
    if label.lower().endswith("interval") and number < LEAST_INTERVAL:
        raise SettingsError(f"{label} is {value!r}; expected at least {LEAST_INTERVAL} seconds")
    if kind in {"int", "float"} and number < (-1 if label.lower().endswith("port") else 0):
        raise SettingsError(f"{label} is {value!r}; expected a number that is not negative")
    return number
