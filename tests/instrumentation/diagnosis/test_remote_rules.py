"""Who waits for somebody outside in vain is found by its line, live and from the journal alike."""

import runpy
from pathlib import Path

import pytest

SICK = Path(__file__).with_name("remote_sick.py")
LINES = SICK.read_text().splitlines()
KINDS = {program.__name__: kind for program, kind in runpy.run_path(SICK)["PROGRAMS"].items()}
SIDES = pytest.mark.parametrize("side", ["live", "journal"])


def line_of(program):
    """The line that carries the program's name in a comment."""
    (line,) = [number for number, text in enumerate(LINES, 1) if text.endswith(f"# {program}")]
    return line


@SIDES
@pytest.mark.parametrize("program", KINDS)
def test_what_is_ill_is_named_with_its_line(said_of_remote_sick, program, side):
    """The kind of the finding and the line it blames are right."""
    found = {(f.kind, f.line) for f in getattr(said_of_remote_sick, side) if f.severity != "info"}
    assert (KINDS[program], line_of(program)) in found


@SIDES
def test_nothing_else_is_called_ill(said_of_remote_sick, side):
    """One finding a program: symptoms are folded into their cause."""
    serious = {(f.kind, f.line) for f in getattr(said_of_remote_sick, side) if f.severity != "info"}
    assert serious - {(KINDS[program], line_of(program)) for program in KINDS} == set()


@SIDES
def test_who_waits_long_by_design_is_left_in_peace(said_of_remote_healthy, side):
    """Long polls, subscriptions, idle connections, small pools and slow readers are no findings."""
    assert [f.explain for f in getattr(said_of_remote_healthy, side) if f.severity != "info"] == []


def test_a_kept_connection_is_told_with_numbers(said_of_remote_sick):
    """How many of how many, by whom, and what to do."""
    (found,) = [f for f in said_of_remote_sick.live if f.line == line_of("responses_left_open")]
    assert found.evidence["connections"] == found.evidence["kept"] == 2
    assert found.evidence["kept_by_ended_tasks"] == 2
    assert found.evidence["waiting"] == 2
    assert "2 of its 2 connections" in found.explain
    assert "async with" in found.fix
