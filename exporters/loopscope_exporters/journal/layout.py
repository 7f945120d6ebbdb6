"""The layout of a segment: its version, its schema, and the queries, which live in ``.sql`` files."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

SCHEMA_VERSION = 4
SUFFIX = ".db"


@cache
def schema() -> str:
    """The statements that make an empty segment."""
    return _text("schema.sql")


@cache
def query(name: str) -> str:
    """The text of ``queries/<name>.sql``."""
    return _text("queries", f"{name}.sql")


def _text(*path: str) -> str:
    return files("loopscope_exporters.journal").joinpath(*path).read_text(encoding="utf-8")
