"""Each mechanism is found in a program that has it, by its line, live and from the journal alike."""

import runpy
from pathlib import Path

import pytest

SICK = [Path(__file__).with_name(name) for name in ("sick_with_locks.py", "sick_with_partners.py")]
KINDS = {
    program.__name__: kind for file in SICK for program, kind in runpy.run_path(file)["PROGRAMS"].items()
}
LINES = {
    program: (str(file), number)
    for file in SICK
    for number, line in enumerate(file.read_text().splitlines(), 1)
    for program in KINDS
    if line.endswith(f"# {program}")
}


@pytest.mark.parametrize("side", ["live", "journal"])
@pytest.mark.parametrize("program", KINDS)
def test_what_is_ill_is_named_with_its_line(said_of_sick, program, side):
    """The kind of the finding and the line it blames are right."""
    found = {(f.kind, (f.file, f.line)) for f in getattr(said_of_sick, side)}
    assert (KINDS[program], LINES[program]) in found


@pytest.mark.parametrize("side", ["live", "journal"])
def test_nothing_else_is_called_ill(said_of_sick, side):
    """One finding a program: symptoms are folded into their cause."""
    serious = {(f.kind, (f.file, f.line)) for f in getattr(said_of_sick, side) if f.severity != "info"}
    assert serious - {(KINDS[program], LINES[program]) for program in KINDS} == set()


def test_the_journal_says_what_the_process_says(said_of_sick):
    """The same rules over the same facts."""
    live, journal = ({(f.kind, f.line, f.resource, f.severity) for f in side} for side in said_of_sick)
    assert live == journal


@pytest.mark.parametrize("side", ["live", "journal"])
def test_what_is_healthy_by_design_is_left_in_peace(said_of_healthy, side):
    """No finding above information."""
    assert [f.explain for f in getattr(said_of_healthy, side) if f.severity != "info"] == []


def test_a_finding_says_who_is_hit_why_and_what_to_do(said_of_sick):
    """Victims, evidence in numbers, an explanation with the resource's name, a remedy."""
    (found,) = [f for f in said_of_sick.live if (f.file, f.line) == LINES["permits_inside_permits"]]
    assert found.resource == "slots"
    assert found.evidence["permits"] == 3
    assert found.evidence["waiting"] == 4
    assert 'semaphore "slots" (0 of 3 free)' in found.explain
    assert "permits_inside_permits" in found.victims
    assert found.fix
    assert found.code == "async with slots:  # permits_inside_permits"
